// Power over one local machine: boot it, shut it down, pull the plug; and mend what a crash of the host left.
import { access } from 'node:fs/promises';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { hasCode, messageOf, QuorateError } from '../../core/errors.ts';
import { formatDuration, type ProbeResult, sleep, waitFor } from '../../core/wait.ts';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import { allGroups, killGroups, makeGroups, removeGroups, unitName } from './cgroups.ts';
import { lowerDirsOf, unmountLeftovers } from './disk.ts';
import { enterArgv } from './enter.ts';
import { writeGuestFiles } from './guest-files.ts';
import { readHostFacts } from './host-facts.ts';
import { linkName, type MachineLayout, machineLayout } from './layout.ts';
import { removeLink, silenceLink } from './network.ts';
import { type MachineRecord, readTextOrUndefined } from './records.ts';
import { startArgv } from './start-plan.ts';
import { clearSupervisor, findLeader, liveSupervisor } from './supervisor.ts';

/** A machine boots in half a second; on a host that is busy with a build it has taken twenty times as long. */
const BOOT_DEADLINE_MS = 90_000;
const KILL_DEADLINE_MS = 10_000;
/** SIGRTMIN+4, "power off" to systemd (systemd(1)); glibc's SIGRTMIN is 34. */
const SIGNAL_POWEROFF = 38;

/** Boots a machine that has a disk and returns when its init says that it is up. Idempotent. Throws MACHINE_FAILED. */
export async function bootMachine(
  ctx: Context,
  spec: ClusterSpec,
  machine: MachineSpec,
  record: MachineRecord,
  bridge: string,
): Promise<void> {
  const layout = machineLayout(spec.name, machine.name);
  const start = Date.now();
  const isOff = (await liveSupervisor(layout.supervisor)) === undefined;
  if (isOff) {
    ctx.emit('machine.changed', { machine: machine.name, state: 'starting' });
    await clearRemains(ctx, spec.name, machine.name);
    await launch(ctx, spec, machine, record, bridge);
  }
  await waitUntilBooted(ctx, machine.name, layout);
  const detail = `booted in ${formatDuration(Date.now() - start)}`;
  if (isOff) ctx.emit('machine.changed', { machine: machine.name, state: 'running', detail });
}

async function launch(
  ctx: Context,
  spec: ClusterSpec,
  machine: MachineSpec,
  record: MachineRecord,
  bridge: string,
): Promise<void> {
  const layout = machineLayout(spec.name, machine.name);
  const [facts, lowerDirs] = await Promise.all([readHostFacts(), lowerDirsOf(record)]);
  await writeGuestFiles(spec, machine, layout.upper);
  await makeGroups(facts, spec.name, machine);
  try {
    await runCommand(ctx, startArgv({ facts, cluster: spec.name, machine, layout, bridge, lowerDirs }));
  } catch (error) {
    if (hasCode(error, 'ABORTED')) throw error;
    throw new QuorateError('MACHINE_FAILED', `machine ${machine.name} could not be started: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

async function waitUntilBooted(ctx: Context, machine: string, layout: MachineLayout): Promise<void> {
  let state: BootState = { is: 'booting', detail: 'not asked yet' };
  const probe = async (): Promise<ProbeResult> => {
    state = await bootState(ctx, layout);
    return state.is === 'booting' ? state.detail : true;
  };
  try {
    await waitFor(
      ctx,
      { condition: `machine ${machine} has booted`, deadlineMs: BOOT_DEADLINE_MS, intervalMs: 50 },
      probe,
    );
  } catch (error) {
    if (!hasCode(error, 'WAIT_TIMED_OUT')) throw error;
    const detail = `did not boot within ${formatDuration(BOOT_DEADLINE_MS)}: ${state.detail}`;
    throw await bootError(machine, layout, detail);
  }
  if (state.is === 'failed') throw await bootError(machine, layout, state.detail);
}

interface BootState {
  readonly is: 'booting' | 'up' | 'failed';
  readonly detail: string;
}

/**
 * What the machine's init says of itself (systemctl(1), is-system-running). `degraded` is up: some unit failed, which the
 * machine's owner can look into there.
 */
async function bootState(ctx: Context, layout: MachineLayout): Promise<BootState> {
  const supervisor = await liveSupervisor(layout.supervisor);
  if (supervisor === undefined) {
    const began = (await readTextOrUndefined(layout.supervisor)) !== undefined;
    return began ? { is: 'failed', detail: 'ended while it booted' } : { is: 'booting', detail: 'is being launched' };
  }
  const leader = await findLeader(supervisor);
  if (leader === undefined) return { is: 'booting', detail: 'has no init process yet' };
  // systemctl speaks to init over this socket as soon as it is there; looking is cheaper than asking in vain.
  if (!(await exists(`/proc/${leader}/root/run/systemd/private`)))
    return { is: 'booting', detail: 'its init does not answer yet' };
  const argv = enterArgv(leader, ['systemctl', 'is-system-running', '--wait']);
  const { stdout, stderr } = await runCommand(ctx, argv, { allowFailure: true, timeoutMs: BOOT_DEADLINE_MS });
  const word = stdout.trim();
  if (word === 'running' || word === 'degraded') return { is: 'up', detail: word };
  if (word === 'maintenance') return { is: 'failed', detail: 'is in rescue mode' };
  return {
    is: 'booting',
    detail: word === '' || word === 'offline' ? `its init does not answer: ${stderr.trim()}` : word,
  };
}

async function bootError(machine: string, layout: MachineLayout, detail: string): Promise<QuorateError> {
  const log = (await readTextOrUndefined(layout.console)) ?? '';
  const tail = log.trimEnd().split('\n').slice(-8).join('\n');
  return new QuorateError('MACHINE_FAILED', `machine ${machine} ${detail}${tail === '' ? '' : `\n${tail}`}`, {
    hint: `run: quorate machine logs ${machine}`,
    data: { machine, console: layout.console },
  });
}

/** Asks the init to power off; kills the machine when that takes longer than `timeoutMs`. */
export async function shutDown(ctx: Context, cluster: string, machine: string, timeoutMs: number): Promise<void> {
  const { supervisor: file } = machineLayout(cluster, machine);
  const supervisor = await liveSupervisor(file);
  const leader = supervisor === undefined ? undefined : await findLeader(supervisor);
  if (leader !== undefined) {
    ctx.emit('machine.changed', { machine, state: 'stopping' });
    signalQuietly(leader, SIGNAL_POWEROFF);
    const deadline = Date.now() + timeoutMs;
    while ((await liveSupervisor(file)) !== undefined && Date.now() < deadline) await sleep(50, ctx);
    if ((await liveSupervisor(file)) !== undefined)
      ctx.emit('warning', {
        text: `machine ${machine} did not shut down within ${formatDuration(timeoutMs)} and was killed`,
      });
  }
  await pullPlug(ctx, cluster, machine);
}

/**
 * Takes the machine's link down, then kills every process of it: its peers see silence, as after a power cut. Leaves no
 * process, link or control group. Idempotent.
 */
export async function pullPlug(ctx: Context, cluster: string, machine: string): Promise<void> {
  const { supervisor: file } = machineLayout(cluster, machine);
  await silenceLink(ctx, linkName(cluster, machine));
  const wasAlive = (await liveSupervisor(file)) !== undefined;
  await clearRemains(ctx, cluster, machine);
  if (wasAlive) ctx.emit('machine.changed', { machine, state: 'stopped' });
}

/** Whatever is left of a machine that is to be off: processes, control groups, link, mounts, its unit's bad name. */
async function clearRemains(ctx: Context, cluster: string, machine: string): Promise<void> {
  const layout = machineLayout(cluster, machine);
  const facts = await readHostFacts();
  const groups = allGroups(facts, cluster, machine);
  const deadline = Date.now() + KILL_DEADLINE_MS;
  for (;;) {
    const alive = await killEverything(layout.supervisor, groups);
    if (alive.length === 0) break;
    if (Date.now() > deadline)
      throw new QuorateError('MACHINE_FAILED', `processes ${alive.join(', ')} of machine ${machine} cannot be killed`);
    await sleep(10, ctx);
  }
  await removeGroupsPatiently(ctx, groups);
  await removeLink(ctx, linkName(cluster, machine));
  await unmountLeftovers(ctx, layout);
  await clearSupervisor(layout.supervisor);
  if (facts.hasSystemd)
    await runCommand(ctx, ['systemctl', 'reset-failed', unitName(cluster, machine)], { allowFailure: true });
}

async function killEverything(supervisorFile: string, groups: readonly string[]): Promise<readonly number[]> {
  const supervisor = await liveSupervisor(supervisorFile);
  const alive = [...(await killGroups(groups))];
  if (supervisor !== undefined) {
    const leader = await findLeader(supervisor);
    for (const pid of [leader, supervisor.pid])
      if (pid !== undefined) {
        signalQuietly(pid, 'SIGKILL');
        alive.push(pid);
      }
  }
  return [...new Set(alive)];
}

/** The kernel lets go of a group a moment after its last process. */
async function removeGroupsPatiently(ctx: Context, groups: readonly string[]): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    await removeGroups(groups);
    const left = await Promise.all(groups.map(exists));
    if (!left.includes(true)) return;
    await sleep(20, ctx);
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function signalQuietly(pid: number, signal: number | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile.
  }
}
