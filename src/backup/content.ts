// What the keys of etcd amount to (ADR 0012): one digest and the number of objects, the same before and after a restore that raises
// the revision.
import { runCommand } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { etcdctl } from '../etcd/etcdctl.ts';
import type { Machine } from '../machines/machine.ts';
import { CONTENT_AWK } from '../manifests/content-awk.ts';

/** What was found under all keys without a lease. */
export interface Content {
  /** Lower-case hex SHA-256 (format.ts, contentHash). */
  readonly contentHash: string;
  /** How many keys that covers. */
  readonly keys: number;
  /** By resource: `pods`, `apiregistration.k8s.io/apiservices`. */
  readonly objects: Readonly<Record<string, number>>;
}

/** etcdctl's arguments that list what CONTENT_AWK reads: as it was at a revision or, without one, as it is. */
export function keysAt(revision?: number): readonly string[] {
  const at = revision === undefined ? [] : [`--rev=${revision}`];
  return ['get', '', '--prefix', '--keys-only', ...at, '-w', 'fields', '--command-timeout=5m'];
}

/** Arguments: the awk program, then argv of etcdctl. A listing that fails is not complete, which awk sees. */
const CONTENT_SCRIPT = `program=$1; shift
export LC_ALL=C
"$@" | awk "$program"
`;

/** A million keys take a few seconds; a slow disk makes that minutes. */
const TIMEOUT_MS = 300_000;

/**
 * Reads it from the machine's own member, on the machine, so that millions of keys never travel. Throws ETCD_UNAVAILABLE when not all could be
 * read, and what Machine.exec can throw.
 */
export async function readContent(ctx: Context, machine: Machine, revision?: number): Promise<Content> {
  const argv = ['sh', '-c', CONTENT_SCRIPT, 'content', CONTENT_AWK, ...etcdctl(...keysAt(revision))];
  const { stdout, stderr } = await machine.exec(ctx, argv, { timeoutMs: TIMEOUT_MS });
  const content = parseContent(stdout);
  if (content !== undefined) return content;
  throw new QuorateError('ETCD_UNAVAILABLE', `the keys of etcd could not be read on ${machine.name}: ${stderr.trim()}`);
}

/** The same from a file of this host that etcdctl wrote. Throws COMMAND_FAILED when the list is not complete. */
export async function digestKeys(ctx: Context, path: string): Promise<Content> {
  const argv = ['sh', '-c', CONTENT_SCRIPT, 'content', CONTENT_AWK, 'cat', path];
  const content = parseContent((await runCommand(ctx, argv, { timeoutMs: TIMEOUT_MS })).stdout);
  if (content !== undefined) return content;
  throw new QuorateError('COMMAND_FAILED', 'the list of keys is not complete');
}

/** Parses what CONTENT_AWK prints; undefined when the list was not complete. */
export function parseContent(text: string): Content | undefined {
  const lines = text.split('\n');
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

/** Which numbers of objects differ, a sentence each: `pods: 12 instead of 13`. Empty when they are the same. */
export function differences(wanted: Content['objects'], found: Content['objects']): readonly string[] {
  return [...new Set([...Object.keys(wanted), ...Object.keys(found)])]
    .filter((name) => wanted[name] !== found[name])
    .sort()
    .map((name) => `${name}: ${found[name] ?? 0} instead of ${wanted[name] ?? 0}`);
}

/** The same for all of it. */
export function contentDifferences(wanted: Content, found: Content): readonly string[] {
  return [
    ...differences(wanted.objects, found.objects),
    ...(wanted.keys === found.keys ? [] : [`${found.keys} keys instead of ${wanted.keys}`]),
    ...(wanted.contentHash === found.contentHash ? [] : ['the content hash is another one']),
  ];
}
