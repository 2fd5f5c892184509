// Plan as data: a phase turns (spec, observed) into steps; `plan` prints them, `apply` runs the very same objects.
import type { Context } from '../core/context.ts';
import type { ObservedPart } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';
import type { Toolbox } from './toolbox.ts';

/** What a step does to the quorum while it runs; the gate counts it. */
export interface Disruption {
  /** The machine whose etcd member is down meanwhile, leaves, or becomes a voter. */
  readonly machine: string;
  /** restart: the step returns only when the member is back. */
  readonly kind: 'restart' | 'remove' | 'promote';
}

/** The lane of changes to machines that serve: one machine after the other. */
export const SERIAL_LANE = 'one-at-a-time';

/** The lane of what has to do with kubelets' serving certificates. */
export const SERVING_LANE = 'serving-certificates';

/**
 * One thing to do. It may run again after a run that was killed in it, so it has to bear that; it throws a QuorateError when
 * it cannot be done.
 */
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
  /** Parts of a step that does several things as one, because they are undone together. */
  readonly details?: readonly string[];
  readonly disruption?: Disruption;
  run(ctx: Context, tools: Toolbox): Promise<void>;
}

/** One kind of work, for all machines that need it. Planned again just before it runs. */
export interface Phase {
  /** verb-noun: `start-control-plane`. */
  readonly id: string;
  readonly title: string;
  /** What it plans from beside the machines themselves. */
  readonly needs?: readonly ObservedPart[];
  /** true: it changes clusters that live already; the run that makes a new one leaves it out. */
  readonly isForLiving?: true;
  /**
   * Pure: what has to be done, given what was observed. An empty list means that the phase is done. May throw a
   * QuorateError when what was observed must not be touched (PKI_CONFLICT, IMMUTABLE_CHANGE).
   */
  plan(spec: ClusterSpec, observed: Observed): readonly Step[];
}
