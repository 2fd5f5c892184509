// Proof that an archive brings the cluster back: it is restored here, beside everything, and read through an API server.
import { join } from 'node:path';
import type { Background } from '../core/background.ts';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf } from '../core/errors.ts';
import { openScratch } from '../core/scratch.ts';
import { formatDuration, throwIfAborted } from '../core/wait.ts';
import { type Content, differences, digestKeys, keysAt } from './content.ts';
import type { ArchiveMeta, OpenArchive } from './format.ts';
import { type ApiAccess, apiGet, countObjects } from './scratch-api.ts';
import {
  etcdctlIn,
  prepareScratch,
  restoreSnapshot,
  type ScratchCluster,
  type ScratchPrograms,
  startApiServer,
  startEtcd,
} from './scratch-cluster.ts';

/** One thing that was proven, or not. The fields are those of a condition (checks/condition.ts). */
export interface RehearsalCheck {
  readonly id: string;
  readonly title: string;
  readonly state: 'ok' | 'failed' | 'skipped';
  readonly detail: string;
}

/** What a rehearsal found. */
export interface RehearsalResult {
  readonly checks: readonly RehearsalCheck[];
  /** From the opened archive to an API server that answers, milliseconds; absent when it never did. */
  readonly restoreMs?: number;
}

/** Resources that the API server itself does not add to when it starts, by their name in etcd. */
const COUNTED: readonly (readonly [resource: string, path: string])[] = [
  ['namespaces', '/api/v1/namespaces'],
  ['minions', '/api/v1/nodes'],
  ['pods', '/api/v1/pods'],
  ['serviceaccounts', '/api/v1/serviceaccounts'],
  ['deployments', '/apis/apps/v1/deployments'],
  ['daemonsets', '/apis/apps/v1/daemonsets'],
];

/**
 * Restores an opened archive into an etcd and an API server on loopback of this host, and checks what they say. Programs are ended and the
 * directory below `workDir` is removed whatever happens; should this process be killed, by the next rehearsal. A check that fails is a
 * result; what needs it is skipped. Throws ABORTED only.
 */
export async function rehearse(
  ctx: Context,
  archive: OpenArchive,
  programs: ScratchPrograms,
  workDir: string,
): Promise<RehearsalResult> {
  const startMs = Date.now();
  const scratch = await openScratch(workDir, 'rehearsal');
  const running: Background[] = [];
  try {
    const cluster = await prepareScratch(scratch.path, programs);
    return await run(ctx, archive, cluster, running, startMs);
  } finally {
    for (const program of running.reverse()) await program.stop();
    await scratch.remove();
  }
}

async function run(
  ctx: Context,
  archive: OpenArchive,
  cluster: ScratchCluster,
  running: Background[],
  startMs: number,
): Promise<RehearsalResult> {
  const list = new CheckList(ctx);
  const { meta } = archive;
  await list.check('restore', 'the snapshot is restored', async () => {
    await restoreSnapshot(ctx, cluster, archive.snapshotPath);
    return `${meta.snapshotBytes} bytes in ${formatDuration(Date.now() - startMs)}`;
  });
  await list.check('etcd', 'etcd runs on it', async () => {
    running.push(await startEtcd(ctx, cluster));
    return `etcd ${meta.etcdVersion} answers at revision ${meta.revision}`;
  });
  const content = await checkContent(ctx, list, cluster, meta);
  const from = Date.now();
  let access: ApiAccess | undefined;
  await list.check('api-server', 'an API server runs on it', async () => {
    const api = await startApiServer(ctx, cluster, archive);
    running.push(api.server);
    access = api.access;
    return `kube-apiserver ${meta.kubernetesVersion} is ready after ${formatDuration(Date.now() - from)}`;
  });
  const restoreMs = access === undefined ? undefined : Date.now() - startMs;
  await checkApi(ctx, list, access, content?.objects ?? meta.objects);
  return { checks: list.checks, ...(restoreMs === undefined ? {} : { restoreMs }) };
}

/** Before an API server writes to it. The content stays undefined where it could not be read. */
async function checkContent(
  ctx: Context,
  list: CheckList,
  cluster: ScratchCluster,
  meta: ArchiveMeta,
): Promise<Content | undefined> {
  let content: Content | undefined;
  await list.check('hash-kv', "etcd's own hash, which covers values, is that of the living cluster", async () => {
    const found = parseHashKV(await etcdctlIn(ctx, cluster, hashArguments(meta)));
    return compareHashKV(meta.hashKV, found);
  });
  await list.check('content-hash', 'every key is there, at its revision and version', async () => {
    const keys = join(cluster.directory, 'keys');
    await etcdctlIn(ctx, cluster, keysAt(meta.revision), keys);
    content = await digestKeys(ctx, keys);
    if (content.contentHash === meta.contentHash) return `${content.keys} keys`;
    throw new Error(`${content.keys} keys with another hash; the archive says ${meta.keys}`);
  });
  await list.check('object-counts', 'there are as many objects of every resource', async () => {
    const different = differences(meta.objects, content?.objects ?? {});
    if (different.length > 0) throw new Error(different.join('; '));
    return `${Object.keys(meta.objects).length} resources`;
  });
  return content;
}

function hashArguments({ revision }: ArchiveMeta): readonly string[] {
  return ['endpoint', 'hashkv', `--rev=${revision}`, '-w', 'json'];
}

/** What `etcdctl endpoint hashkv -w json` says; as text, for the numbers have 64 bits. */
export function parseHashKV(text: string): NonNullable<ArchiveMeta['hashKV']> {
  const field = (name: string) => new RegExp(`"${name}":(\\d+)`).exec(text)?.[1];
  const hash = field('hash');
  if (hash === undefined) throw new Error(`etcdctl says no hash: ${text.slice(0, 200)}`);
  return { hash, compactRevision: field('compact_revision') ?? '0' };
}

/** The evidence when both are the same. Throws when they differ, and Skip when they cannot be compared. */
export function compareHashKV(wanted: ArchiveMeta['hashKV'], found: NonNullable<ArchiveMeta['hashKV']>): string {
  if (wanted === undefined) throw new Skip('the archive has none: its member could not tell it then');
  if (wanted.compactRevision !== found.compactRevision) {
    throw new Skip(
      `etcd was compacted in between: behind revision ${wanted.compactRevision} there, ${found.compactRevision} here`,
    );
  }
  if (wanted.hash === found.hash) return `${found.hash} behind revision ${found.compactRevision}`;
  throw new Error(`it is ${found.hash}; the living cluster had ${wanted.hash}`);
}

async function checkApi(
  ctx: Context,
  list: CheckList,
  access: ApiAccess | undefined,
  objects: Content['objects'],
): Promise<void> {
  const through = (work: (api: ApiAccess) => Promise<string>) => async () => {
    if (access === undefined) throw new Skip('there is no API server to ask');
    return work(access);
  };
  await list.check(
    'api-counts',
    'the API has as many objects as etcd',
    through(async (api) => {
      const found: Record<string, number> = {};
      for (const [resource, path] of COUNTED) found[resource] = (await countObjects(ctx, api, path, false)).count;
      const wanted = Object.fromEntries(COUNTED.map(([resource]) => [resource, objects[resource] ?? 0]));
      const different = differences(wanted, found);
      if (different.length > 0) throw new Error(different.join('; '));
      return Object.entries(found)
        .map(([resource, count]) => `${count} ${resource}`)
        .join(', ');
    }),
  );
  await list.check(
    'secrets',
    'every Secret can be decrypted',
    through(async (api) => {
      const { count, first } = await countObjects(ctx, api, '/api/v1/secrets', true);
      if (count !== (objects.secrets ?? 0)) throw new Error(`${count} Secrets instead of ${objects.secrets ?? 0}`);
      if (first === undefined) throw new Skip('the archive holds no Secret');
      const [namespace, name] = first.split('/');
      const { status } = await apiGet(ctx, api, `/api/v1/namespaces/${namespace}/secrets/${name}`);
      if (status !== 200) throw new Error(`${first}: HTTP ${status}`);
      return `${count} read, ${first} by itself`;
    }),
  );
}

/** It cannot be told, which is no failure. */
class Skip extends Error {}

/** Checks one after the other. Once a restore, etcd or API server has failed, what would need it is skipped. */
class CheckList {
  readonly checks: RehearsalCheck[] = [];
  readonly #ctx: Context;
  #blocked: string | undefined;

  constructor(ctx: Context) {
    this.#ctx = ctx;
  }

  /** Runs one check: what it returns is the evidence, what it throws the failure. Throws ABORTED only. */
  async check(id: string, title: string, work: () => Promise<string>): Promise<void> {
    throwIfAborted(this.#ctx);
    const start = Date.now();
    const add = (state: RehearsalCheck['state'], detail: string) => {
      this.checks.push({ id, title, state, detail: this.#ctx.redactor.redact(detail) });
      this.#ctx.emit('condition.changed', { condition: title, state, detail, elapsedMs: Date.now() - start });
    };
    if (this.#blocked !== undefined) return add('skipped', `not tried: ${this.#blocked}`);
    this.#ctx.emit('condition.changed', { condition: title, state: 'running', elapsedMs: 0 });
    try {
      add('ok', await work());
    } catch (error) {
      if (hasCode(error, 'ABORTED')) throw error;
      throwIfAborted(this.#ctx);
      if (error instanceof Skip) return add('skipped', error.message);
      add('failed', messageOf(error));
      if (['restore', 'etcd', 'api-server'].includes(id)) this.#blocked = `${title}: failed`;
    }
  }
}
