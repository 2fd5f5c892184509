import { pullArtifacts } from '../artifacts/pull.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { applyObject } from '../kube/client.ts';
import { awaitKube } from '../kube/connect.ts';
import { probeApiServer } from '../kube/probe.ts';
import type { Fleet } from '../machines/fleet.ts';
import { bootstrapTokenSecret } from '../manifests/addons/index.ts';
import { FORMED_PATH } from '../manifests/paths.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { Toolbox } from '../phases/toolbox.ts';
import { newBootstrapToken } from '../pki/bootstrap-token.ts';
import { API_SERVER_PORT, KUBELET_CONF_PATH, SHARED_PATHS } from '../pki/names.ts';
import { sharedPathsOf, sharingMachines } from '../pki/placement.ts';
import { generateSharedMaterial, parseSharedMaterial } from '../pki/shared.ts';
import type { BootstrapToken, SharedMaterial } from '../pki/types.ts';
import { askGate } from './gate.ts';

/** etcd and three API servers take 14 s on two cores (MACHINES.md); a busy or slow host needs many times that. */
const API_DEADLINE_MS = 240_000;
/** Long enough for a worker on a slow machine to join, short enough to be worthless soon after. */
const TOKEN_TTL_MS = 30 * 60_000;

/** Where the tools of a run take artifacts from; by default the cache, then the network. */
export interface ToolboxOptions {
  /** A directory with artifacts, asked before the network. */
  readonly bundleDir?: string;
}

/** A toolbox together with what its owner does at the end of the run. */
export interface RunTools extends Toolbox {
  /** Deletes the bootstrap token, if one was minted. Never throws: the token expires by itself. */
  revokeToken(ctx: Context): Promise<void>;
}

/** The tools of one run. */
export function createToolbox(fleet: Fleet, options: ToolboxOptions = {}): RunTools {
  const shared = once((ctx: Context) => loadShared(ctx, fleet));
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
  const look: Toolbox['observe'] = (ctx, parts) => observe(ctx, fleet, parts === undefined ? {} : { parts });
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
    observe: look,
    askGate: (ctx, what, disruption) => askGate(ctx, { fleet, observe: look }, what, disruption),
    probe: async (ctx, address) =>
      probeApiServer(ctx, address, API_SERVER_PORT, (await shared(ctx)).authorities.ca.certificate),
  };
}

/**
 * The cluster's secrets: from the first machine that holds each of them. Nobody holds them all: the cluster is new, or, when etcd has
 * data, they are lost. Throws PKI_LOST.
 */
async function loadShared(ctx: Context, fleet: Fleet): Promise<SharedMaterial> {
  // Machines may have been started since the run began: what they hold counts, not what was seen before.
  const observed = await observe(ctx, fleet, { parts: [] });
  const machines = sharingMachines(fleet.spec).flatMap((machine) => {
    const facts = observed.machines[machine.name]?.facts;
    const isComplete = facts && sharedPathsOf(fleet.spec, machine).every((path) => facts.files[path] !== undefined);
    return isComplete ? [{ name: machine.name, paths: sharedPathsOf(fleet.spec, machine) }] : [];
  });
  const holderOf = (path: string) => machines.find(({ paths }) => paths.includes(path))?.name;
  if (!SHARED_PATHS.every(holderOf)) {
    refuseSecondBeginning(fleet, observed);
    return generateSharedMaterial(ctx);
  }
  const entries = await Promise.all(
    SHARED_PATHS.map(
      async (path): Promise<[string, Uint8Array | undefined]> => [
        path,
        await fleet.machine(holderOf(path) ?? '').readFile(ctx, path),
      ],
    ),
  );
  return parseSharedMaterial(Object.fromEntries(entries), ctx);
}

/**
 * New keys are for new clusters. Throws MACHINE_UNREACHABLE while a machine that might hold them does not answer, and PKI_LOST when any
 * machine shows that there has been a cluster.
 */
function refuseSecondBeginning(fleet: Fleet, observed: Observed): void {
  const silent = sharingMachines(fleet.spec).filter(({ name }) => observed.machines[name]?.facts === undefined);
  if (silent.length > 0) {
    const names = silent.map(({ name }) => name).join(', ');
    throw new QuorateError(
      'MACHINE_UNREACHABLE',
      `${names}: no answer, so nobody can tell whether the cluster has keys already`,
      {
        hint: 'bring it back, or take it out of cluster.yaml if there has never been a cluster',
      },
    );
  }
  const former = fleet.machines.filter(({ name, role }) => {
    const facts = observed.machines[name]?.facts;
    const hasJoined = role === 'worker' && facts?.files[KUBELET_CONF_PATH] !== undefined;
    return facts?.hasEtcdData || facts?.files[FORMED_PATH] !== undefined || hasJoined;
  });
  if (former.length === 0) return;
  const names = former.map(({ name }) => name).join(', ');
  throw new QuorateError('PKI_LOST', `${names}: part of a cluster, but no machines that answer hold all of its keys`);
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
