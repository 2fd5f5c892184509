import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeBundle } from '../../../src/artifacts/bundle.ts';
import { requiredArtifacts } from '../../../src/artifacts/catalog.ts';
import { artifactsDir } from '../../../src/artifacts/layout.ts';
import { listArtifacts, verifyArtifacts } from '../../../src/artifacts/list.ts';
import { pullArtifacts } from '../../../src/artifacts/pull.ts';
import type { Artifact } from '../../../src/artifacts/types.ts';
import { QuorateError } from '../../../src/core/errors.ts';
import { fakeSource } from './support/fake-source.ts';
import { recordingContext, useSandbox } from './support/sandbox.ts';

function pick(...names: string[]): readonly Artifact[] {
  return requiredArtifacts('v1.36.3').filter(
    ({ kind, name }) => names.includes(name) && !(kind === 'image' && name === 'etcdctl'),
  );
}

const BINARIES = pick('kubelet', 'runc');

describe('pull', () => {
  const sandbox = useSandbox();

  it('asks each source only for what the ones before it do not have', async () => {
    const { ctx } = recordingContext();
    const download = fakeSource('download', ['kubelet']);
    const build = fakeSource('build', 'everything');
    const pulled = await pullArtifacts(ctx, BINARIES, { sources: [download, build] });
    expect(download.asked).toEqual(['kubelet', 'runc']);
    expect(build.asked).toEqual(['runc']);
    expect(await Promise.all(pulled.map(({ path }) => readFile(path, 'utf8')))).toEqual([
      'download kubelet\n',
      'build runc\n',
    ]);
  });

  it('returns artifacts in the order asked for and asks no source for what is cached', async () => {
    const { ctx, events } = recordingContext();
    await pullArtifacts(ctx, BINARIES, { sources: [fakeSource('build', 'everything')] });
    const second = fakeSource('build', 'everything');
    events.length = 0;
    const pulled = await pullArtifacts(ctx, [...BINARIES].reverse(), { sources: [second] });
    expect(pulled.map(({ artifact }) => artifact.name)).toEqual(['runc', 'kubelet']);
    expect(second.asked).toEqual([]);
    expect(events.map((event) => [event.code, 'source' in event.data && event.data.source])).toEqual([
      ['artifact.ready', 'cache'],
      ['artifact.ready', 'cache'],
    ]);
  });

  it('tells what every source said when none has an artifact, and what to do', async () => {
    const { ctx } = recordingContext();
    const sources = [
      fakeSource('download', [], { reason: 'dl.k8s.io cannot be resolved (EAI_AGAIN)' }),
      fakeSource('build', [], { reason: 'go is not installed (https://go.dev/dl)' }),
    ];
    const error = await pullArtifacts(ctx, BINARIES, { sources }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(QuorateError);
    const { code, message, hint } = error as QuorateError;
    expect(code).toBe('ARTIFACT_UNAVAILABLE');
    expect(message).toMatchInlineSnapshot(`
      "no source has:
        kubelet v1.36.3
          download: dl.k8s.io cannot be resolved (EAI_AGAIN)
          build: go is not installed (https://go.dev/dl)
        runc v1.5.2
          download: dl.k8s.io cannot be resolved (EAI_AGAIN)
          build: go is not installed (https://go.dev/dl)"
    `);
    expect(hint).toContain('install Go');
  });

  it('names the Debian packages when only a compiler or library is missing', async () => {
    const { ctx } = recordingContext();
    const reason = 'gcc not found on this host; on Debian: apt-get install gcc libc6-dev';
    await expect(pullArtifacts(ctx, BINARIES, { sources: [fakeSource('build', [], { reason })] })).rejects.toThrow(
      expect.objectContaining({
        hint: 'run: apt-get install gcc libc6-dev, or pass --bundle DIR made on another host',
      }),
    );
  });

  it('keeps what could be obtained when something else could not', async () => {
    const { ctx } = recordingContext();
    const half = fakeSource('build', ['runc']);
    await expect(pullArtifacts(ctx, BINARIES, { sources: [half] })).rejects.toThrow('kubelet');
    const states = await listArtifacts(BINARIES);
    expect(states.map(({ state }) => state)).toEqual(['missing', 'cached']);
  });

  it('replaces a damaged file with a warning', async () => {
    const { ctx, events } = recordingContext();
    const [kubelet] = await pullArtifacts(ctx, BINARIES, { sources: [fakeSource('build', 'everything')] });
    await writeFile(kubelet?.path ?? '', 'damaged');
    await expect(verifyArtifacts(ctx, BINARIES)).rejects.toThrow(
      expect.objectContaining({ code: 'ARTIFACT_CORRUPT', message: expect.stringContaining(kubelet?.path ?? '?') }),
    );
    expect((await listArtifacts(BINARIES)).map(({ state }) => state)).toEqual(['corrupt', 'cached']);
    const again = fakeSource('build', 'everything');
    await pullArtifacts(ctx, BINARIES, { sources: [again] });
    expect(again.asked).toEqual(['kubelet']);
    expect(events.filter(({ code }) => code === 'warning')).toHaveLength(1);
    expect(await verifyArtifacts(ctx, BINARIES)).toHaveLength(2);
  });

  it('says what is missing when asked to verify', async () => {
    const { ctx } = recordingContext();
    await expect(verifyArtifacts(ctx, BINARIES)).rejects.toThrow(
      expect.objectContaining({ code: 'ARTIFACT_UNAVAILABLE', message: 'not in the cache: kubelet, runc' }),
    );
  });

  it('packs an image out of its binaries, the same bytes each time', async () => {
    const { ctx } = recordingContext();
    const images = requiredArtifacts('v1.36.3').filter(({ kind, name }) => kind === 'image' && name === 'etcd');
    const source = fakeSource('build', 'everything');
    const [first] = await pullArtifacts(ctx, images, { sources: [source] });
    expect(source.asked).toEqual(['etcd', 'etcdctl', 'etcdutl']);
    expect(first?.path).toBe(join(artifactsDir(), 'etcd/3.6.16-0/etcd.oci.tar'));
    await writeFile(first?.path ?? '', 'damaged');
    const [second] = await pullArtifacts(ctx, images, { sources: [fakeSource('build', [])] });
    expect(second?.sha256).toBe(first?.sha256);
  });

  it('serves a host without network from a bundle', async () => {
    const { ctx, events } = recordingContext();
    const artifacts = requiredArtifacts('v1.36.3').filter(({ name }) => ['runc', 'pause'].includes(name));
    const bundleDir = join(sandbox.dir, 'bundle');
    await writeBundle(ctx, artifacts, bundleDir, { sources: [fakeSource('build', 'everything')] });
    process.env.QUORATE_CACHE_DIR = join(sandbox.dir, 'other-cache');
    events.length = 0;
    await pullArtifacts(ctx, artifacts, { bundleDir, sources: [] });
    const sources = events.flatMap((event) => (event.code === 'artifact.ready' ? [event.data.source] : []));
    expect(sources).toEqual(['bundle', 'bundle']);
    expect((await listArtifacts(artifacts)).every(({ state }) => state === 'cached')).toBe(true);
  });

  it('refuses a file of a bundle that does not have its sum', async () => {
    const { ctx, events } = recordingContext();
    const artifacts = pick('runc');
    const bundleDir = join(sandbox.dir, 'bundle');
    await writeBundle(ctx, artifacts, bundleDir, { sources: [fakeSource('build', 'everything')] });
    await writeFile(join(bundleDir, 'runc/v1.5.2/runc'), 'replaced');
    process.env.QUORATE_CACHE_DIR = join(sandbox.dir, 'other-cache');
    await expect(pullArtifacts(ctx, artifacts, { bundleDir, sources: [] })).rejects.toThrow('bundle: ');
    expect(events.some(({ code }) => code === 'warning')).toBe(true);
  });

  it('says that a directory is not a bundle before anything else', async () => {
    const { ctx } = recordingContext();
    const source = fakeSource('build', 'everything');
    await expect(
      pullArtifacts(ctx, BINARIES, { bundleDir: join(sandbox.dir, 'nothing'), sources: [source] }),
    ).rejects.toThrow(expect.objectContaining({ code: 'ARTIFACT_UNAVAILABLE' }));
    expect(source.asked).toEqual([]);
  });

  it('lets a second pull wait for the first and use its result', async () => {
    const one = recordingContext();
    const two = recordingContext();
    const slow = fakeSource('build', 'everything', { delayMs: 400 });
    const idle = fakeSource('build', 'everything');
    const first = pullArtifacts(one.ctx, BINARIES, { sources: [slow] });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [a, b] = await Promise.all([first, pullArtifacts(two.ctx, BINARIES, { sources: [idle] })]);
    expect(idle.asked).toEqual([]);
    expect(b).toEqual(a);
    const waits = two.events.filter(({ code }) => code === 'condition.changed');
    expect(JSON.stringify(waits[0]?.data)).toContain(`process ${process.pid} has been working on it`);
  });

  it('takes over from a process that died while it held the cache', async () => {
    const { ctx } = recordingContext();
    await pullArtifacts(ctx, pick('runc'), { sources: [fakeSource('build', 'everything')] });
    const dead = { pid: process.pid, startTicks: '1', bootId: 'another boot', since: 0 };
    await writeFile(join(artifactsDir(), '.lock'), JSON.stringify(dead));
    await pullArtifacts(ctx, pick('kubelet'), { sources: [fakeSource('build', 'everything')] });
    await expect(access(join(artifactsDir(), '.lock'))).rejects.toThrow();
  });

  it('leaves neither lock nor unfinished files when it fails', async () => {
    const { ctx } = recordingContext();
    const failing = {
      name: 'build',
      obtain: async () => {
        throw new QuorateError('DISK_FULL', 'no space left for x');
      },
    } as const;
    await expect(pullArtifacts(ctx, BINARIES, { sources: [failing] })).rejects.toThrow(
      expect.objectContaining({ code: 'DISK_FULL' }),
    );
    expect(await readdir(artifactsDir())).toEqual([]);
  });
});
