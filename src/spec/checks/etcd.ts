import { type Finding, invalid, warning } from '../problem.ts';
import { MAX_VOTERS, quorum, tolerance } from '../voters.ts';
import { listNames, MACHINES, type SpecView } from './view.ts';

/** External etcd: machines of its own, an odd number of them; with stacked etcd there are none. */
export function* checkEtcdMachines({ spec, machines, areRolesKnown }: SpecView): Iterable<Finding> {
  if (!areRolesKnown) return;
  const members = machines.filter(({ role }) => role === 'etcd');
  if (spec.etcd?.topology !== 'external') {
    const [first] = members;
    if (first === undefined) return;
    const message = `machines of role etcd (${listNames(members.map(({ title }) => title))}) would carry nothing: etcd.topology is stacked`;
    yield invalid([...first.path, 'role'], message, 'write etcd: { topology: external }, or remove these machines');
    return;
  }
  const count = members.length;
  const place = { at: 'key' } as const;
  const advice = 'add, for example: { name: etcd1, role: etcd, local: {} }, three of them';
  if (count === 0) yield invalid(MACHINES, 'etcd.topology is external, but no machine has role etcd', advice, place);
  else if (count > MAX_VOTERS || count % 2 === 0) {
    const less = count > MAX_VOTERS ? MAX_VOTERS : Math.max(1, count - 1);
    const message = `${count} etcd machines have quorum ${quorum(count)} and tolerate ${tolerance(count)}, no more than ${less} do`;
    yield invalid(MACHINES, message, `use ${less === 1 ? 3 : less} machines of role etcd`, place);
  } else if (count === 1) {
    const message =
      'one etcd machine is not highly available: losing its disk loses the cluster (1 voter, tolerates 0 failures)';
    yield warning(MACHINES, message, 'use 3 machines of role etcd', place);
  }
}
