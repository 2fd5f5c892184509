import { parse } from 'yaml';
import { mapLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { addonDigest, addonKey, stampAddon } from '../kube/addons.ts';
import { applyObject } from '../kube/client.ts';
import { addonGroups } from '../manifests/addons/index.ts';
import type { KubeObject } from '../manifests/object.ts';
import type { Observed } from '../observe/observed.ts';
import { certificatePath } from '../pki/names.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';
import type { Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/** Parallel requests while applying; more only queue up in a fresh API server. */
const CONCURRENCY = 6;

/** What every cluster needs in its API: RBAC, kubeadm's records, network, DNS, metrics. */
export function objectSteps(spec: ClusterSpec, observed: Observed): Step[] {
  refuseImmutableChanges(spec, observed);
  const stale = staleObjects(spec, observed);
  return stale.length === 0 ? [] : [applyStep(observed, stale, groupsOf(spec, observed))];
}

function applyStep(observed: Observed, stale: readonly KubeObject[], groups: readonly (readonly KubeObject[])[]): Step {
  const isNew = observed.kube === undefined;
  return {
    id: 'objects',
    lane: 'cluster',
    title: `apply ${stale.length} objects (${kindsOf(stale)})`,
    why: isNew ? 'the cluster is new' : 'missing or differ from what this release ships',
    run: (ctx, tools) => applyAll(ctx, tools, stale, groups),
  };
}

/** Objects that are not in the cluster, or not as this specification and release render them. */
function staleObjects(spec: ClusterSpec, observed: Observed): KubeObject[] {
  const digests = observed.kube?.addons ?? {};
  return groupsOf(spec, observed)
    .flat()
    .filter((object) => digests[addonKey(object)] !== addonDigest(object));
}

/** In the order in which they are applied. cluster-info holds the CA; the plan of a new cluster has none to show yet. */
function groupsOf(spec: ClusterSpec, observed: Observed): (readonly KubeObject[])[] {
  const path = certificatePath('ca');
  const pems = controlPlanes(spec).map(({ name }) => observed.machines[name]?.facts?.certificates[path]);
  return Object.values(addonGroups(spec, { caCertificate: pems.find((pem) => pem !== undefined) ?? '' }));
}

async function applyAll(
  ctx: Context,
  tools: Toolbox,
  stale: readonly KubeObject[],
  groups: readonly (readonly KubeObject[])[],
): Promise<void> {
  await tools.kube(ctx);
  const wanted = new Set(stale.map(addonKey));
  // Groups in order: namespaces and RBAC before what needs them; within a group there is no order.
  for (const group of groups) {
    const objects = group.filter((object) => wanted.has(addonKey(object)));
    await mapLimit(objects, CONCURRENCY, (object) => applyPatiently(ctx, tools, object));
  }
}

/** A fresh API server refuses for some seconds (RBAC bootstrap, aggregation): each object gets its own deadline. */
async function applyPatiently(ctx: Context, tools: Toolbox, object: KubeObject): Promise<void> {
  const condition = `${addonKey(object)} is applied`;
  await waitFor(ctx, { condition, deadlineMs: 60_000, intervalMs: 400 }, async () => {
    await applyObject(await tools.kube(ctx), stampAddon(object));
    return true;
  });
}

/** kubeadm-config remembers what the cluster was built with; these fields are in certificates, routes and stored objects. */
function refuseImmutableChanges(spec: ClusterSpec, observed: Observed): void {
  const text = observed.kube?.clusterConfiguration;
  if (text === undefined) return;
  const built = (parse(text) ?? {}) as { networking?: Record<string, string>; clusterName?: string };
  const fields: [name: string, was: string | undefined, is: string][] = [
    ['metadata.name', built.clusterName, spec.name],
    ['spec.networking.podSubnet', built.networking?.podSubnet, spec.networking.podSubnet],
    ['spec.networking.serviceSubnet', built.networking?.serviceSubnet, spec.networking.serviceSubnet],
    ['spec.networking.dnsDomain', built.networking?.dnsDomain, spec.networking.dnsDomain],
  ];
  const changed = fields.filter(([, was, is]) => was !== undefined && was !== is);
  if (changed.length === 0) return;
  throw new QuorateError(
    'IMMUTABLE_CHANGE',
    `a living cluster cannot change ${changed.map(([name, was, is]) => `${name} (${was} to ${is})`).join(', ')}`,
    { data: { fields: changed.map(([name, was, is]) => ({ name, was, is })) } },
  );
}

function kindsOf(objects: readonly KubeObject[]): string {
  const names = objects
    .filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment')
    .map(({ metadata }) => metadata?.name ?? '');
  return names.length === 0 ? [...new Set(objects.map(({ kind }) => kind))].join(', ') : `with ${names.join(', ')}`;
}
