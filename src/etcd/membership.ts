// Changes of etcd's membership, and what belongs to them. Each asks a member that answers; etcd itself refuses what would cost the
// quorum (strict-reconfig-check), after the gate has.
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { lastLine } from '../core/text.ts';
import { waitFor } from '../core/wait.ts';
import type { Machine } from '../machines/machine.ts';
import { etcdctl, parseJson, toHex } from './etcdctl.ts';

const TIMEOUT = { timeoutMs: 20_000 };

/** etcd wants to have been connected to every voter for five seconds before it lets another member in (server.go, HealthInterval). */
const ADMISSION_DEADLINE_MS = 60_000;
const NOT_CONNECTED_YET = /unhealthy cluster/;

/**
 * Adds a member that does not vote yet. Returns the value that its --initial-cluster has to have. Throws COMMAND_FAILED with etcd's words, and
 * WAIT_TIMED_OUT when its voters are not connected within a minute.
 */
export async function addLearner(ctx: Context, via: Machine, name: string, peerUrl: string): Promise<string> {
  const argv = etcdctl('member', 'add', name, `--peer-urls=${peerUrl}`, '--learner');
  let stdout = '';
  const condition = `etcd lets ${name} in`;
  const isFinal = (error: unknown) => !NOT_CONNECTED_YET.test(messageOf(error));
  await waitFor(ctx, { condition, deadlineMs: ADMISSION_DEADLINE_MS, intervalMs: 1_000, isFinal }, async () => {
    ({ stdout } = await via.exec(ctx, argv, TIMEOUT));
    return true;
  });
  // Words for a shell: ETCD_INITIAL_CLUSTER="cp1=https://…,cp4=https://…"
  const cluster = /^ETCD_INITIAL_CLUSTER="([^"]+)"$/m.exec(stdout)?.[1];
  if (cluster !== undefined) return cluster;
  throw new QuorateError('ETCD_UNAVAILABLE', `etcdctl member add ${name} did not say what the membership is now`);
}

/** Why a learner cannot vote yet: the raft error of etcd, which is how it tells a learner that is behind. */
const NOT_IN_SYNC = /can only promote a learner member which is in sync with leader/;

/** Gives a learner its vote. false: it has not caught up with the leader yet. */
export async function promoteLearner(ctx: Context, via: Machine, id: string): Promise<boolean> {
  const result = await via.exec(ctx, etcdctl('member', 'promote', id), { ...TIMEOUT, allowFailure: true });
  if (result.exitCode === 0) return true;
  if (NOT_IN_SYNC.test(result.stderr)) return false;
  throw new QuorateError('ETCD_UNAVAILABLE', `etcd did not promote ${id}: ${lastLine(result.stderr)}`);
}

/** Takes a member out. Throws ETCD_QUORUM_AT_RISK with etcd's own words when it refuses. */
export async function removeMember(ctx: Context, via: Machine, id: string): Promise<void> {
  const result = await via.exec(ctx, etcdctl('member', 'remove', id), { ...TIMEOUT, allowFailure: true });
  if (result.exitCode === 0 || /member not found/i.test(result.stderr)) return;
  throw new QuorateError('ETCD_QUORUM_AT_RISK', `etcd did not remove ${id}: ${lastLine(result.stderr)}`);
}

/** Hands the leadership over, so that stopping this member costs no election. Asks the leader itself. */
export async function moveLeader(ctx: Context, leader: Machine, toId: string): Promise<void> {
  await leader.exec(ctx, etcdctl('move-leader', toId), TIMEOUT);
}

/** A member as it describes itself. */
export interface MemberStatus {
  readonly id: string;
  readonly leaderId: string;
  /** 3.6.16 */
  readonly version: string;
}

/** The machine's own member. Throws COMMAND_FAILED while it does not answer. */
export async function readMemberStatus(ctx: Context, machine: Machine): Promise<MemberStatus> {
  const { stdout } = await machine.exec(ctx, etcdctl('endpoint', 'status', '-w', 'json'), TIMEOUT);
  const [entry] = parseJson<{ Status: { header: { member_id: string }; leader?: string; version?: string } }[]>(stdout);
  if (entry === undefined) throw new QuorateError('ETCD_UNAVAILABLE', `the member of ${machine.name} says nothing`);
  const { header, leader = '0', version = '' } = entry.Status;
  return { id: toHex(header.member_id), leaderId: toHex(leader), version };
}

/**
 * Saves a snapshot on the machine, readable for root only, and has it checked. `path` is absolute.
 */
export async function saveSnapshot(ctx: Context, machine: Machine, path: string): Promise<void> {
  const directory = path.slice(0, path.lastIndexOf('/'));
  await machine.exec(ctx, ['install', '-d', '-m', '0700', directory]);
  // It gets its name once it has been checked: what has the name is good.
  const unchecked = `${path}.unchecked`;
  await machine.exec(ctx, etcdctl('--command-timeout=5m', 'snapshot', 'save', unchecked), { timeoutMs: 310_000 });
  await machine.exec(ctx, ['etcdutl', 'snapshot', 'status', unchecked], { timeoutMs: 120_000 });
  await machine.exec(ctx, ['mv', unchecked, path]);
}
