import { pullArtifacts } from '../artifacts/pull.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { applyObject } from '../kube/client.ts';
import { awaitKube } from '../kube/connect.ts';
import type { Fleet } from '../machines/fleet.ts';
import { bootstrapTokenSecret } from '../manifests/addons/index.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { Toolbox } from '../phases/toolbox.ts';
import { newBootstrapToken } from '../pki/bootstrap-token.ts';
import { SHARED_PATHS } from '../pki/names.ts';
import { generateSharedMaterial, parseSharedMaterial } from '../pki/shared.ts';
import type { BootstrapToken, SharedMaterial } from '../pki/types.ts';
import { controlPlanes } from '../spec/types.ts';

/** etcd and three API servers take 14 s on two cores (MACHINES.md); a busy or slow host needs many times that. */
const API_DEADLINE_MS = 240_000;
/** Long enough for a worker on a slow machine to join, short enough to be worthless soon after. */
const TOKEN_TTL_MS = 30 * 60_000;

export interface ToolboxOptions {
  /** A directory with artifacts, asked before the network. */
  readonly bundleDir?: string;
}

/** A toolbox together with what its owner does at the end of the run. */
export interface RunTools extends Toolbox {
  /** Deletes the bootstrap token, if one was minted. Never throws: the token expires by itself. */
  revokeToken(ctx: Context): Promise<void>;
}

/** The tools of one run, over an observation that was just taken. */
export function createToolbox(fleet: Fleet, initial: Observed, options: ToolboxOptions = {}): RunTools {
  const shared = once((ctx: Context) => loadShared(ctx, fleet, initial));
  let client: Promise<KubeClient> | undefined;
  let token: BootstrapToken | undefined;
  // Steps that run side by side share one connection, and one wait for it.
  const connect = (ctx: Context): Promise<KubeClient> =>
    awaitKube(ctx, fleet, API_DEADLINE_MS).catch((error: unknown) => {
      client = undefined;
      throw error;
    });
  const kube = async (ctx: Context): Promise<KubeClient> => {
    client ??= connect(ctx);
    const used = client;
    const connected = await used;
    if (!connected.isBroken()) return connected;
    if (client === used) client = connect(ctx);
    return client;
  };
  return {
    fleet,
    artifacts: (ctx, wanted) => pullArtifacts(ctx, wanted, options),
    shared,
    kube,
    bootstrapToken: once(async (ctx: Context) => {
      token = await mintToken(ctx, await kube(ctx));
      return token;
    }),
    revokeToken: async (ctx) => {
      if (token === undefined) return;
      const { id } = token;
      await kube(ctx)
        .then((connected) => deleteToken(connected, id))
        .catch(() => {});
    },
    observe: (ctx) => observe(ctx, fleet),
  };
}

/**
 * The cluster's secrets: from the first control plane that holds them all. None holds them: the cluster is new, or, when
 * etcd has data, they are lost. Throws PKI_LOST.
 */
async function loadShared(ctx: Context, fleet: Fleet, observed: Observed): Promise<SharedMaterial> {
  const machines = controlPlanes(fleet.spec).map(({ name }) => ({ name, facts: observed.machines[name]?.facts }));
  const holder = machines.find(({ facts }) => facts && SHARED_PATHS.every((path) => facts.files[path] !== undefined));
  if (!holder) {
    const etcd = machines.filter(({ facts }) => facts?.hasEtcdData).map(({ name }) => name);
    if (etcd.length === 0) return generateSharedMaterial(ctx);
    throw new QuorateError(
      'PKI_LOST',
      `${etcd.join(', ')} has etcd data, but no control plane that answers holds all of the cluster's keys`,
    );
  }
  const machine = fleet.machine(holder.name);
  const entries = await Promise.all(
    SHARED_PATHS.map(
      async (path): Promise<[string, Uint8Array | undefined]> => [path, await machine.readFile(ctx, path)],
    ),
  );
  return parseSharedMaterial(Object.fromEntries(entries), ctx);
}

async function mintToken(ctx: Context, kube: KubeClient): Promise<BootstrapToken> {
  const token = newBootstrapToken(ctx);
  await applyObject(kube, bootstrapTokenSecret(token, new Date(Date.now() + TOKEN_TTL_MS)));
  return token;
}

async function deleteToken(kube: KubeClient, id: string): Promise<void> {
  const core = kube.api(kube.library.CoreV1Api);
  await kube.request('revoke the bootstrap token', () =>
    core.deleteNamespacedSecret({ namespace: 'kube-system', name: `bootstrap-token-${id}` }),
  );
}

/** Makes a value on first use. A failure is not remembered, so that a retry tries again. */
function once<T>(make: (ctx: Context) => Promise<T>): (ctx: Context) => Promise<T> {
  let value: Promise<T> | undefined;
  return (ctx) => {
    value ??= make(ctx).catch((error: unknown) => {
      value = undefined;
      throw error;
    });
    return value;
  };
}
