// Clusters in the middle of a change, for tests of plans.
import { expect } from 'vitest';
import { makePlan, type PlanStep, planReport } from '../../../src/engine/plan.ts';
import type { ObservedMember } from '../../../src/etcd/types.ts';
import type { ObservedNode } from '../../../src/kube/types.ts';
import type { MachineFacts } from '../../../src/machines/facts.ts';
import { leavingMachines } from '../../../src/observe/leaving.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { renderPlan } from '../../../src/report/plan-screen.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';

/** What an observation of `before` says when cluster.yaml says `spec`: new machines do not exist, dropped ones are to leave. */
export function facing(spec: ClusterSpec, before: Observed): Observed {
  const added = spec.machines.filter(({ name }) => before.machines[name] === undefined);
  const machines = {
    ...before.machines,
    ...Object.fromEntries(added.map(({ name }) => [name, { name, state: 'absent' as const }])),
  };
  return { ...before, machines, leaving: leavingMachines(spec, before) };
}

/** The observation with one machine's facts changed. */
export function withFacts(
  observed: Observed,
  name: string,
  change: (facts: MachineFacts) => Partial<MachineFacts>,
): Observed {
  const machine = observed.machines[name];
  const facts = machine?.facts ?? expect.fail(`no machine ${name}`);
  return {
    ...observed,
    machines: { ...observed.machines, [name]: { name, state: 'running', facts: { ...facts, ...change(facts) } } },
  };
}

/** The observation with etcd's members changed. */
export function withMembers(
  observed: Observed,
  change: (member: ObservedMember) => ObservedMember,
  added: readonly ObservedMember[] = [],
): Observed {
  return { ...observed, etcd: { alarms: [], members: [...(observed.etcd?.members ?? []).map(change), ...added] } };
}

/** The observation with one node changed. */
export function withNode(observed: Observed, name: string, change: Partial<ObservedNode>): Observed {
  const kube = observed.kube ?? expect.fail('answers');
  const nodes = kube.nodes.map((node) => (node.name === name ? { ...node, ...change } : node));
  return { ...observed, kube: { ...kube, nodes } };
}

/** The observation with a machine that has lost its power: no facts, a member that is silent, a node that is not Ready. */
export function withDead(observed: Observed, name: string): Observed {
  const error = { code: 'MACHINE_UNREACHABLE' as const, message: 'no route', hint: '', family: 'connect' as const };
  const silent = withMembers(observed, ({ status, ...member }) =>
    member.name === name || status === undefined ? member : { ...member, status },
  );
  const dead = withNode(silent, name, { ready: false });
  return { ...dead, machines: { ...dead.machines, [name]: { name, state: 'unreachable', error } } };
}

/** The observation with another leader of etcd. */
export function ledBy(observed: Observed, name: string): Observed {
  const leader = observed.etcd?.members.find((member) => member.name === name)?.id ?? expect.fail('is a member');
  return withMembers(observed, (member) =>
    member.status === undefined ? member : { ...member, status: { ...member.status, leaderId: leader } },
  );
}

/** The steps of the plan as data, each with its phase. */
export function planned(spec: ClusterSpec, observed: Observed): (PlanStep & { readonly phase: string })[] {
  const report = planReport(spec, observed, makePlan(spec, observed));
  return report.phases.flatMap(({ id, steps }) => steps.map((step) => ({ ...step, phase: id })));
}

/** `phase: step`, in the order in which they run. */
export function outline(spec: ClusterSpec, observed: Observed): string[] {
  return planned(spec, observed).map(({ phase, id }) => `${phase}: ${id}`);
}

/** The plan as people read it. */
export function screen(spec: ClusterSpec, observed: Observed): string {
  return `${renderPlan(planReport(spec, observed, makePlan(spec, observed)), PLAIN_THEME)}\n`;
}
