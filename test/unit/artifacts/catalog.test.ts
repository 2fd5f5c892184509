import { describe, expect, it } from 'vitest';
import {
  AGNHOST_VERSION,
  componentVersions,
  imageReference,
  rehearsalPrograms,
  requiredArtifacts,
  supportedKubernetesVersions,
  testArtifacts,
} from '../../../src/artifacts/catalog.ts';
import { recipeOfBinary, recipesOfImage } from '../../../src/artifacts/find.ts';
import { binaryRecipes } from '../../../src/artifacts/recipes.ts';
import { producedName } from '../../../src/artifacts/sources/build.ts';

const everything = supportedKubernetesVersions().flatMap((version) => [
  ...requiredArtifacts(version),
  ...testArtifacts(),
]);

describe('catalog', () => {
  it('lists the binaries and images of a cluster, with install paths and upstream names', () => {
    const lines = requiredArtifacts('v1.36.3').map((artifact) =>
      artifact.kind === 'binary' ? `${artifact.installPath} ${artifact.version}` : artifact.reference,
    );
    expect(lines).toMatchInlineSnapshot(`
      [
        "/usr/local/bin/kubelet v1.36.3",
        "/usr/local/bin/kubectl v1.36.3",
        "/usr/local/bin/kubeadm v1.36.3",
        "/usr/local/bin/etcd v3.6.16",
        "/usr/local/bin/etcdctl v3.6.16",
        "/usr/local/bin/etcdutl v3.6.16",
        "/usr/local/bin/containerd v2.4.2",
        "/usr/local/bin/ctr v2.4.2",
        "/usr/local/bin/containerd-shim-runc-v2 v2.4.2",
        "/usr/local/sbin/runc v1.5.2",
        "/opt/cni/bin/bridge v1.9.1",
        "/opt/cni/bin/ptp v1.9.1",
        "/opt/cni/bin/loopback v1.9.1",
        "/opt/cni/bin/host-local v1.9.1",
        "/opt/cni/bin/portmap v1.9.1",
        "/opt/cni/bin/bandwidth v1.9.1",
        "registry.k8s.io/kube-apiserver:v1.36.3",
        "registry.k8s.io/kube-controller-manager:v1.36.3",
        "registry.k8s.io/kube-scheduler:v1.36.3",
        "registry.k8s.io/kube-proxy:v1.36.3",
        "registry.k8s.io/etcd:3.6.16-0",
        "registry.k8s.io/coredns/coredns:v1.14.2",
        "registry.k8s.io/pause:3.10.2",
        "ghcr.io/flannel-io/flannel:v0.28.4",
        "registry.k8s.io/metrics-server/metrics-server:v0.9.0",
      ]
    `);
  });

  it('offers the newest Kubernetes version first and refuses one that it does not have', () => {
    expect(supportedKubernetesVersions()[0]).toBe('v1.36.3');
    expect(() => requiredArtifacts('v1.36.2')).toThrowError(
      expect.objectContaining({ code: 'SPEC_UNSUPPORTED', hint: expect.stringContaining('v1.36.3') }),
    );
  });

  it('knows how to make every artifact of every version', () => {
    for (const artifact of everything) {
      const recipes = artifact.kind === 'binary' ? [recipeOfBinary(artifact)] : recipesOfImage(artifact).binaries;
      expect(recipes.length).toBeGreaterThan(0);
    }
  });

  it('takes the binaries of an image from the release that the image belongs to', () => {
    const old = requiredArtifacts('v1.35.4').find(({ name }) => name === 'kube-apiserver');
    if (old?.kind !== 'image') throw new Error('no kube-apiserver image');
    expect(recipesOfImage(old).binaries.map(({ version }) => version)).toEqual(['v1.35.4']);
  });

  it('does not pull test images by default', () => {
    expect(requiredArtifacts('v1.36.3').map(({ name }) => name)).not.toContain('agnhost');
    expect(testArtifacts()).toEqual([
      {
        kind: 'image',
        name: 'agnhost',
        version: AGNHOST_VERSION,
        reference: imageReference('agnhost', 'v1.36.3'),
      },
      { kind: 'binary', name: 'versitygw', version: 'v1.8.0', installPath: '/usr/local/bin/versitygw' },
    ]);
  });

  it('has the programs of a rehearsal, the API server as a program among them', () => {
    const programs = rehearsalPrograms('v1.35.4');
    expect(programs.map(({ name }) => name)).toEqual(['etcd', 'etcdctl', 'etcdutl', 'kube-apiserver']);
    expect(recipeOfBinary(programs[3] as never)).toMatchObject({
      version: 'v1.35.4',
      project: { id: 'kubernetes-v1.35.4' },
    });
  });

  it('refuses an artifact that is not in it', () => {
    const artifact = { kind: 'binary', name: 'kubelet', version: 'v9.9.9', installPath: '/x' } as const;
    expect(() => recipeOfBinary(artifact)).toThrowError(expect.objectContaining({ code: 'ARTIFACT_UNAVAILABLE' }));
  });

  it('uses an etcd that is at least 3.6.14', () => {
    const [major, minor, patch] = componentVersions('v1.36.3').etcd.slice(1).split('.').map(Number);
    expect([major, minor]).toEqual([3, 6]);
    expect(patch).toBeGreaterThanOrEqual(14);
  });
});

describe('recipes', () => {
  const recipes = supportedKubernetesVersions().flatMap(binaryRecipes);

  it('pins every module with a well-formed h1 sum (32 bytes)', () => {
    for (const { path, sum } of recipes.flatMap((recipe) => recipe.project.modules)) {
      expect(sum, path).toMatch(/^h1:[A-Za-z0-9+/]{43}=$/);
      expect(Buffer.from(sum.slice(3), 'base64'), path).toHaveLength(32);
    }
  });

  it('pins one module version by one sum', () => {
    const sums = new Map<string, Set<string>>();
    for (const { path, version, sum } of recipes.flatMap((recipe) => recipe.project.modules)) {
      const key = `${path}@${version}`;
      sums.set(key, (sums.get(key) ?? new Set()).add(sum));
    }
    for (const [key, values] of sums) expect([...values], key).toHaveLength(1);
    const kubernetes = [...sums].filter(([key]) => key.startsWith('k8s.io/kubernetes@'));
    expect(new Set(kubernetes.flatMap(([, values]) => [...values])).size).toBe(kubernetes.length);
  });

  it('downloads over https only, with a published checksum, for the right version', () => {
    for (const { name, version, release } of recipes) {
      if (!release) continue;
      expect(release.url, name).toMatch(/^https:\/\/(dl\.k8s\.io|github\.com)\//);
      expect(release.checksumUrl, name).toMatch(/^https:\/\/(dl\.k8s\.io|github\.com)\//);
      expect(release.url, name).toContain(version);
    }
  });

  it('builds the packages of one project under file names that do not collide', () => {
    for (const version of supportedKubernetesVersions()) {
      const names = binaryRecipes(version).map((recipe) => `${recipe.project.id}/${producedName(recipe)}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('knows that go names a program by its path without the major version', () => {
    const names = Object.fromEntries(binaryRecipes('v1.36.3').map((recipe) => [recipe.name, producedName(recipe)]));
    expect(names).toMatchObject({ etcd: 'server', etcdctl: 'etcdctl', flanneld: 'flannel', pause: 'pause' });
  });
});
