// Plan as data: a phase turns (spec, observed) into steps; `plan` prints them, `apply` runs the very same objects.
import type { Context } from '../core/context.ts';
import type { ObservedPart } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { Toolbox } from './toolbox.ts';

/** What a step does to the quorum while it runs; the gate counts it. */
export interface Disruption {
  /** The control plane whose etcd member and API server are down meanwhile. */
  readonly machine: string;
  readonly kind: 'restart' | 'remove';
  /** How long it can take until the restart has begun, milliseconds. */
  readonly settleMs?: number;
}

/** The lane of what has to do with kubelets' serving certificates. */
export const SERVING_LANE = 'serving-certificates';

export interface Step {
  /** Unique within its phase: `cp1/kubelet`. */
  readonly id: string;
  /** Steps of one lane run in order, lanes run in parallel. A machine's name, or a word such as `cluster`. */
  readonly lane: string;
  /** Absent when it acts on the cluster or this host as a whole. */
  readonly machine?: string;
  /** Imperative, for the plan: `write the etcd manifest`. */
  readonly title: string;
  /** Why it is needed: `not there yet`, `content differs from cluster.yaml`. */
  readonly why: string;
  readonly disruption?: Disruption;
  run(ctx: Context, tools: Toolbox): Promise<void>;
}

export interface Phase {
  /** verb-noun: `start-control-plane`. */
  readonly id: string;
  readonly title: string;
  /** What it plans from beside the machines themselves. */
  readonly needs?: readonly ObservedPart[];
  /**
   * Pure: what has to be done, given what was observed. An empty list means that the phase is done. May throw a
   * QuorateError when what was observed must not be touched (PKI_CONFLICT, IMMUTABLE_CHANGE).
   */
  plan(spec: ClusterSpec, observed: Observed): readonly Step[];
}
