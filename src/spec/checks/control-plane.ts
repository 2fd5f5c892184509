import { type Finding, invalid, warning } from '../problem.ts';
import { MAX_VOTERS, quorum, tolerance } from '../voters.ts';
import { groupBy, listNames, MACHINES, type MachineView, type SpecView } from './view.ts';

/** The number of control planes: with stacked etcd each is a voter. */
export function* checkControlPlaneCount(view: SpecView): Iterable<Finding> {
  const count = controlPlanesOf(view).length;
  if (!view.areRolesKnown || view.spec.etcd?.topology === 'external') return;
  const place = { at: 'key' } as const;
  if (count === 0) {
    const message = 'spec.machines has no control plane: nothing would run the API';
    yield invalid(MACHINES, message, 'add, for example: { name: cp1, role: control-plane, local: {} }', place);
  } else if (count > MAX_VOTERS) {
    const message =
      `${count} control planes are too many: each is an etcd member, every write waits for a majority of them, and etcd's ` +
      `own advice is no more than ${MAX_VOTERS} (etcd FAQ, "What is maximum cluster size?")`;
    yield invalid(MACHINES, message, `use ${MAX_VOTERS} at most; 5 tolerate ${tolerance(5)} failures`, place);
  } else if (count % 2 === 0) {
    yield invalid(
      MACHINES,
      evenMessage(count),
      `use ${count === 2 ? 3 : `${count - 1} or ${count + 1}`} control planes`,
      place,
    );
  } else if (count === 1) {
    const message =
      'one control plane is not highly available: while it is down the API is down, nothing is scheduled or healed, and losing ' +
      "its disk loses the cluster's state (1 voter, quorum 1, tolerates 0 failures)";
    yield warning(MACHINES, message, 'use 3 control planes to survive the loss of any one', place);
  }
}

function evenMessage(count: number): string {
  const less = count - 1;
  return (
    `${count} control planes tolerate ${failures(tolerance(count))}, as ${less} ${less === 1 ? 'does' : 'do'}: the quorum of ${count} ` +
    `voters is ${quorum(count)}, that of ${less} is ${quorum(less)}. One more machine that can fail, and no more safety`
  );
}

function failures(count: number): string {
  return count === 1 ? '1 failure' : `${count} failures`;
}

/** Something has to carry pods: control planes are tainted (requirements 2). */
export function* checkWorkers(view: SpecView): Iterable<Finding> {
  if (!view.areRolesKnown || view.machines.length === 0 || view.machines.some(({ role }) => role === 'worker')) return;
  const message = 'there is no worker: control planes refuse ordinary pods by their taints, so workloads stay Pending';
  yield warning(MACHINES, message, 'add, for example: { name: worker1, role: worker, local: {} }', { at: 'key' });
}

/** What losing a zone does, when zones are used. */
export function* checkZones(view: SpecView): Iterable<Finding> {
  const members = controlPlanesOf(view);
  const { length: count } = members;
  if (!view.areRolesKnown || count < 3 || count % 2 === 0) return;
  const zones = groupBy(members, (machine) => machine.draft.zone ?? undefined);
  for (const [zone, inside] of zones) {
    if (zone === undefined || inside.length <= tolerance(count)) continue;
    const left = count - inside.length;
    const all = left === 0 ? `all ${count}` : `${inside.length} of ${count}`;
    const message =
      `zone "${zone}" holds ${all} control planes (${listNames(inside.map(({ title }) => title))}): losing it leaves ${left} ` +
      `of the ${quorum(count)} voters that a quorum needs, and the API stops`;
    const fix = `put at most ${tolerance(count)} of ${count} control planes in one zone; that takes 3 zones`;
    yield warning([...(inside[0]?.path ?? MACHINES), 'zone'], message, fix);
  }
}

function controlPlanesOf(view: SpecView): readonly MachineView[] {
  return view.machines.filter(({ role }) => role === 'control-plane');
}
