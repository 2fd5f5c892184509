// One operator at a time, wherever they sit: a lock on the control planes themselves, with a heartbeat. A lock in the API would be
// of no use while there is none, which is when two operators do the most harm.
import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { isProcessAlive, type ProcessIdentity, processIdentity } from '../core/process.ts';
import { formatDuration } from '../core/wait.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { Observed } from '../observe/observed.ts';

const LOCK_PATH = '/run/quorate/operator.lock';
/** Three beats may be lost on a bad line before somebody else may think that the operator is gone. */
const BEAT_MS = 10_000;
const STALE_SECONDS = 45;
/** exit code of the script: somebody else has it. */
const TAKEN = 75;

interface Holder {
  /** Unique to the run. */
  readonly id: string;
  /** `root@laptop`, for the other one to ask. */
  readonly who: string;
  readonly verb: string;
  /** Tells a process of this host that is gone from one of another host. */
  readonly process: ProcessIdentity;
}

/**
 * Arguments: take|beat|drop, id, holder as JSON, id of a holder that is known to be dead. The file's age is by the machine's own clock.
 * flock makes looking and writing one act.
 */
const LOCK_SCRIPT = `set -u
mkdir -p /run/quorate && cd /run/quorate || exit 1
exec 9>operator.guard; flock -w 5 9 || exit 1
file=${LOCK_PATH}
holder=$(head -n 1 "$file" 2>/dev/null || true)
case $1 in
  drop) [ "$holder" != "$2" ] || rm -f "$file" ;;
  beat) if [ "$holder" = "$2" ]; then touch "$file"; elif [ -n "$holder" ]; then exit ${TAKEN}; fi ;;
  take)
    if [ -n "$holder" ] && [ "$holder" != "$2" ] && [ "$holder" != "$4" ]; then
      age=$(( $(date +%s) - $(stat -c %Y "$file") ))
      if [ "$age" -lt ${STALE_SECONDS} ]; then tail -n 1 "$file"; exit ${TAKEN}; fi
    fi
    printf '%s\\n%s\\n' "$2" "$3" > "$file" ;;
esac
`;

/**
 * Runs `work` as the only operator of the cluster. Its context aborts when the lock is lost. Throws LOCKED, naming who has it. What a
 * killed run of this host has left is taken over at once, what one of another host has left once three beats are missing.
 */
export async function withOperatorLock<T>(
  ctx: Context,
  fleet: Fleet,
  observed: Observed,
  verb: string,
  work: (ctx: Context) => Promise<T>,
): Promise<T> {
  // Machines of role etcd too: they renew their certificates by themselves, and wait for this lock.
  const names = fleet.machines
    .filter(({ role }) => role === 'control-plane' || role === 'etcd')
    .map(({ name }) => name)
    .filter((name) => observed.machines[name]?.facts);
  warnOfFew(ctx, fleet, observed, names);
  const who = `${userInfo().username}@${hostname()}`;
  const holder: Holder = { id: randomUUID(), who, verb, process: await processIdentity(process.pid) };
  const taken: string[] = [];
  const lost = new AbortController();
  const beat = setInterval(() => void keep(ctx, fleet, taken, holder, lost), BEAT_MS).unref();
  try {
    for (const name of [...names].sort()) {
      await take(ctx, fleet, name, holder);
      taken.push(name);
    }
    return await work({ ...ctx, signal: AbortSignal.any([ctx.signal, lost.signal]) });
  } finally {
    clearInterval(beat);
    await Promise.all(taken.map((name) => drop(ctx, fleet, name, holder)));
  }
}

/** With most of them unreachable another operator may hold the others; a cluster that is down has to be changed all the same. */
function warnOfFew(ctx: Context, fleet: Fleet, observed: Observed, names: readonly string[]): void {
  const silent = fleet.controlPlanes.filter(({ name }) => observed.machines[name]?.state === 'unreachable');
  if (silent.length === 0 || names.length > fleet.controlPlanes.length / 2) return;
  const text = `${silent.map(({ name }) => name).join(', ')}: no answer, so somebody who reaches them is not kept from changing the cluster`;
  ctx.emit('warning', { text });
}

async function take(ctx: Context, fleet: Fleet, name: string, holder: Holder, dead = ''): Promise<void> {
  const argv = ['sh', '-c', LOCK_SCRIPT, 'lock', 'take', holder.id, JSON.stringify(holder), dead];
  const result = await fleet.machine(name).exec(ctx, argv, { allowFailure: true, timeoutMs: 20_000 });
  if (result.exitCode === 0) return;
  const other = result.exitCode === TAKEN ? parseHolder(result.stdout) : undefined;
  if (other !== undefined && dead === '' && (await isDead(other))) return take(ctx, fleet, name, holder, other.id);
  const owner = other === undefined ? `its lock cannot be taken: ${result.stderr.trim()}` : describe(other);
  throw new QuorateError('LOCKED', `${name}: ${owner}`, {
    hint: `wait for it to end; one that is gone frees the cluster after ${formatDuration(STALE_SECONDS * 1000)}`,
    data: { machine: name, ...(other === undefined ? {} : { who: other.who, verb: other.verb }) },
  });
}

function describe({ who, verb, process }: Holder): string {
  return `${who} is running quorate ${verb} (process ${process.pid}) on this cluster`;
}

/** Only of this host and its process numbers can it be told that a process is gone. */
async function isDead({ process: other }: Holder): Promise<boolean> {
  const own = await processIdentity(process.pid);
  const isNear = other.bootId === own.bootId && other.pidNamespace === own.pidNamespace;
  return isNear && !(await isProcessAlive(other));
}

function parseHolder(text: string): Holder | undefined {
  try {
    return JSON.parse(text.trim()) as Holder;
  } catch {
    return undefined;
  }
}

async function keep(
  ctx: Context,
  fleet: Fleet,
  names: readonly string[],
  { id }: Holder,
  lost: AbortController,
): Promise<void> {
  await Promise.all(
    names.map(async (name) => {
      try {
        const argv = ['sh', '-c', LOCK_SCRIPT, 'lock', 'beat', id];
        const result = await fleet.machine(name).exec(ctx, argv, { allowFailure: true, timeoutMs: BEAT_MS });
        // A machine that has been booted anew has no lock any more, and nobody else has it either: that is no loss.
        if (result.exitCode === TAKEN) lost.abort(lostError(name));
      } catch (error) {
        if (!ctx.signal.aborted) ctx.emit('note', { text: `${name}: no heartbeat of the lock: ${messageOf(error)}` });
      }
    }),
  );
}

function lostError(name: string): QuorateError {
  return new QuorateError('LOCKED', `${name}: another operator has taken the cluster over meanwhile`);
}

async function drop(ctx: Context, fleet: Fleet, name: string, { id }: Holder): Promise<void> {
  // Also after Ctrl-C: the lock is not to outlive the run.
  const signal = AbortSignal.timeout(BEAT_MS);
  const argv = ['sh', '-c', LOCK_SCRIPT, 'lock', 'drop', id];
  await fleet
    .machine(name)
    .exec({ ...ctx, signal }, argv, { allowFailure: true, timeoutMs: BEAT_MS })
    .catch(() => {});
}
