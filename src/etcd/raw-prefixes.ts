// How values lie in etcd, by what they begin with. Nothing of what follows leaves the machine.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { Machine } from '../machines/machine.ts';
import { etcdctl } from './etcdctl.ts';

/** Big stores take a while to read through. */
const READ_TIMEOUT_MS = 120_000;

/** A command in front of a pipe fails unheard. */
const FAILED = 'etcdctl failed';

/**
 * Argument: the command that prints keys and values (-w fields). Counts values by the provider and key that they say they are encrypted
 * with (k8s:enc:PROVIDER:VERSION:KEY:, k8s.io/apiserver value/encrypt), and all others as plain.
 */
export const PREFIX_SCRIPT = `set -u
{ "$@" || echo "${FAILED}"; } | sed -n '/^${FAILED}$/p
/^"Value" : /{
s/^"Value" : "\\(k8s:enc:[a-z0-9]*:v[0-9]*:[^:"]*:\\).*/\\1/p
t
s/.*/plain/p
}' | sort | uniq -c
`;

/** How many values below a prefix of keys begin in which way. Throws COMMAND_FAILED. */
export async function countByEncryption(
  ctx: Context,
  machine: Machine,
  keyPrefix: string,
): Promise<ReadonlyMap<string, number>> {
  const command = etcdctl('get', '--prefix', keyPrefix, '-w', 'fields').filter(
    (word) => !word.startsWith('--command-timeout'),
  );
  const argv = ['sh', '-c', PREFIX_SCRIPT, 'prefixes', ...command];
  const { stdout } = await machine.exec(ctx, argv, { timeoutMs: READ_TIMEOUT_MS });
  const counts = parseCounts(stdout);
  if (!counts.has(FAILED)) return counts;
  throw new QuorateError('COMMAND_FAILED', `etcdctl get ${keyPrefix} failed on ${machine.name}`);
}

/** `uniq -c`: a number and the line. */
export function parseCounts(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').flatMap((line) => {
    const [, count, prefix] = /^\s*(\d+) (.+)$/.exec(line) ?? [];
    return prefix === undefined ? [] : [[prefix, Number(count)] as const];
  });
  return new Map(lines);
}
