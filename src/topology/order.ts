// In which order, and how many at a time, members are disturbed.
import { tolerance } from '../spec/voters.ts';
import type { QuorumView } from './quorum.ts';

/** A member that is to be restarted or upgraded. */
export interface OrderTarget {
  readonly name: string;
  /** It leads etcd: disturbing it costs an election, so it comes last and only once. */
  readonly isLeader?: boolean;
  /** It holds the virtual IP: disturbing it moves the address. */
  readonly isVipHolder?: boolean;
}

/**
 * Batches of members for a disruptive step. Members that are down come first, since they have nothing to lose and the cluster
 * gains a voter; then followers; then the leader; among equals the holder of the virtual IP last; otherwise the given order.
 * A batch takes down no more voters than may fail, counting voters that are down and not among the targets. Where none may
 * fail, batches of one are returned: the gate (mayDisrupt) then says why it refuses. Each batch is to be up again before the
 * next one starts.
 */
export function disruptionBatches(targets: readonly OrderTarget[], view: QuorumView): readonly (readonly string[])[] {
  const downVoters = new Set(view.voters.filter(({ up }) => !up).map(({ name }) => name));
  const upVoters = new Set(view.voters.filter(({ up }) => up).map(({ name }) => name));
  const sorted = inOrder(targets).map(({ name }) => name);
  const repaired = sorted.filter((name) => downVoters.has(name));
  const rest = sorted.filter((name) => !downVoters.has(name));
  const lostElsewhere = view.voters.filter(
    ({ name, up }) => !sorted.includes(name) && (!up || view.plannedDown.includes(name)),
  ).length;
  const size = Math.max(1, tolerance(view.voters.length) - lostElsewhere);
  return [...(repaired.length === 0 ? [] : [repaired]), ...chunk(rest, size, upVoters)];
}

function inOrder(targets: readonly OrderTarget[]): readonly OrderTarget[] {
  const weight = (target: OrderTarget) => (target.isLeader ? 2 : 0) + (target.isVipHolder ? 1 : 0);
  // Array.prototype.sort is stable: the given order stays among equals.
  return [...targets].sort((a, b) => weight(a) - weight(b));
}

/** Batches with at most `size` voters each; members that do not vote go along with the batch they fall into. */
function chunk(names: readonly string[], size: number, voters: ReadonlySet<string>): readonly (readonly string[])[] {
  const batches: string[][] = [];
  let used = size;
  for (const name of names) {
    const cost = voters.has(name) ? 1 : 0;
    if (used + cost > size || batches.length === 0) {
      batches.push([]);
      used = 0;
    }
    batches.at(-1)?.push(name);
    used += cost;
  }
  return batches;
}
