import { describe, expect, it } from 'vitest';
import type { CachedArtifact } from '../../../src/artifacts/types.ts';
import { importConfig } from '../../../src/machines/local/images-store.ts';
import { nodeImageId } from '../../../src/machines/local/node-image.ts';

const binary = (name: string, sha256: string): CachedArtifact => ({
  artifact: { kind: 'binary', name, version: 'v1', installPath: `/usr/local/bin/${name}` },
  path: `/cache/${name}`,
  sha256,
  sizeBytes: 1,
});
const image = (reference: string, sha256: string): CachedArtifact => ({
  artifact: { kind: 'image', name: 'pause', version: 'v1', reference },
  path: '/cache/pause.tar',
  sha256,
  sizeBytes: 1,
});

describe('the id of a node image', () => {
  const artifacts = [binary('kubelet', 'aa'), binary('ctr', 'bb'), image('registry.k8s.io/pause:3.10.2', 'cc')];

  it('does not depend on the order or on where the cache lies', () => {
    const moved = artifacts.map((cached) => ({ ...cached, path: '/elsewhere' })).reverse();
    expect(nodeImageId(moved)).toBe(nodeImageId(artifacts));
  });

  it('changes with the content, the place and the name of any artifact', () => {
    const ids = [
      artifacts,
      [binary('kubelet', 'ab'), ...artifacts.slice(1)],
      [...artifacts.slice(0, 2), image('registry.k8s.io/pause:3.10.3', 'cc')],
      artifacts.slice(1),
    ].map(nodeImageId);
    expect(new Set(ids).size).toBe(4);
  });
});

describe("the import's containerd", () => {
  it('is configured as reviewed, away from any other', async () => {
    await expect(importConfig('/store', '/tmp/state')).toMatchFileSnapshot('../../golden/machines/import-config.toml');
  });
});
