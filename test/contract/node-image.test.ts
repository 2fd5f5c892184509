// A node image of real parts: what it holds is in every new machine, and containers start from it.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requiredArtifacts } from '../../src/artifacts/catalog.ts';
import { cachedArtifact, lookUpArtifact } from '../../src/artifacts/list.ts';
import type { BinaryArtifact, CachedArtifact } from '../../src/artifacts/types.ts';
import { silentContext } from '../../src/core/context.ts';
import { BINARIES_STAMP } from '../../src/machines/facts.ts';
import { createLocalDriver } from '../../src/machines/local/driver.ts';
import { imagesStoreDir, layerDir } from '../../src/machines/local/layout.ts';
import { bakeNodeImage, type NodeImage, nodeImageId } from '../../src/machines/local/node-image.ts';
import type { MachineProvider } from '../../src/machines/machine.ts';
import type { MachineSpec } from '../../src/spec/types.ts';
import { recordingContext } from '../helpers/context.ts';
import { ociArchive } from '../helpers/oci.ts';
import { makeSpec } from '../helpers/spec.ts';
import { whyNoLocalMachines } from './host-skip.ts';

const RUNTIME = ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc', 'host-local'];

async function runtimeArtifacts(): Promise<readonly CachedArtifact[]> {
  const wanted = requiredArtifacts('v1.36.3').filter(({ kind, name }) => kind === 'binary' && RUNTIME.includes(name));
  const found = await Promise.all(
    wanted.map(async (artifact) => cachedArtifact(artifact, await lookUpArtifact(artifact))),
  );
  return found.filter((cached) => cached !== undefined);
}

const runtime = await runtimeArtifacts();
const missing = runtime.length < RUNTIME.length ? 'containerd and runc are not in the artifact cache' : undefined;
const skip = (await whyNoLocalMachines()) ?? missing;

describe.skipIf(skip !== undefined)(`node image${skip === undefined ? '' : ` (skipped: ${skip})`}`, () => {
  const ctx = silentContext();
  const spec = makeSpec({ name: 'ct-image', prefix: '10.88.23', driver: 'local', controlPlanes: 2, workers: 0 });
  const [first, second] = spec.machines as [MachineSpec, MachineSpec];
  const scratch = mkdtempSync(join(tmpdir(), 'quorate-image-'));
  const baked: NodeImage[] = [];
  let current: readonly CachedArtifact[] = [];
  const driver = createLocalDriver({ nodeImage: () => bake(current) });
  const provider = driver.provider as MachineProvider;

  async function bake(cached: readonly CachedArtifact[]): Promise<NodeImage> {
    const image = await bakeNodeImage(ctx, cached);
    baked.push(image);
    return image;
  }

  /** The program prints its name and version when it is run alone. */
  function testImage(reference: string): CachedArtifact {
    const program = runtime.find(({ artifact }) => artifact.name === 'host-local') as CachedArtifact;
    const archive = ociArchive(reference, readFileSync(program.path));
    const path = join(scratch, `${createHash('sha256').update(reference).digest('hex')}.tar`);
    writeFileSync(path, archive);
    const sha256 = createHash('sha256').update(archive).digest('hex');
    const artifact = { kind: 'image', name: 'test', version: 'v1', reference } as const;
    return { artifact, path, sha256, sizeBytes: archive.length };
  }

  beforeAll(async () => {
    current = [...runtime, testImage('registry.example/one:v1'), testImage('registry.example/two:v1')];
    await provider.prepareHost(ctx, spec);
    await Promise.all(spec.machines.map((machine) => provider.create(ctx, spec, machine)));
    await Promise.all(spec.machines.map((machine) => provider.start(ctx, spec, machine)));
  });

  afterAll(async () => {
    await Promise.all(spec.machines.map((machine) => provider.destroy(ctx, spec, machine)));
    await provider.releaseHost(ctx, spec);
    for (const { layerDir, storeDir } of baked)
      for (const path of [layerDir, storeDir, scratch]) rmSync(path, { recursive: true, force: true });
  });

  it('is baked once for machines that are made at the same time', async () => {
    expect(new Set(baked.map(({ id }) => id)).size).toBe(1);
    expect(baked.length).toBe(1);
  });

  it('has the binaries at their places, with the stamp of what they are', async () => {
    const machine = driver.machine(spec, first);
    const stamp = JSON.parse(Buffer.from((await machine.readFile(ctx, BINARIES_STAMP)) ?? '{}').toString());
    for (const { artifact, sha256 } of runtime) {
      if (artifact.kind !== 'binary') continue;
      expect(JSON.stringify(stamp[artifact.installPath])).toContain(sha256);
      const { stdout } = await machine.exec(ctx, ['sha256sum', artifact.installPath]);
      expect(stdout.slice(0, 64)).toBe(sha256);
      expect((await machine.exec(ctx, ['stat', '-c', '%a', artifact.installPath])).stdout).toBe('755\n');
    }
  });

  it('has every image, pinned, and a container starts from it on every machine', async () => {
    for (const machineSpec of [first, second]) {
      const machine = driver.machine(spec, machineSpec);
      await machine.exec(ctx, ['systemd-run', '--quiet', '--unit=ct-containerd', '-p', 'Delegate=yes', 'containerd']);
      const images = 'for i in $(seq 100); do ctr -n k8s.io images list && exit 0; sleep 0.1; done; exit 1';
      const { stdout } = await machine.exec(ctx, ['sh', '-c', images]);
      for (const reference of ['registry.example/one:v1', 'registry.example/two:v1'])
        expect(stdout).toMatch(new RegExp(`^${reference} .*io.cri-containerd.pinned=pinned`, 'm'));
      const run = ['ctr', '-n', 'k8s.io', 'run', '--rm', 'registry.example/two:v1', `ct-${machineSpec.name}`];
      const ran = await machine.exec(ctx, run);
      expect(ran.stdout + ran.stderr).toContain('CNI host-local plugin');
    }
  });

  it('stays clean whatever a machine does with its own', async () => {
    const [image] = baked as [NodeImage];
    const machine = driver.machine(spec, first);
    await machine.exec(ctx, ['ctr', '-n', 'k8s.io', 'images', 'remove', '--sync', 'registry.example/one:v1']);
    const original = runtime.find(({ artifact }) => artifact.name === 'runc') as CachedArtifact;
    const { installPath } = original.artifact as BinaryArtifact;
    await machine.writeFiles(ctx, [{ path: installPath, content: 'broken', mode: 0o755 }]);
    const other = await driver.machine(spec, second).exec(ctx, ['ctr', '-n', 'k8s.io', 'images', 'list', '--quiet']);
    expect(other.stdout).toContain('registry.example/one:v1');
    for (const path of [original.path, join(image.layerDir, installPath)])
      expect(createHash('sha256').update(readFileSync(path)).digest('hex')).toBe(original.sha256);
  });

  it('stays with a machine when a newer one exists', async () => {
    await provider.stop(ctx, spec, second);
    const newer = await bake([...runtime, testImage('registry.example/three:v1')]);
    const later = createLocalDriver({ nodeImage: async () => newer });
    await (later.provider as MachineProvider).create(ctx, spec, second);
    await (later.provider as MachineProvider).start(ctx, spec, second);
    const stamp = await later.machine(spec, second).exec(ctx, ['grep', '-c', 'lowerdir', '/proc/self/mounts']);
    expect(stamp.stdout).toBe('1\n');
    const mounts = await later.machine(spec, second).exec(ctx, ['grep', 'lowerdir', '/proc/self/mounts']);
    expect(mounts.stdout).toContain((baked[0] as NodeImage).id);
    expect(mounts.stdout).not.toContain(newer.id);
  });

  it('is refused when an archive does not hold what it should, and nothing half-made stays', async () => {
    const wrong = { ...testImage('registry.example/four:v1') };
    const renamed: CachedArtifact = {
      ...wrong,
      artifact: { kind: 'image', name: 'test', version: 'v1', reference: 'registry.example/five:v1' },
    };
    const recording = recordingContext();
    await expect(bakeNodeImage(recording, [...runtime, renamed])).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
    const id = nodeImageId([...runtime, renamed]);
    for (const directory of [layerDir(id), imagesStoreDir(id)]) {
      expect(existsSync(directory)).toBe(false);
      expect(readdirSync(dirname(directory)).filter((name) => name.startsWith(`.${id}`))).toEqual([]);
    }
  });
});
