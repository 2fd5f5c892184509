import type { Observed } from '../observe/observed.ts';
import { PHASES } from '../phases/index.ts';
import type { Phase, Step } from '../phases/step.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';
import { describeQuorum } from '../topology/quorum.ts';
import { refuseImmutableChanges } from './guard.ts';

export interface PlannedPhase {
  readonly phase: Phase;
  readonly steps: readonly Step[];
}

/** Every phase that has something to do, with its steps. Pure. Throws what a phase throws when it must not touch. */
export function makePlan(spec: ClusterSpec, observed: Observed, phases: readonly Phase[] = PHASES): PlannedPhase[] {
  refuseImmutableChanges(spec, observed);
  return phases.map((phase) => ({ phase, steps: phase.plan(spec, observed) })).filter(({ steps }) => steps.length > 0);
}

/** Machines that a plan says nothing about because they do not answer. Stopped local ones are started by the plan. */
export function skippedMachines(spec: ClusterSpec, observed: Observed): { name: string; reason: string }[] {
  return spec.machines.flatMap(({ name }) => {
    const seen = observed.machines[name];
    return seen?.state === 'unreachable' ? [{ name, reason: seen.error?.message ?? 'does not answer' }] : [];
  });
}

/** One step as data. */
export interface PlanStep {
  readonly id: string;
  readonly machine?: string;
  readonly title: string;
  readonly why: string;
  /** true: its control plane is down for a moment; the quorum gate decides before it runs. */
  readonly disruptive: boolean;
}

/** What `up` would do. */
export interface PlanReport {
  readonly cluster: string;
  readonly kubernetesVersion: string;
  readonly endpoint: string;
  /** The arithmetic of the specified control planes: `3 voters, quorum 2, tolerates 1 failure`. */
  readonly quorum: string;
  readonly changes: number;
  readonly phases: readonly { readonly id: string; readonly title: string; readonly steps: readonly PlanStep[] }[];
  /** Machines that do not answer and are left out. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** A plan as data. */
export function planReport(spec: ClusterSpec, observed: Observed, planned: readonly PlannedPhase[]): PlanReport {
  const phases = planned.map(({ phase, steps }) => ({
    id: phase.id,
    title: phase.title,
    steps: steps.map(({ id, machine, title, why, disruption }) => ({
      id,
      ...(machine === undefined ? {} : { machine }),
      title,
      why,
      disruptive: disruption !== undefined,
    })),
  }));
  return {
    cluster: spec.name,
    kubernetesVersion: spec.kubernetesVersion,
    endpoint: spec.endpoint.url,
    quorum: describeQuorum(controlPlanes(spec).length),
    changes: phases.reduce((sum, { steps }) => sum + steps.length, 0),
    phases,
    skipped: skippedMachines(spec, observed),
  };
}
