// What keeps etcd's file in bounds: compaction, defragmentation, and the alarm that is raised when neither was done.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { lastLine } from '../core/text.ts';
import type { Machine } from '../machines/machine.ts';
import { etcdctl } from './etcdctl.ts';

/**
 * A member writes its whole file anew: 8 GiB, the quota, at the 10 MB/s of the slowest disk that etcd's documentation speaks of
 * ("Hardware recommendations") are 14 minutes.
 */
const DEFRAG_TIMEOUT_MINUTES = 15;
/** Removing the history of a full quota from the file; the API server's own compaction takes a second or two. */
const COMPACT_TIMEOUT_MINUTES = 5;
/** The client's own deadline comes first: its words say more. */
const GRACE_MS = 10_000;
const TIMEOUT = { timeoutMs: 20_000 };

/** The key that is written and deleted to see that writes work. Kubernetes keeps to /registry. */
const WRITE_CHECK_KEY = '/quorate/write-check';

/** Rewrites the file of the machine's own member without its holes. The member answers nobody meanwhile. Throws COMMAND_FAILED. */
export async function defragment(ctx: Context, machine: Machine): Promise<void> {
  const argv = etcdctl(`--command-timeout=${DEFRAG_TIMEOUT_MINUTES}m`, 'defrag');
  await machine.exec(ctx, argv, { timeoutMs: DEFRAG_TIMEOUT_MINUTES * 60_000 + GRACE_MS });
}

/**
 * Forgets every revision before `revision`, and waits until their space is free. false: somebody (the API server does it every five
 * minutes) has forgotten them already. Throws COMMAND_FAILED with etcd's words.
 */
export async function compactTo(ctx: Context, via: Machine, revision: number): Promise<boolean> {
  const argv = etcdctl(`--command-timeout=${COMPACT_TIMEOUT_MINUTES}m`, 'compaction', '--physical', String(revision));
  const timeoutMs = COMPACT_TIMEOUT_MINUTES * 60_000 + GRACE_MS;
  const result = await via.exec(ctx, argv, { timeoutMs, allowFailure: true });
  if (result.exitCode === 0) return true;
  if (/required revision has been compacted/.test(result.stderr)) return false;
  throw new QuorateError(
    'COMMAND_FAILED',
    `etcd of ${via.name} was not compacted to ${revision}: ${lastLine(result.stderr)}`,
  );
}

/** Takes back every alarm. What caused one and was not mended raises it again with the next write. */
export async function disarm(ctx: Context, via: Machine): Promise<void> {
  await via.exec(ctx, etcdctl('alarm', 'disarm'), TIMEOUT);
}

/** Writes a key of quorate's own and deletes it again. Throws ETCD_ALARMED with etcd's words when it refuses. */
export async function checkWrite(ctx: Context, via: Machine): Promise<void> {
  for (const words of [
    ['put', WRITE_CHECK_KEY, new Date().toISOString()],
    ['del', WRITE_CHECK_KEY],
  ]) {
    const result = await via.exec(ctx, etcdctl(...words), { ...TIMEOUT, allowFailure: true });
    if (result.exitCode === 0) continue;
    throw new QuorateError('ETCD_ALARMED', `etcd still refuses writes: ${lastLine(result.stderr)}`);
  }
}
