// What the keys of etcd amount to (ADR 0012): one digest and the number of objects, the same before and after a restore that raises
// the revision. Read on the machine by etcdctl and awk, so that millions of keys never travel.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { etcdctl } from '../etcd/etcdctl.ts';
import type { Machine } from '../machines/machine.ts';

/** What was found under all keys without a lease. */
export interface Content {
  /** Lower-case hex SHA-256 (format.ts, contentHash). */
  readonly contentHash: string;
  readonly keys: number;
  /** By resource: `pods`, `apiregistration.k8s.io/apiservices`. */
  readonly objects: Readonly<Record<string, number>>;
}

/**
 * For awk(1), over what `etcdctl get --keys-only -w fields` prints: Key, CreateRevision, ModRevision, Version, Value, Lease, a line each.
 * Keys with a lease expire while nobody looks and are left out. Prints sha256sum's line, `keys N`, and `object RESOURCE N`, separated by tabs.
 */
export const CONTENT_AWK = `
function resource(key, part, n) {
  sub(/^\\/registry\\//, "", key)
  n = split(key, part, "/")
  return (n > 2 && part[1] ~ /\\./) ? part[1] "/" part[2] : part[1]
}
/^"Key" : / { key = $0; sub(/^"Key" : "/, "", key); sub(/"$/, "", key) }
/^"ModRevision" : / { modified = $3 }
/^"Version" : / { version = $3 }
/^"Lease" : 0$/ {
  keys++
  printf "%s\\t%s\\t%s\\n", key, modified, version | "sha256sum"
  if (key ~ /^\\/registry\\//) count[resource(key)]++
}
END {
  if (keys == 0) printf "" | "sha256sum"
  close("sha256sum")
  printf "keys\\t%d\\n", keys
  for (name in count) printf "object\\t%s\\t%d\\n", name, count[name]
}`;

/** Arguments: the awk program, then argv of etcdctl. pipefail is not POSIX: the first command's failure is carried by a file descriptor. */
const CONTENT_SCRIPT = `program=$1; shift
export LC_ALL=C
{ { "$@" || echo failed >&3; } | awk "$program"; } 3>&1
`;

/** A million keys take a few seconds; a slow disk makes that minutes. */
const TIMEOUT_MS = 300_000;

/** Reads it from the machine's own member, as it was at a revision or, without one, as it is. Throws ETCD_UNAVAILABLE when not all could be read, and what Machine.exec can throw. */
export async function readContent(ctx: Context, machine: Machine, revision?: number): Promise<Content> {
  const at = revision === undefined ? [] : [`--rev=${revision}`];
  const argv = etcdctl('--command-timeout=5m', 'get', '', '--prefix', '--keys-only', '-w', 'fields', ...at);
  const { stdout, stderr } = await machine.exec(ctx, ['sh', '-c', CONTENT_SCRIPT, 'content', CONTENT_AWK, ...argv], {
    timeoutMs: TIMEOUT_MS,
  });
  const content = parseContent(stdout);
  if (content !== undefined) return content;
  throw new QuorateError('ETCD_UNAVAILABLE', `the keys of etcd could not be read on ${machine.name}: ${stderr.trim()}`);
}

/** Parses what CONTENT_AWK prints; undefined when the listing before it had failed. */
export function parseContent(text: string): Content | undefined {
  const lines = text.split('\n');
  if (lines.includes('failed')) return undefined;
  const hash = lines.map((line) => /^([0-9a-f]{64}) /.exec(line)?.[1]).find((found) => found !== undefined);
  const keys = lines.map((line) => /^keys\t(\d+)$/.exec(line)?.[1]).find((found) => found !== undefined);
  if (hash === undefined || keys === undefined) return undefined;
  const objects = lines.flatMap((line): [string, number][] => {
    const [kind, name = '', count] = line.split('\t');
    return kind === 'object' ? [[name, Number(count)]] : [];
  });
  return { contentHash: hash, keys: Number(keys), objects: Object.fromEntries(objects.sort(byName)) };
}

function byName([a]: [string, number], [b]: [string, number]): number {
  return a < b ? -1 : 1;
}

/** What differs between two readings, a sentence each; empty when they are the same. */
export function contentDifferences(wanted: Content, found: Content): readonly string[] {
  const names = [...new Set([...Object.keys(wanted.objects), ...Object.keys(found.objects)])].sort();
  const counts = names.flatMap((name) => {
    const [was = 0, is = 0] = [wanted.objects[name], found.objects[name]];
    return was === is ? [] : [`${name}: ${was} in the backup, ${is} now`];
  });
  const keys = wanted.keys === found.keys ? [] : [`${wanted.keys} keys in the backup, ${found.keys} now`];
  const hash = wanted.contentHash === found.contentHash ? [] : ['the content hash is another one'];
  return [...counts, ...keys, ...hash];
}
