// containerd's store with every image of a cluster imported once; new machines get clones of it that share the large files.
import { copyFile, lstat, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { CachedArtifact, ImageArtifact } from '../../artifacts/types.ts';
import { runCommand } from '../../core/command.ts';
import { mapLimit } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';

/** An image archive in the cache. */
export type CachedImage = CachedArtifact & { readonly artifact: ImageArtifact };

/** The programs that do the import, on this host. */
export interface ImportTools {
  readonly containerd: string;
  readonly ctr: string;
}

/** Unpacking is checksums and disk writes; more at a time only make the disk seek. */
const IMPORT_LANES = 2;
const IMPORT_DEADLINE_MS = 10 * 60_000;
const START_DEADLINE_MS = 20_000;

/** Set by containerd's CRI plugin on images it manages; `pinned` keeps the kubelet's garbage collection away from them. */
const IMAGE_LABELS: readonly string[] = ['io.cri-containerd.image=managed', 'io.cri-containerd.pinned=pinned'];

/** What a store has that belongs to one containerd only. */
const OWN_TO_ONE: readonly string[] = ['io.containerd.grpc.v1.introspection', 'tmpmounts'];

/**
 * Everything that an import does not need is off: CRI (would look for a network), NRI, the monitors. `version = 3` is the
 * format of containerd 2.0 and later.
 */
export function importConfig(root: string, state: string): string {
  const disabled = [
    'io.containerd.grpc.v1.cri',
    'io.containerd.cri.v1.images',
    'io.containerd.cri.v1.runtime',
    'io.containerd.nri.v1.nri',
    'io.containerd.internal.v1.restart',
    'io.containerd.monitor.container.v1.restart',
    'io.containerd.monitor.task.v1.cgroups',
    'io.containerd.internal.v1.tracing',
    'io.containerd.tracing.processor.v1.otlp',
    'io.containerd.snapshotter.v1.blockfile',
    'io.containerd.snapshotter.v1.erofs',
    'io.containerd.snapshotter.v1.native',
  ];
  return `version = 3
root = ${JSON.stringify(root)}
state = ${JSON.stringify(state)}
disabled_plugins = ${JSON.stringify(disabled)}

[grpc]
  address = ${JSON.stringify(socketIn(state))}

[ttrpc]
  address = ${JSON.stringify(`${socketIn(state)}.ttrpc`)}
`;
}

const socketIn = (state: string) => join(state, 'import.sock');

/**
 * Imports the images into a new store at `root` with a private containerd that runs only for that long, and dies with us.
 * `onImported` hears of every image. Throws ARTIFACT_CORRUPT when an archive does not hold the image that it should.
 */
export async function buildStore(
  ctx: Context,
  tools: ImportTools,
  images: readonly CachedImage[],
  root: string,
  onImported: (image: CachedImage) => void,
): Promise<void> {
  const state = await mkdtemp(join(tmpdir(), 'quorate-import-'));
  const config = join(state, 'config.toml');
  await writeFile(config, importConfig(root, state));
  const stop = new AbortController();
  const ended = runDaemon({ ...ctx, signal: AbortSignal.any([ctx.signal, stop.signal]) }, tools.containerd, config);
  try {
    const ctr = (args: readonly string[]) =>
      runCommand(ctx, [tools.ctr, '--address', socketIn(state), '--namespace', 'k8s.io', ...args], {
        timeoutMs: IMPORT_DEADLINE_MS,
      });
    await waitForDaemon(ctx, ctr, ended);
    await mapLimit(images, IMPORT_LANES, async (image) => {
      await ctr(['images', 'import', image.path]);
      onImported(image);
    });
    await labelImages(ctr, images);
  } finally {
    stop.abort();
    await ended.catch(() => {});
    await rm(state, { recursive: true, force: true });
  }
  for (const name of OWN_TO_ONE) await rm(join(root, name), { recursive: true, force: true });
}

/** In a mount namespace of its own: what it mounts while unpacking goes when it goes, however it ends. */
function runDaemon(ctx: Context, containerd: string, config: string): Promise<unknown> {
  const argv = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--propagation', 'slave'];
  const run = runCommand(ctx, [...argv, containerd, '--config', config, '--log-level', 'warn'], {
    timeoutMs: IMPORT_DEADLINE_MS,
  });
  // Awaited later; a failure before that must not count as unhandled.
  run.catch(() => {});
  return run;
}

type Ctr = (args: readonly string[]) => Promise<{ readonly stdout: string }>;

async function waitForDaemon(ctx: Context, ctr: Ctr, ended: Promise<unknown>): Promise<void> {
  const wait = waitFor(
    ctx,
    { condition: 'containerd answers, to import images', deadlineMs: START_DEADLINE_MS, intervalMs: 50 },
    async () => (await ctr(['version'])) && true,
  );
  const early = ended.then(() => {
    throw new QuorateError('MACHINE_FAILED', 'containerd ended before it could import images');
  });
  await Promise.race([wait, early]);
}

async function labelImages(ctr: Ctr, images: readonly CachedImage[]): Promise<void> {
  const present = new Set((await ctr(['images', 'list', '--quiet'])).stdout.split('\n'));
  for (const { artifact, path } of images) {
    if (!present.has(artifact.reference))
      throw new QuorateError('ARTIFACT_CORRUPT', `${path} does not hold the image ${artifact.reference}`);
    await ctr(['images', 'label', artifact.reference, ...IMAGE_LABELS]);
  }
}

/** Never written once they are complete: content is addressed by its digest, a committed snapshot is read-only. */
const SHARED = /^(io\.containerd\.content\.v1\.content\/blobs|io\.containerd\.snapshotter\.v1\.overlayfs\/snapshots)$/;

/**
 * Clones a store for one machine: hard links for content and snapshots (copies, where cache and state lie on different file
 * systems), real copies of everything that containerd changes. Ownership and modes are kept; some must be 0700.
 */
export async function cloneStore(ctx: Context, store: string, target: string): Promise<void> {
  const [from, to] = await Promise.all([lstat(store), lstat(dirname(target))]);
  const how = from.dev === to.dev ? '--link' : '--reflink=auto';
  await runCommand(ctx, ['cp', '--archive', how, '--no-target-directory', store, target], {
    timeoutMs: IMPORT_DEADLINE_MS,
  });
  await separate(target, '');
}

async function separate(root: string, below: string): Promise<void> {
  if (SHARED.test(below)) return;
  for (const entry of await readdir(join(root, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) await separate(root, path);
    else if (entry.isFile()) await replaceByCopy(join(root, path));
  }
}

async function replaceByCopy(path: string): Promise<void> {
  const copy = `${path}.copy`;
  await copyFile(path, copy);
  await rename(copy, path);
}
