// What a snapshot means: the digest over its keys that a control plane took when it made the archive (ADR 0012), taken again.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { throwIfAborted } from '../core/wait.ts';

/** Same fields as in ArchiveMeta. */
export interface Content {
  /** Lower-case hex. */
  readonly contentHash: string;
  /** How many keys have no lease. */
  readonly keys: number;
  readonly objects: Readonly<Record<string, number>>;
}

/** etcdctl's arguments that print what digestKeys reads. */
export function keysAt(revision: number): readonly string[] {
  return ['get', '', '--prefix', '--keys-only', `--rev=${revision}`, '-w', 'fields', '--command-timeout=5m'];
}

const KEY = '"Key" : "';

/**
 * Reads a file that etcdctl wrote (keysAt), line by line: the keys of a large cluster do not fit into memory. Throws COMMAND_FAILED when
 * the list is not complete, ABORTED.
 */
export async function digestKeys(ctx: Context, path: string): Promise<Content> {
  const hash = createHash('sha256');
  const objects: Record<string, number> = {};
  let current = { key: '', revision: '', version: '' };
  let [seen, keys, count] = [0, 0, -1];
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.startsWith(KEY)) {
      current = { key: line.slice(KEY.length, -1), revision: '', version: '' };
      continue;
    }
    const [name, value = ''] = line.split(' : ');
    if (name === '"ModRevision"') current.revision = value;
    else if (name === '"Version"') current.version = value;
    else if (name === '"Count"') count = Number(value);
    else if (name === '"Lease"') {
      throwIfAborted(ctx);
      seen += 1;
      if (value !== '0') continue;
      keys += 1;
      hash.update(`${current.key}\t${current.revision}\t${current.version}\n`);
      const resource = resourceOf(current.key);
      if (resource !== undefined) objects[resource] = (objects[resource] ?? 0) + 1;
    }
  }
  if (seen === count) return { contentHash: hash.digest('hex'), keys, objects };
  throw new QuorateError('COMMAND_FAILED', `the list of keys is not complete: ${seen} of ${count}`);
}

/** `/registry/pods/default/a` is of `pods`, `/registry/apps.example.com/things/a` of `apps.example.com/things`; others of none. */
export function resourceOf(key: string): string | undefined {
  const [root, registry, first = '', second] = key.split('/');
  if (root !== '' || registry !== 'registry' || second === undefined) return undefined;
  if (!first.includes('.')) return first;
  return `${first}/${second}`;
}

/** What differs between two contents, by resource: `pods: 12 instead of 13`. Empty when they are the same. */
export function differences(wanted: Content['objects'], found: Content['objects']): readonly string[] {
  return [...new Set([...Object.keys(wanted), ...Object.keys(found)])]
    .filter((name) => wanted[name] !== found[name])
    .sort()
    .map((name) => `${name}: ${found[name] ?? 0} instead of ${wanted[name] ?? 0}`);
}
