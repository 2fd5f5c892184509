// Reads the whole cluster. Read-only; whatever does not answer becomes a value, never an exception.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { requiredArtifacts } from '../artifacts/catalog.ts';
import { listArtifacts } from '../artifacts/list.ts';
import { mapLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { hasCode, toQuorateError } from '../core/errors.ts';
import type { ErrorData } from '../core/events.ts';
import { sleep } from '../core/wait.ts';
import { readEtcd } from '../etcd/etcdctl.ts';
import type { ObservedEtcd } from '../etcd/types.ts';
import { connectKube } from '../kube/connect.ts';
import { type ApiProbe, probeApiServer } from '../kube/probe.ts';
import { readKube } from '../kube/read.ts';
import type { ObservedApiServer } from '../kube/types.ts';
import { type Fleet, withLeaving } from '../machines/fleet.ts';
import { expandHome } from '../machines/ssh/target.ts';
import { API_SERVER_MANIFEST } from '../manifests/paths.ts';
import { API_SERVER_PORT, certificatePath } from '../pki/names.ts';
import { etcdMachines } from '../spec/types.ts';
import { readMachineFacts } from './machine-facts.ts';
import type { Observed, ObservedMachine } from './observed.ts';

/** The CA that signs what API servers present; from pki/names.ts. */
const CA_PATH = certificatePath('ca');

/** An election takes a second or two. */
const ETCD_ATTEMPTS = 3;
const ETCD_PAUSE_MS = 1_500;
/** A request that breaks once is no proof that the API cannot be read. */
const KUBE_ATTEMPTS = 2;
const KUBE_PAUSE_MS = 1_000;
/**
 * Machines that are asked at once. Each one costs this host a process (nsenter, ssh) while it is asked, some 5 MB; with a few
 * dozen at once the answers, not the waiting, are what the time goes into.
 */
const MACHINES_AT_ONCE = 64;

/** What can be looked at beside the machines themselves. */
export type ObservedPart = 'etcd' | 'kube';

/** How much is looked at; the machines themselves always are. */
export interface ObserveOptions {
  /** Default: everything. A phase names what it plans from, for looking costs time while a cluster comes up. */
  readonly parts?: readonly ObservedPart[];
}

/** Takes a picture of everything. Throws only ABORTED. */
export async function observe(ctx: Context, fleet: Fleet, options: ObserveOptions = {}): Promise<Observed> {
  const takenAtMs = Date.now();
  const [machines, hostPrepared, missingArtifacts, backupCredentials] = await Promise.all([
    observeMachines(ctx, fleet),
    fleet.provider?.isHostPrepared(ctx, fleet.spec) ?? true,
    readMissingArtifacts(fleet),
    readCredentials(fleet.spec),
  ]);
  const base = {
    takenAtMs,
    machines,
    leaving: fleet.leaving,
    hostPrepared,
    missingArtifacts,
    ...(backupCredentials === undefined ? {} : { backupCredentials }),
    vipHolders: vipHolders(fleet, machines),
  };
  const { parts = ['etcd', 'kube'] } = options;
  if (parts.length === 0) return { ...base, apiServers: [] };
  const isAsked = parts.includes('kube') && isInstalled(fleet, machines);
  const [etcd, kube] = await Promise.all([
    parts.includes('etcd') ? observeEtcd(ctx, fleet, machines) : undefined,
    isAsked ? observeApi(ctx, fleet, machines) : { apiServers: notInstalled(fleet) },
  ]);
  return { ...base, ...kube, ...(etcd ? { etcd } : {}) };
}

type ApiPart = Pick<Observed, 'apiServers' | 'endpoint' | 'kube' | 'kubeError'>;

async function observeApi(ctx: Context, fleet: Fleet, machines: Record<string, ObservedMachine>): Promise<ApiPart> {
  const [apiServers, endpoint] = await Promise.all([
    observeApiServers(ctx, fleet, machines),
    observeEndpoint(ctx, fleet, machines),
  ]);
  const kube = apiServers.some(({ ready }) => ready) ? await observeKube(ctx, fleet) : {};
  return { apiServers, ...(endpoint ? { endpoint } : {}), ...kube };
}

/** Before there is a manifest of an API server there is nobody to ask, and asking a silent address takes seconds. */
function isInstalled(fleet: Fleet, machines: Record<string, ObservedMachine>): boolean {
  return fleet.controlPlanes.some(({ name }) => machines[name]?.facts?.files[API_SERVER_MANIFEST] !== undefined);
}

function notInstalled(fleet: Fleet): ObservedApiServer[] {
  return fleet.controlPlanes.map(({ name }) => ({ machine: name, ready: false, detail: 'not installed yet' }));
}

async function readMissingArtifacts(fleet: Fleet): Promise<string[]> {
  const listed = await listArtifacts(requiredArtifacts(fleet.spec.kubernetesVersion));
  return listed.filter(({ state }) => state !== 'cached').map(({ artifact }) => artifact.name);
}

/** Its digest only: what it says is no business of a plan. */
async function readCredentials({ etcd }: Fleet['spec']): Promise<Observed['backupCredentials']> {
  if (etcd.snapshots.s3 === undefined) return undefined;
  const content = await readFile(expandHome(etcd.snapshots.s3.credentialsFile)).catch(() => undefined);
  return content === undefined ? undefined : { sha256: createHash('sha256').update(content).digest('hex') };
}

async function observeMachines(ctx: Context, fleet: Fleet): Promise<Record<string, ObservedMachine>> {
  const statuses = (await fleet.provider?.status(ctx, withLeaving(fleet.spec, fleet.leaving))) ?? [];
  const states = new Map(statuses.map(({ name, state }) => [name, state]));
  const seen = await mapLimit(fleet.machines, MACHINES_AT_ONCE, async ({ name }): Promise<ObservedMachine> => {
    const state = states.get(name) ?? 'running';
    if (state !== 'running') return { name, state };
    try {
      return { name, state, facts: await readMachineFacts(ctx, fleet.machine(name)) };
    } catch (error) {
      return { name, state: 'unreachable', error: asData(error) };
    }
  });
  return Object.fromEntries(seen.map((machine) => [machine.name, machine]));
}

async function observeEtcd(
  ctx: Context,
  fleet: Fleet,
  machines: Record<string, ObservedMachine>,
): Promise<ObservedEtcd | undefined> {
  const carriers = etcdMachines(withLeaving(fleet.spec, fleet.leaving))
    .filter(({ name }) => machines[name]?.facts?.hasEtcdData)
    .map(({ name }) => fleet.machine(name));
  if (carriers.length === 0) return undefined;
  const isUp = carriers.some(({ name }) => machines[name]?.facts?.running.includes('etcd'));
  for (let attempt = 1; ; attempt++) {
    const etcd = await unlessAborted(readEtcd(ctx, carriers));
    // Its processes run, so it may be electing a leader: what is decided from silence has to be sure of it.
    if (etcd !== undefined || !isUp || attempt >= ETCD_ATTEMPTS) return etcd;
    await sleep(ETCD_PAUSE_MS, ctx);
  }
}

async function observeApiServers(
  ctx: Context,
  fleet: Fleet,
  machines: Record<string, ObservedMachine>,
): Promise<ObservedApiServer[]> {
  return Promise.all(
    fleet.controlPlanes.map(async ({ name, address }) => {
      const facts = machines[name]?.facts;
      const ca = facts?.certificates[CA_PATH];
      if (!facts)
        return { machine: name, ready: false, detail: `the machine is ${machines[name]?.state ?? 'unknown'}` };
      if (!ca) return { machine: name, ready: false, detail: 'not installed yet' };
      return { machine: name, ...(await probeApiServer(ctx, address, API_SERVER_PORT, ca)) };
    }),
  );
}

async function observeEndpoint(
  ctx: Context,
  fleet: Fleet,
  machines: Record<string, ObservedMachine>,
): Promise<ApiProbe | undefined> {
  const { host, port } = fleet.spec.endpoint;
  const holders = fleet.controlPlanes.map(({ name }) => machines[name]?.facts?.certificates[CA_PATH]);
  const ca = holders.find((candidate) => candidate !== undefined);
  return ca === undefined ? undefined : probeApiServer(ctx, host, port, ca);
}

async function observeKube(ctx: Context, fleet: Fleet): Promise<Pick<Observed, 'kube' | 'kubeError'>> {
  for (let attempt = 1; ; attempt++) {
    try {
      return { kube: await readKube(await connectKube(ctx, fleet)) };
    } catch (error) {
      if (attempt >= KUBE_ATTEMPTS) return { kubeError: asData(error) };
      asData(error);
      await sleep(KUBE_PAUSE_MS, ctx);
    }
  }
}

/** undefined on failure: the parts that did answer still make a picture. */
async function unlessAborted<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, 'ABORTED')) throw error;
    return undefined;
  }
}

function vipHolders(fleet: Fleet, machines: Record<string, ObservedMachine>): string[] {
  const { vip } = fleet.spec.endpoint;
  if (vip === undefined) return [];
  return fleet.machines.flatMap(({ name }) => (machines[name]?.facts?.addresses.includes(vip) ? [name] : []));
}

function asData(thrown: unknown): ErrorData {
  const error = toQuorateError(thrown);
  if (error.code === 'ABORTED') throw error;
  return { code: error.code, message: error.message, hint: error.hint, family: error.family };
}
