// A backup now: the unit of a control plane is started, as its timer would, and watched until it has ended.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { sleep, waitFor } from '../core/wait.ts';
import { recorded } from '../engine/run.ts';
import { isMemberAt } from '../etcd/members.ts';
import type { BackupState } from '../machines/facts.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { Machine } from '../machines/machine.ts';
import { BACKUP_DEADLINE_S, BACKUP_SERVICE } from '../manifests/backup-units.ts';
import { BACKUP_STATE_DIR } from '../manifests/paths.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';
import { fetchBackup } from './backups.ts';
import { type DriverOptions, openFleet } from './cluster.ts';

/** How a backup is made. */
export interface SaveOptions extends DriverOptions {
  /** The control plane that makes it; default: the first healthy one. */
  readonly machine?: string;
  /** A directory of this host that it is copied to. */
  readonly outputDir?: string;
  /** Milliseconds; default: as long as the unit itself may take, and a minute. */
  readonly deadlineMs?: number;
}

/** A backup that was made. */
export interface SaveReport {
  readonly cluster: string;
  readonly machine: string;
  /** Its file name. */
  readonly archive: string;
  /** When its snapshot was taken, ISO 8601. */
  readonly takenAt: string;
  readonly sizeBytes: number;
  /** Where it was copied to on this host. */
  readonly path?: string;
  readonly durationMs: number;
}

const DEADLINE_MS = (BACKUP_DEADLINE_S + 60) * 1000;
const POLL_MS = 500;
/** A state that the script has not written yet: systemd knows of the start a moment before the script does. */
const SETTLE_MS = 1_000;

/** Both in one command: systemd's word, then the state that the script leaves. */
const LOOK_SCRIPT = `systemctl show ${BACKUP_SERVICE} --property=ActiveState --value
cat ${BACKUP_STATE_DIR}/state.json 2> /dev/null || true
`;

/**
 * Makes a backup and waits until it is done; one that is already being made on that machine counts. Throws BACKUP_FAILED with the script's own
 * reason, MACHINE_NOT_FOUND, MACHINE_UNREACHABLE, ETCD_UNAVAILABLE when no control plane is fit to make one, WAIT_TIMED_OUT, ABORTED.
 */
export async function saveBackup(ctx: Context, spec: ClusterSpec, options: SaveOptions = {}): Promise<SaveReport> {
  const start = Date.now();
  const fleet = openFleet(ctx, spec, options);
  const machine = await chooseMachine(ctx, fleet, options.machine);
  const state = await recorded(ctx, spec, 'etcd snapshot save', () =>
    runUnit(ctx, machine, options.deadlineMs ?? DEADLINE_MS),
  );
  const { archive = '', lastSuccess = '', sizeBytes = 0 } = state;
  const fetched =
    options.outputDir === undefined ? undefined : await fetchBackup(ctx, spec, archive, options.outputDir, options);
  return {
    cluster: spec.name,
    machine: machine.name,
    archive,
    takenAt: lastSuccess,
    sizeBytes,
    ...(fetched === undefined ? {} : { path: fetched.path }),
    durationMs: Date.now() - start,
  };
}

async function chooseMachine(ctx: Context, fleet: Fleet, wanted: string | undefined): Promise<Machine> {
  if (wanted !== undefined) {
    const machine = fleet.machine(wanted);
    if (controlPlanes(fleet.spec).some(({ name }) => name === wanted)) return machine;
    throw new QuorateError('USAGE', `${wanted} is no control plane: those make backups`, {
      hint: `name one of ${controlPlanes(fleet.spec)
        .map(({ name }) => name)
        .join(', ')}`,
    });
  }
  const name = healthyMachines(fleet.spec, await observe(ctx, fleet, { parts: ['etcd'] }))[0];
  if (name !== undefined) return fleet.machine(name);
  throw new QuorateError('ETCD_UNAVAILABLE', 'no control plane with a healthy member of etcd answers');
}

/** Control planes that answer; with stacked etcd those whose own member votes and answers, for it is the one that is asked. */
export function healthyMachines(spec: ClusterSpec, observed: Observed): readonly string[] {
  const members = observed.etcd?.members ?? [];
  return controlPlanes(spec)
    .filter(({ name, address }) => {
      if (observed.machines[name]?.facts === undefined) return false;
      if (spec.etcd.topology === 'external') return members.some(({ status }) => status !== undefined);
      const member = members.find((candidate) => isMemberAt(candidate, address));
      return member?.status !== undefined && !member.isLearner;
    })
    .map(({ name }) => name);
}

async function runUnit(ctx: Context, machine: Machine, deadlineMs: number): Promise<BackupState> {
  const before = await look(ctx, machine);
  await machine.exec(ctx, ['systemctl', 'start', '--no-block', BACKUP_SERVICE]);
  await sleep(SETTLE_MS, ctx);
  let state: BackupState | undefined;
  const condition = `the backup on ${machine.name} has ended`;
  await waitFor(ctx, { condition, deadlineMs, intervalMs: POLL_MS }, async () => {
    const now = await look(ctx, machine);
    if (now.unit === 'activating' || now.unit === 'deactivating') return 'it is being made';
    state = now.state;
    // Ended before it could say anything: it is reported below.
    return now.state?.outcome === 'running' ? 'its end is not recorded yet' : true;
  });
  if (state?.outcome === 'ok' && state.archive !== undefined && state.lastAttempt !== before.idleSince) return state;
  const why = state?.error ?? 'it ended without a word; is the unit installed?';
  throw new QuorateError('BACKUP_FAILED', `the backup on ${machine.name} failed: ${why}`, {
    hint: `run: quorate machine exec ${machine.name} -- journalctl -u ${BACKUP_SERVICE}`,
    data: { machine: machine.name },
  });
}

interface Look {
  /** systemd's ActiveState. */
  readonly unit: string;
  readonly state?: BackupState;
  /** When the last attempt began, where none is under way: a new one has another moment. */
  readonly idleSince?: string;
}

async function look(ctx: Context, machine: Machine): Promise<Look> {
  const { stdout } = await machine.exec(ctx, ['sh', '-c', LOOK_SCRIPT]);
  return parseLook(stdout);
}

/** What LOOK_SCRIPT prints. A state that cannot be read is none. */
export function parseLook(text: string): Look {
  const end = text.indexOf('\n');
  const unit = text.slice(0, end).trim();
  try {
    const state = JSON.parse(text.slice(end + 1)) as BackupState;
    const isRunning = unit === 'activating' || unit === 'deactivating';
    return { unit, state, ...(isRunning ? {} : { idleSince: state.lastAttempt }) };
  } catch {
    return { unit };
  }
}
