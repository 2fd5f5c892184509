import { requiredArtifacts } from '../../artifacts/catalog.ts';
import { listArtifacts } from '../../artifacts/list.ts';
import type { Context } from '../../core/context.ts';
import type { Host } from './host.ts';
import { failed, type HostCheck, ok, warning } from './types.ts';

/** Where each source of artifacts begins, and whether it can be used here. */
const RELEASE_HOST = 'https://dl.k8s.io/release/stable.txt';
const NETWORK_TIMEOUT_MS = 4000;
/** The module k8s.io/kubernetes v1.36 says `go 1.26.0`; older Go would have to download that toolchain itself. */
const GO_MINIMUM = [1, 26] as const;

/** A cluster is made of files; they come from the cache, a bundle, official downloads, or Go's module proxy. */
export const sourcesCheck: HostCheck = {
  id: 'sources',
  title: 'the parts of a cluster can be obtained',
  run: async (ctx, { host, spec }) => {
    const listed = await listArtifacts(requiredArtifacts(spec.kubernetesVersion));
    const missing = listed.filter(({ state }) => state !== 'cached');
    if (missing.length === 0) return ok('all artifacts are in the cache');
    const [go, gcc, release] = await Promise.all([goVersion(ctx, host), host.which('gcc'), isReachable(ctx)]);
    const wanted = `${missing.length} artifacts are not in the cache`;
    if (release) return ok(`${wanted}; official downloads can be reached`);
    if (go === undefined) {
      return failed(
        `${wanted}, official downloads cannot be reached, and Go is not installed`,
        'install Go 1.26 or newer (go.dev/doc/install), or copy a bundle here: quorate artifacts pull --bundle DIR',
      );
    }
    if (go[0] < GO_MINIMUM[0] || (go[0] === GO_MINIMUM[0] && go[1] < GO_MINIMUM[1])) {
      return warning(
        `${wanted}; Go ${go.join('.')} is older than ${GO_MINIMUM.join('.')}`,
        'install Go 1.26 or newer: go.dev/doc/install',
      );
    }
    if (gcc === undefined) {
      return failed(`${wanted}; runc and flannel need a C compiler`, 'apt-get install -y gcc libc6-dev libseccomp-dev');
    }
    return ok(`${wanted}; they will be built with Go ${go.join('.')}, which takes 10 to 20 minutes once`);
  },
};

async function goVersion(ctx: Context, host: Host): Promise<[number, number] | undefined> {
  const { stdout } = await host.run(ctx, ['go', 'env', 'GOVERSION'], 10_000);
  const [, major, minor] = /go(\d+)\.(\d+)/.exec(stdout) ?? [];
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
}

async function isReachable(ctx: Context): Promise<boolean> {
  try {
    const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(NETWORK_TIMEOUT_MS)]);
    return (await fetch(RELEASE_HOST, { method: 'HEAD', signal })).ok;
  } catch {
    return false;
  }
}
