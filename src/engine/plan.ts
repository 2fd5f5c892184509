import { withLeaving } from '../machines/fleet.ts';
import type { Observed } from '../observe/observed.ts';
import { PHASES } from '../phases/index.ts';
import { clusterLife } from '../phases/membership.ts';
import type { Disruption, Phase, Step } from '../phases/step.ts';
import { type ClusterSpec, etcdMachines } from '../spec/types.ts';
import { afterAction, describeQuorum, mayDisrupt } from '../topology/quorum.ts';
import { quorumView } from './gate.ts';
import { refuseImpossibleChanges } from './guard.ts';

/** A phase that has something to do, and its steps: never an empty list. */
export interface PlannedPhase {
  readonly phase: Phase;
  readonly steps: readonly Step[];
}

/** Every phase that has something to do, with its steps. Pure. Throws what a phase throws when it must not touch. */
export function makePlan(spec: ClusterSpec, observed: Observed, phases: readonly Phase[] = PHASES): PlannedPhase[] {
  refuseImpossibleChanges(spec, observed);
  const isLiving = clusterLife(spec, observed) !== 'new';
  return phases
    .filter(({ isForLiving }) => isLiving || !isForLiving)
    .map((phase) => ({ phase, steps: phase.plan(spec, observed) }))
    .filter(({ steps }) => steps.length > 0);
}

/** Machines that a plan says nothing about because they do not answer. Stopped local ones are started by the plan. */
export function skippedMachines(spec: ClusterSpec, observed: Observed): { name: string; reason: string }[] {
  // One that is to leave is taken out as far as the others can do it: that is no omission.
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
  /** The parts of a step that does several things as one. */
  readonly details?: readonly string[];
  /** true: a part of the control plane is down for a moment or changes its membership; the quorum gate decides before it runs. */
  readonly disruptive: boolean;
  /** What the gate will say, when nothing else changes meanwhile: `3 voters, 1 planned down, tolerance left 0`. */
  readonly quorum?: string;
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
  const budget = quorumBudget(spec, observed);
  const phases = planned.map(({ phase, steps }) => ({
    id: phase.id,
    title: phase.title,
    steps: steps.map((step) => planStep(step, budget)),
  }));
  return {
    cluster: spec.name,
    kubernetesVersion: spec.kubernetesVersion,
    endpoint: spec.endpoint.url,
    quorum: describeQuorum(etcdMachines(spec).length),
    changes: phases.reduce((sum, { steps }) => sum + steps.length, 0),
    phases,
    skipped: skippedMachines(spec, observed),
  };
}

function planStep(step: Step, budget: (disruption: Disruption) => string): PlanStep {
  const { id, machine, title, why, details, disruption } = step;
  return {
    id,
    ...(machine === undefined ? {} : { machine }),
    title,
    why,
    ...(details === undefined ? {} : { details }),
    disruptive: disruption !== undefined,
    ...(disruption === undefined ? {} : { quorum: budget(disruption) }),
  };
}

/** The gate's arithmetic over the steps of a plan in their order: each finds the members as the ones before it leave them. */
function quorumBudget(spec: ClusterSpec, observed: Observed): (disruption: Disruption) => string {
  let view = quorumView(withLeaving(spec, observed.leaving), observed);
  return (disruption) => {
    const { reason } = mayDisrupt(view, { ...disruption, outageAccepted: true });
    view = afterAction(view, disruption);
    return reason;
  };
}
