// The parts of a change to a running machine, in the order in which they may follow each other.
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import type { Context } from '../../core/context.ts';
import { messageOf } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { readEtcd } from '../../etcd/etcdctl.ts';
import { moveLeader, readMemberStatus } from '../../etcd/membership.ts';
import type { Machine } from '../../machines/machine.ts';
import type { RenderedFile } from '../../manifests/file.ts';
import { API_SERVER_MANIFEST, ETCD_MANIFEST } from '../../manifests/paths.ts';
import { isNode } from '../../spec/types.ts';
import { carryOutWork, type GroupWork } from '../files/managed-files.ts';
import { type GroupInput, staticPodGroup } from '../files/node-groups.ts';
import { installBinaries } from '../steps/software.ts';
import type { Toolbox } from '../toolbox.ts';
import { type MachineChange, restartsRuntime } from './machine-change.ts';
import { isRunning, processesOf } from './running.ts';

/** An API server that stops goes on serving for 5 s and gives requests under way up to 60 s. */
const STOP_DEADLINE_MS = 90_000;
/** A member that starts again replays its log; gigabytes take a minute. */
const ETCD_DEADLINE_MS = 120_000;

/** Carries a change out. What fails, throws; undoing it is the caller's. */
export async function applyChange(
  ctx: Context,
  tools: Toolbox,
  input: GroupInput,
  change: MachineChange,
): Promise<void> {
  const host = tools.fleet.machine(input.machine.name);
  const installs = (name: string) => change.binaries.some((binary) => binary.name === name);
  await installBinaries(ctx, tools, input.machine.name, input.facts, change.binaries);
  const isNodeToo = isNode(input.machine);
  if (isNodeToo && restartsRuntime(change))
    await carryOutWork(ctx, host, withRestart(change.runtime, 'containerd.service'));
  if (change.etcdService || (input.machine.role === 'etcd' && (installs('etcd') || change.isResumed))) {
    await handOverLeadership(ctx, host);
    await carryOutWork(ctx, host, withRestart(change.etcdService, 'etcd.service'));
  }
  if (change.staticPods) await changeStaticPods(ctx, host, input, change.staticPods);
  if (change.operator) await carryOutWork(ctx, host, change.operator);
  if (change.backup) await carryOutWork(ctx, host, change.backup);
  if (isNodeToo && (change.kubelet || installs('kubelet') || change.isResumed)) {
    await carryOutWork(ctx, host, withRestart(change.kubelet, 'kubelet.service'));
  }
}

type UnitWork = Pick<GroupWork, 'changed' | 'idle' | 'restarts' | 'reloads'>;

/** The group's own work, and the unit restarted in any case. */
function withRestart(work: GroupWork | undefined, unit: string): UnitWork {
  const { changed = [], idle = [], restarts = [], reloads = [] } = work ?? {};
  if (idle.includes(unit) || restarts.includes(unit)) return { changed, idle, restarts, reloads };
  return { changed, idle, restarts: [...restarts, unit], reloads };
}

/**
 * With etcd itself unchanged the kubelet replaces what differs. A member that is to restart takes its API server with it: that one is
 * stopped first, so that it ends the requests that it has, and comes back when the member serves.
 */
async function changeStaticPods(ctx: Context, host: Machine, input: GroupInput, work: GroupWork): Promise<void> {
  const etcd = work.changed.find(({ path }) => path === ETCD_MANIFEST);
  if (etcd === undefined || (await isSamePod(ctx, host, etcd))) return carryOutWork(ctx, host, work);
  const changed = new Set(work.changed.map(({ path }) => path));
  const rest = staticPodGroup(input).files.filter(
    ({ path }) => path === API_SERVER_MANIFEST || (path !== ETCD_MANIFEST && changed.has(path)),
  );
  await handOverLeadership(ctx, host);
  // A run was ended after it had stopped the API server, and the machine may have been booted since: a kubelet that has not seen its API
  // server since its start removes no pod (k8s.io/kubernetes pkg/kubelet/kubelet.go, deletePod), so it could not replace the member.
  if (!(await isRunning(ctx, host, 'kube-apiserver'))) return host.writeFiles(ctx, [etcd, ...rest]);
  await host.exec(ctx, ['rm', '-f', API_SERVER_MANIFEST]);
  await awaitStopped(ctx, host, 'kube-apiserver');
  await replaceMember(ctx, host, etcd);
  await host.writeFiles(ctx, rest);
}

/** True when the file differs in its mode or its spelling only: the kubelet sees no other pod then, and replaces nothing. */
async function isSamePod(ctx: Context, host: Machine, { path, content }: RenderedFile): Promise<boolean> {
  const former = await host.readFile(ctx, path);
  if (former === undefined) return false;
  try {
    return isDeepStrictEqual(parse(Buffer.from(former).toString()), parse(Buffer.from(content).toString()));
  } catch {
    return false;
  }
}

async function replaceMember(ctx: Context, host: Machine, manifest: RenderedFile): Promise<void> {
  const before = await processesOf(ctx, host, 'etcd');
  await host.writeFiles(ctx, [manifest]);
  const condition = `the etcd member of ${host.name} has been replaced and answers`;
  await waitFor(ctx, { condition, deadlineMs: ETCD_DEADLINE_MS, intervalMs: 500 }, async () => {
    const now = await processesOf(ctx, host, 'etcd');
    if (now === '') return 'it does not run';
    if (now === before) return 'the old one still runs';
    const { leaderId } = await readMemberStatus(ctx, host);
    return leaderId === '0' ? 'it knows no leader' : true;
  });
}

/** Waits until no process of this name is left. */
export async function awaitStopped(ctx: Context, host: Machine, program: string): Promise<void> {
  const condition = `${program} of ${host.name} has stopped`;
  await waitFor(ctx, { condition, deadlineMs: STOP_DEADLINE_MS, intervalMs: 500 }, async () =>
    (await processesOf(ctx, host, program)) === '' ? true : 'it ends its requests',
  );
}

/** A leader that stops costs the cluster an election, a second without writes; one that hands over does not. */
export async function handOverLeadership(ctx: Context, host: Machine): Promise<void> {
  try {
    const own = await readMemberStatus(ctx, host);
    if (own.id !== own.leaderId) return;
    const { members } = await readEtcd(ctx, [host]);
    const heir = members.find(({ id, isLearner, status }) => id !== own.id && !isLearner && status !== undefined);
    if (heir !== undefined) await moveLeader(ctx, host, heir.id);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    ctx.emit('note', { text: `${host.name}: the leadership of etcd was not handed over: ${messageOf(error)}` });
  }
}
