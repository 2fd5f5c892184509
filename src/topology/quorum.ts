// Quorum is arithmetic. Every step that takes an etcd member down or away asks mayDisrupt first; nothing else decides it.
import { quorum, tolerance } from '../spec/voters.ts';

export { MAX_VOTERS, quorum, tolerance } from '../spec/voters.ts';

/** The members of etcd as the gate sees them. */
export interface QuorumView {
  readonly voters: readonly {
    readonly name: string;
    /** It answers and takes part. What cannot be told is not up. */
    readonly up: boolean;
  }[];
  /** Names of learners: they do not vote. */
  readonly learners: readonly string[];
  /** Names of members that a step under way has taken or is about to take down (restart, cordon, drill). Counted as down. */
  readonly plannedDown: readonly string[];
}

/** What a step does to one member. */
export interface QuorumAction {
  /** promote: a learner gets its vote. */
  readonly kind: 'restart' | 'remove' | 'promote';
  readonly machine: string;
  /**
   * The owner agreed to an outage. Counts only for the restart of the single voter of a cluster, which has no other way to be
   * changed; it never lets a cluster of several voters lose its quorum.
   */
  readonly outageAccepted?: boolean;
}

/** The gate's answer with the arithmetic behind it. */
export interface QuorumDecision {
  readonly allowed: boolean;
  /** Voters that have to be up: after a removal, of those that remain. */
  readonly quorum: number;
  /** Voters that are up while the action runs, planned ones not counted. */
  readonly votersAfter: number;
  /** Further voters that may fail meanwhile; 0 when the quorum is lost already or would be. */
  readonly toleranceLeft: number;
  /** One sentence for the plan or the error: `3 voters, 1 planned down, tolerance left 0`. */
  readonly reason: string;
}

/** `3 voters, quorum 2, tolerates 1 failure`. */
export function describeQuorum(voters: number): string {
  return `${count(voters, 'voter')}, quorum ${quorum(voters)}, tolerates ${count(tolerance(voters), 'failure')}`;
}

/**
 * THE gate. Allows an action only if a quorum stays up while it runs; a member that is down already may be restarted, for that
 * takes nothing away, and removed while the others can agree on it (etcd decides membership by quorum).
 */
export function mayDisrupt(view: QuorumView, action: QuorumAction): QuorumDecision {
  if (action.kind === 'promote') return mayPromote(view, action.machine);
  return action.kind === 'restart' ? mayRestart(view, action) : mayRemove(view, action.machine);
}

interface Tally {
  readonly voters: number;
  /** Names of voters that neither are down nor will be. */
  readonly up: readonly string[];
  readonly down: readonly string[];
  /** Up, but taken by another step. */
  readonly planned: readonly string[];
}

function tally(view: QuorumView): Tally {
  const planned = new Set(view.plannedDown);
  const names = (keep: (voter: QuorumView['voters'][number]) => boolean) =>
    view.voters.filter(keep).map(({ name }) => name);
  return {
    voters: view.voters.length,
    up: names(({ name, up }) => up && !planned.has(name)),
    down: names(({ up }) => !up),
    planned: names(({ name, up }) => up && planned.has(name)),
  };
}

function mayRestart(view: QuorumView, { machine, outageAccepted = false }: QuorumAction): QuorumDecision {
  const now = tally(view);
  if (!isVoter(view, machine)) {
    return decide(
      true,
      now.voters,
      now.up.length,
      `${machine} is ${roleOf(view, machine)}; ${summary(now, now.up.length)}`,
    );
  }
  const after = now.up.filter((name) => name !== machine).length;
  const isDownNow = now.down.includes(machine);
  if (isDownNow) {
    const reason = `${machine} is down already, restarting it takes nothing away; ${summary(now, after)}`;
    return decide(true, now.voters, after, reason);
  }
  if (after >= quorum(now.voters)) {
    const planned = now.planned.includes(machine) ? now.planned : [...now.planned, machine];
    return decide(true, now.voters, after, summary({ ...now, planned }, after));
  }
  if (now.voters === 1 && outageAccepted) {
    return decide(true, 1, after, `${machine} is the only voter: the API is down while it restarts, as agreed`);
  }
  return decide(false, now.voters, after, refusal(now, machine, 'restarting', after, now.voters));
}

function mayRemove(view: QuorumView, machine: string): QuorumDecision {
  const now = tally(view);
  const needed = quorum(now.voters);
  if (!isVoter(view, machine) && !view.learners.includes(machine)) {
    return decide(true, now.voters, now.up.length, `${machine} is no etcd member; ${summary(now, now.up.length)}`);
  }
  if (now.up.length < needed) {
    const reason = `${state(now)}: ${now.up.length} up is below quorum ${needed}, so etcd cannot agree to remove ${machine}`;
    return decide(false, now.voters, now.up.length, reason);
  }
  if (view.learners.includes(machine)) {
    return decide(true, now.voters, now.up.length, `${machine} is a learner; ${summary(now, now.up.length)}`);
  }
  const voters = now.voters - 1;
  const after = now.up.filter((name) => name !== machine).length;
  if (voters < 1) return decide(false, 0, 0, `${machine} is the only voter: removing it would end the cluster`);
  if (after < quorum(voters)) return decide(false, voters, after, refusal(now, machine, 'removing', after, voters));
  const rest = without(now, machine);
  return decide(
    true,
    voters,
    after,
    `${count(now.voters, 'voter')}, ${voters} after removing ${machine}; ${summary(rest, after)}`,
  );
}

/** A new voter counts from the moment of its promotion; until it is up for good it is one more that may be missed. */
function mayPromote(view: QuorumView, machine: string): QuorumDecision {
  const now = tally(view);
  if (isVoter(view, machine)) return decide(true, now.voters, now.up.length, `${machine} votes already`);
  const voters = now.voters + 1;
  const up = now.up.length;
  // One that another step is about to take down adds a voter to the sum, and none to those that are up.
  const isPlanned = view.plannedDown.includes(machine);
  const then = isPlanned ? up : up + 1;
  if (up < quorum(now.voters)) {
    const reason = `${state(now)}: ${up} up is below quorum ${quorum(now.voters)}, so etcd cannot agree to let ${machine} in`;
    return decide(false, now.voters, up, reason);
  }
  if (then < quorum(voters)) return decide(false, voters, then, refusal(now, machine, 'adding', then, voters));
  const after = { ...now, voters, planned: isPlanned ? [...now.planned, machine] : now.planned };
  const reason = `${count(now.voters, 'voter')}, ${voters} with ${machine}; ${summary(after, then)}`;
  return decide(true, voters, then, reason);
}

/** The members as they are once a step has ended, for the plan of the steps behind it. */
export function afterAction(view: QuorumView, { kind, machine }: QuorumAction): QuorumView {
  const voters = view.voters.filter(({ name }) => name !== machine);
  const learners = view.learners.filter((name) => name !== machine);
  if (kind === 'remove') return { ...view, voters, learners };
  if (kind === 'promote') return { ...view, voters: [...voters, { name: machine, up: true }], learners };
  return view;
}

function without(now: Tally, machine: string): Tally {
  const drop = (names: readonly string[]) => names.filter((name) => name !== machine);
  return { voters: now.voters - 1, up: drop(now.up), down: drop(now.down), planned: drop(now.planned) };
}

function isVoter(view: QuorumView, machine: string): boolean {
  return view.voters.some(({ name }) => name === machine);
}

function roleOf(view: QuorumView, machine: string): string {
  return view.learners.includes(machine) ? 'a learner' : 'no etcd member';
}

function decide(allowed: boolean, voters: number, votersAfter: number, reason: string): QuorumDecision {
  const needed = quorum(voters);
  return { allowed, quorum: needed, votersAfter, toleranceLeft: Math.max(0, votersAfter - needed), reason };
}

/** `5 voters, 1 down (cp2), 1 planned down`. */
function state({ voters, down, planned }: Tally): string {
  return [
    count(voters, 'voter'),
    ...(down.length === 0 ? [] : [`${down.length} down (${down.join(', ')})`]),
    ...(planned.length === 0 ? [] : [`${planned.length} planned down`]),
  ].join(', ');
}

function summary(now: Tally, after: number): string {
  const left = after - quorum(now.voters);
  return left < 0 && now.voters > 0
    ? `${state(now)}, quorum lost`
    : `${state(now)}, tolerance left ${Math.max(0, left)}`;
}

function refusal(now: Tally, machine: string, doing: string, after: number, voters: number): string {
  const of = voters === now.voters ? '' : ` of ${count(voters, 'voter')}`;
  return `${state(now)}: ${doing} ${machine} would leave ${after} up, below quorum ${quorum(voters)}${of}`;
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
