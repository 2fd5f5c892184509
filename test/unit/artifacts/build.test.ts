import { describe, expect, it } from 'vitest';
import { binaryRecipes } from '../../../src/artifacts/recipes.ts';
import { goBuildArguments } from '../../../src/artifacts/sources/build.ts';
import { checkDownload, renderWrapper } from '../../../src/artifacts/sources/go-module.ts';
import { describeMissing, findGo, goEnv } from '../../../src/artifacts/sources/toolchain.ts';

function project(name: string) {
  const recipe = binaryRecipes('v1.36.3').find((candidate) => candidate.name === name);
  if (!recipe) throw new Error(name);
  return { ...recipe.project, recipe };
}

const MODULE = { path: 'example.org/m', version: 'v1.0.0', sum: 'h1:right=' };
const ANSWER = { Path: MODULE.path, Version: MODULE.version, Sum: MODULE.sum, Dir: '/d', GoMod: '/d/go.mod' };

describe('wrapper module', () => {
  it('replaces the staging paths of Kubernetes by its published modules', () => {
    const goMod = {
      Go: '1.26.0',
      Godebug: [{ Key: 'default', Value: 'go1.26' }],
      Replace: [
        { Old: { Path: 'k8s.io/api' }, New: { Path: './staging/src/k8s.io/api' } },
        { Old: { Path: 'example.org/fork' }, New: { Path: '../elsewhere' } },
      ],
    };
    expect(renderWrapper(project('kubelet'), goMod)).toMatchInlineSnapshot(`
      "module quorate.local/build

      go 1.26.0

      godebug default=go1.26
      require k8s.io/kubernetes v1.36.3
      replace k8s.io/api => k8s.io/api v0.36.3
      "
    `);
  });

  it('requires the three modules of etcd and ignores their replacements', () => {
    const replace = [{ Old: { Path: 'go.etcd.io/etcd/api/v3' }, New: { Path: '../api' } }];
    expect(renderWrapper(project('etcd'), { Go: '1.26.0', Replace: replace })).toMatchInlineSnapshot(`
      "module quorate.local/build

      go 1.26.0

      require go.etcd.io/etcd/server/v3 v3.6.16
      require go.etcd.io/etcd/etcdctl/v3 v3.6.16
      require go.etcd.io/etcd/etcdutl/v3 v3.6.16
      "
    `);
  });

  it("stands in for the two modules of flannel's backend that cannot be had", () => {
    const text = renderWrapper(project('flanneld'), { Go: '1.25.0' });
    expect(text.match(/^replace github\.com\/tencentcloud\/\S+ => \.\/stubs\//gm)).toHaveLength(2);
  });
});

describe('module download', () => {
  it('accepts the pinned hash', () => {
    expect(checkDownload(MODULE, ANSWER, '')).toEqual({ module: MODULE, dir: '/d', goMod: '/d/go.mod' });
  });

  it('refuses another hash', () => {
    expect(() => checkDownload(MODULE, { ...ANSWER, Sum: 'h1:wrong=' }, '')).toThrowError(
      expect.objectContaining({
        code: 'ARTIFACT_CORRUPT',
        message: 'module example.org/m@v1.0.0 has h1:wrong=, the catalog pins h1:right=',
      }),
    );
  });

  it('tells what go said when a module cannot be had', () => {
    expect(() => checkDownload(MODULE, undefined, 'dial tcp: no route to host')).toThrow('no route to host');
    expect(() => checkDownload(MODULE, { ...ANSWER, Error: 'not found' }, '')).toThrow('not found');
  });
});

describe('go command', () => {
  it('builds all wanted programs of a project at once, reproducibly', () => {
    const { recipe, ...containerd } = project('containerd');
    expect(goBuildArguments(containerd, [recipe], '/stage')).toEqual([
      'build',
      '-v',
      '-mod=mod',
      '-trimpath',
      '-tags=no_btrfs,no_devmapper,no_zfs',
      '-ldflags',
      '-s -w -X github.com/containerd/containerd/v2/version.Version=v2.4.2',
      '-o',
      '/stage/',
      'github.com/containerd/containerd/v2/cmd/containerd',
    ]);
  });

  it('stamps the version into Kubernetes', () => {
    const { flags } = project('kubelet');
    expect(flags).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
    expect(flags).toContain('-X k8s.io/component-base/version.gitMinor=36');
  });

  it("is shielded from the user's flags and workspace but not from the proxy settings", () => {
    const env = goEnv(true, { HOME: '/root', GOFLAGS: '-mod=vendor', GOPROXY: 'direct' });
    expect(env).toMatchObject({ CGO_ENABLED: '1', GOFLAGS: '-mod=mod', GOWORK: 'off' });
    expect(env).not.toHaveProperty('GOPROXY');
    expect(env).not.toHaveProperty('HOME');
    expect(goEnv(false, {})).toHaveProperty('HOME');
  });

  it('is looked for in PATH', async () => {
    expect(await findGo({ PATH: '/nowhere' })).not.toBe('/nowhere/go');
  });
});

describe('missing tools', () => {
  it('are named with their Debian packages', () => {
    expect(describeMissing(project('runc').tools)).toBe(
      'gcc, pkg-config, libseccomp (headers) not found on this host; ' +
        'on Debian: apt-get install gcc libc6-dev pkg-config libseccomp-dev',
    );
  });
});
