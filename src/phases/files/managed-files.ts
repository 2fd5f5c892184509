// Configuration on machines is compared by digest and written as a whole; the units that read it are restarted, also when a
// run was killed between writing and restarting.
import { createHash } from 'node:crypto';
import type { Context } from '../../core/context.ts';
import { perObject } from '../../core/per-object.ts';
import type { MachineFacts } from '../../machines/facts.ts';
import type { Machine } from '../../machines/machine.ts';
import type { RenderedFile } from '../../manifests/file.ts';
import type { MachineSpec } from '../../spec/types.ts';
import type { Step } from '../step.ts';
import { rejectBroken } from './candidates.ts';

/** A group of files on one machine and the units that must run with them. */
export interface ManagedFiles {
  /** Last part of the step's id: `kubelet`. */
  readonly id: string;
  /** What the files are, for the plan: `kubelet configuration`. */
  readonly what: string;
  readonly files: readonly RenderedFile[];
  /** systemd units that must be enabled and active afterwards, in starting order. */
  readonly units: readonly string[];
  /** Files that others write and that units of the group read when they start or reload: a unit that is older than one is behind it. */
  readonly watches?: readonly WatchedFile[];
}

/** A file that is not of the group, and the unit that has to see it change. */
export type WatchedFile = Pick<RenderedFile, 'path' | 'restarts' | 'reloads'>;

/** At most one step: write what differs, then start, restart or reload the units concerned. None when all is as it should be. */
export function managedFilesStep(
  machine: MachineSpec,
  facts: MachineFacts,
  group: ManagedFiles,
  lane: string = machine.name,
): readonly Step[] {
  const work = groupWork(facts, group);
  if (work === undefined) return [];
  return [
    {
      id: `${machine.name}/${group.id}`,
      lane,
      machine: machine.name,
      title: work.title,
      why: work.why,
      run: (ctx, { fleet }) => carryOutWork(ctx, fleet.machine(machine.name), work),
    },
  ];
}

/** What one group asks for on one machine. */
export interface GroupWork extends Changes {
  /** For the plan: `write kubelet configuration (1 file), restart kubelet`. */
  readonly title: string;
  readonly why: string;
}

/** What has to be done for a group; undefined when all is as it should be. Pure. */
export function groupWork(facts: MachineFacts, group: ManagedFiles): GroupWork | undefined {
  const work = findWork(facts, group);
  if (work.changed.length + work.idle.length + work.restarts.length + work.reloads.length === 0) return undefined;
  const isNew = work.changed.every(({ path }) => facts.files[path] === undefined);
  return { ...work, title: titleOf(group, work), why: whyOf(work, isNew) };
}

interface Changes {
  readonly changed: readonly RenderedFile[];
  /** Units of the group that do not run or are not enabled. */
  readonly idle: readonly string[];
  readonly restarts: readonly string[];
  readonly reloads: readonly string[];
}

function findWork(facts: MachineFacts, group: ManagedFiles): Changes {
  const changed = group.files.filter((file) => isDifferent(facts, file));
  const idle = group.units.filter((unit) => !(facts.units[unit]?.active && facts.units[unit]?.enabled));
  const concerned = (effect: 'restarts' | 'reloads') => {
    const stale = group.files.filter((file) => changed.includes(file) || isNewerThan(facts, file, file[effect]));
    const behind = (group.watches ?? []).filter((file) => isNewerThan(facts, file, file[effect]));
    const units = new Set([...stale, ...behind].flatMap((file) => file[effect] ?? []));
    return [...units].filter((unit) => !idle.includes(unit));
  };
  const restarts = concerned('restarts');
  return { changed, idle, restarts, reloads: concerned('reloads').filter((unit) => !restarts.includes(unit)) };
}

/** True when the file was written after the unit started: a run ended between writing and restarting. */
function isNewerThan(facts: MachineFacts, file: WatchedFile, unit: string | undefined): boolean {
  const state = unit === undefined ? undefined : facts.units[unit];
  return state?.active === true && (facts.files[file.path]?.mtimeMs ?? 0) > state.activeSinceMs;
}

/** Whether a file is missing, or has another content or mode. Its owner is not looked at: everything is written as root's. */
export function isDifferent(facts: MachineFacts, file: RenderedFile): boolean {
  const seen = facts.files[file.path];
  return seen === undefined || seen.sha256 !== sha256Of(file) || seen.mode !== file.mode;
}

/** Writes what differs and sees to the units. */
export async function carryOutWork(ctx: Context, machine: Machine, work: Changes): Promise<void> {
  const { changed, idle, restarts, reloads } = work;
  await rejectBroken(ctx, machine, changed);
  if (changed.length > 0) await machine.writeFiles(ctx, changed);
  const hasUnits = changed.some(({ path }) => path.startsWith('/etc/systemd/system/'));
  const lists = [restarts, reloads, idle].map((units) => units.join(' '));
  if (!hasUnits && lists.every((list) => list === '')) return;
  await machine.exec(ctx, ['sh', '-c', UNITS_SCRIPT, 'units', hasUnits ? 'yes' : 'no', ...lists], {
    timeoutMs: 180_000,
  });
}

/**
 * Arguments: whether unit files changed, then the units to restart, to reload, to enable and start, each list one argument.
 * One daemon-reload serves all. HAProxy and keepalived still ship SysV scripts, and Debian's `systemctl enable` would spend
 * seconds on mirroring the state to those.
 */
const UNITS_SCRIPT = `set -eu
export SYSTEMCTL_SKIP_SYSV=1
[ -z "$4" ] || systemctl --no-reload enable $4
[ "$1$4" = no ] || systemctl daemon-reload
[ -z "$2" ] || systemctl restart $2
[ -z "$3" ] || systemctl reload-or-restart $3
[ -z "$4" ] || systemctl start $4
`;

function titleOf(group: ManagedFiles, { changed, idle, restarts, reloads }: Changes): string {
  const files = `${changed.length} ${changed.length === 1 ? 'file' : 'files'}`;
  const parts = [
    ...(changed.length > 0 ? [`write ${group.what} (${files})`] : []),
    ...(restarts.length > 0 ? [`restart ${shortUnits(restarts)}`] : []),
    ...(reloads.length > 0 ? [`reload ${shortUnits(reloads)}`] : []),
    ...(idle.length > 0 ? [`start ${shortUnits(idle)}`] : []),
  ];
  return parts.join(', ');
}

function whyOf({ changed, idle, restarts, reloads }: Changes, isNew: boolean): string {
  if (changed.length > 0) return isNew ? 'not there yet' : `differs: ${changed.map(({ path }) => path).join(', ')}`;
  if (idle.length > 0) return `${shortUnits(idle)} not running`;
  return `${shortUnits([...restarts, ...reloads])} older than its configuration`;
}

function shortUnits(units: readonly string[]): string {
  return units.map((unit) => unit.replace(/\.service$/, '')).join(', ');
}

/** A file that all machines share is digested once. */
const sha256Of = perObject(({ content }: RenderedFile) => createHash('sha256').update(content).digest('hex'));
