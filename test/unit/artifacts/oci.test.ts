import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ImageConfig, imageArchive } from '../../../src/artifacts/oci/archive.ts';
import { linkedLibraries } from '../../../src/artifacts/oci/host-tools.ts';
import { layerEntries } from '../../../src/artifacts/oci/layer.ts';
import { fileEntry, type TarEntry, tarSize, tarStream, textEntry } from '../../../src/artifacts/oci/tar.ts';
import { useSandbox } from './support/sandbox.ts';

const CONFIG: ImageConfig = {
  reference: 'registry.k8s.io/pause:3.10.2',
  architecture: 'amd64',
  entrypoint: ['/pause'],
  user: '65535:65535',
};

async function collect(entries: readonly TarEntry[]): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of tarStream(entries)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('tar stream', () => {
  const sandbox = useSandbox();

  it('is what tar(1) reads, owned by root at time 0, and as long as announced', async () => {
    const entries = layerEntries([textEntry('opt/bin/tool', 'x'.repeat(700), 0o755)]);
    const bytes = await collect(entries);
    expect(bytes).toHaveLength(tarSize(entries));
    const path = join(sandbox.dir, 'layer.tar');
    writeFileSync(path, bytes);
    const listing = execFileSync('tar', ['-tvf', path, '--numeric-owner', '--full-time'], {
      env: { TZ: 'UTC', PATH: process.env.PATH },
    });
    expect(listing.toString().replace(/ +/g, ' ')).toMatchInlineSnapshot(`
      "drwxr-xr-x 0/0 0 1970-01-01 00:00:00 etc/
      -rw-r--r-- 0/0 26 1970-01-01 00:00:00 etc/group
      -rw-r--r-- 0/0 17 1970-01-01 00:00:00 etc/nsswitch.conf
      -rw-r--r-- 0/0 91 1970-01-01 00:00:00 etc/passwd
      drwxr-xr-x 0/0 0 1970-01-01 00:00:00 opt/
      drwxr-xr-x 0/0 0 1970-01-01 00:00:00 opt/bin/
      -rwxr-xr-x 0/0 700 1970-01-01 00:00:00 opt/bin/tool
      drwxrwxrwt 0/0 0 1970-01-01 00:00:00 tmp/
      "
    `);
  });

  it('streams files of this host', async () => {
    mkdirSync(sandbox.dir, { recursive: true });
    const source = join(sandbox.dir, 'big');
    writeFileSync(source, Buffer.alloc(3 * 1024 * 1024 + 1, 7));
    const bytes = await collect([fileEntry('big', source, 3 * 1024 * 1024 + 1, 0o755)]);
    expect(bytes.subarray(512, 512 + 3 * 1024 * 1024 + 1).equals(await readFile(source))).toBe(true);
  });

  it('fails when a file changed its size while it was packed', async () => {
    const entry = { type: 'file', path: 'a', mode: 0o644, size: 5, content: () => [Buffer.from('four')] } as const;
    await expect(collect([entry])).rejects.toThrow('a has 4 bytes, expected 5');
  });
});

describe('layer', () => {
  it('has each parent directory once and before its content', () => {
    const paths = layerEntries([textEntry('usr/local/bin/etcd', ''), textEntry('usr/local/bin/etcdctl', '')]).map(
      ({ path }) => path,
    );
    expect(new Set(paths).size).toBe(paths.length);
    for (const path of paths) {
      const parent = path.slice(0, path.lastIndexOf('/'));
      if (path.includes('/')) expect(paths.indexOf(parent)).toBeLessThan(paths.indexOf(path));
    }
    expect(paths.filter((path) => path === 'usr/local/bin')).toHaveLength(1);
  });

  it('does not depend on the order of its input', () => {
    const files = [textEntry('pause', 'a'), textEntry('etc/x', 'b')];
    expect(layerEntries([...files].reverse()).map(({ path }) => path)).toEqual(
      layerEntries(files).map(({ path }) => path),
    );
  });
});

describe('image archive', () => {
  const layer = layerEntries([textEntry('pause', 'not really a program', 0o755)]);

  it('has a digest that depends on content only', async () => {
    const { digest } = await imageArchive(CONFIG, layer);
    // A golden value: a change here means that every image changes; raise FORMAT in oci/pack.ts with it.
    expect(digest).toMatchInlineSnapshot(`"sha256:5a6af50242a34ca8784052aa2026e43103d6d88c9f42ca4486b510f7928a661a"`);
    expect((await imageArchive(CONFIG, layer)).digest).toBe(digest);
    expect((await imageArchive({ ...CONFIG, user: '0' }, layer)).digest).not.toBe(digest);
  });

  it('is an OCI layout whose digests and sizes are right at every step', async () => {
    const { entries, digest } = await imageArchive(CONFIG, layer);
    const files = new Map<string, Buffer>();
    for (const entry of entries) {
      if (entry.type !== 'file') continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of entry.content()) chunks.push(chunk);
      files.set(entry.path, Buffer.concat(chunks));
      expect(files.get(entry.path)).toHaveLength(entry.size);
    }
    const json = (path: string) => JSON.parse(files.get(path)?.toString() ?? '');
    const blob = (descriptor: { digest: string; size: number }) => {
      const path = `blobs/${descriptor.digest.replace(':', '/')}`;
      const bytes = files.get(path) ?? Buffer.alloc(0);
      expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(descriptor.digest);
      expect(bytes).toHaveLength(descriptor.size);
      return path;
    };
    expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    const [descriptor] = json('index.json').manifests;
    expect(descriptor).toMatchObject({
      digest,
      annotations: { 'io.containerd.image.name': CONFIG.reference, 'org.opencontainers.image.ref.name': '3.10.2' },
    });
    const manifest = json(blob(descriptor));
    const config = json(blob(manifest.config));
    blob(manifest.layers[0]);
    expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest]);
    expect(config.config).toMatchObject({ Entrypoint: ['/pause'], User: '65535:65535' });
  });
});

describe('shared libraries of a host tool', () => {
  it('are read from the output of ldd', () => {
    const output = [
      '\tlinux-vdso.so.1 (0x00007f0a557d1000)',
      '\tlibmnl.so.0 => /lib/x86_64-linux-gnu/libmnl.so.0 (0x00007f0a554ba000)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f0a557d3000)',
      '',
    ].join('\n');
    expect(linkedLibraries(output)).toEqual(['/lib/x86_64-linux-gnu/libmnl.so.0', '/lib64/ld-linux-x86-64.so.2']);
  });
});
