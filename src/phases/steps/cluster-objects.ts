import { mapLimit } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { waitFor } from '../../core/wait.ts';
import { addonDigest, addonKey, stampAddon } from '../../kube/addons.ts';
import { applyObject } from '../../kube/client.ts';
import { addonGroups, type Stages } from '../../manifests/addons/index.ts';
import type { KubeObject } from '../../manifests/object.ts';
import type { Observed } from '../../observe/observed.ts';
import { certificatePath } from '../../pki/names.ts';
import { type ClusterSpec, controlPlanes } from '../../spec/types.ts';
import { SERVING_LANE, type Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';

/** Parallel requests while applying; more only queue up in a fresh API server. */
const CONCURRENCY = 6;

/**
 * What every cluster needs in its API. Nodes become Ready when the network runs on them, so that has a lane of its own.
 * metrics-server reads every kubelet's metrics over TLS: it comes after their serving certificates, in their lane.
 */
export function objectSteps(spec: ClusterSpec, observed: Observed): { first: Step[]; afterCertificates: Step[] } {
  const { access, networking, dns, metrics } = groupsOf(spec, observed);
  return {
    first: [
      ...applySteps(observed, networking, { id: 'network-objects', lane: 'network' }),
      ...applySteps(observed, [...access, ...dns], { id: 'cluster-objects', lane: 'cluster' }),
    ],
    afterCertificates: applySteps(observed, metrics, { id: 'metrics-objects', lane: SERVING_LANE }),
  };
}

/** At most one step: the objects of these stages that are not in the cluster as this specification and release render them. */
function applySteps(observed: Observed, stages: Stages, about: Pick<Step, 'id' | 'lane'>): Step[] {
  const digests = observed.kube?.addons ?? {};
  const stale = stages.map((stage) => stage.filter((object) => digests[addonKey(object)] !== addonDigest(object)));
  const objects = stale.flat();
  if (objects.length === 0) return [];
  return [
    {
      ...about,
      title: `apply ${objects.length} ${objects.length === 1 ? 'object' : 'objects'} (${kindsOf(objects)})`,
      why: observed.kube === undefined ? 'the cluster is new' : 'missing or differ from what this release ships',
      run: (ctx, tools) => applyAll(ctx, tools, stale),
    },
  ];
}

/** cluster-info holds the CA; the plan of a new cluster has none to show yet. */
function groupsOf(spec: ClusterSpec, observed: Observed): ReturnType<typeof addonGroups> {
  const path = certificatePath('ca');
  const pems = controlPlanes(spec).map(({ name }) => observed.machines[name]?.facts?.certificates[path]);
  return addonGroups(spec, { caCertificate: pems.find((pem) => pem !== undefined) ?? '' });
}

async function applyAll(ctx: Context, tools: Toolbox, stages: Stages): Promise<void> {
  for (const stage of stages) await mapLimit(stage, CONCURRENCY, (object) => applyPatiently(ctx, tools, object));
}

/** A fresh API server refuses for some seconds (RBAC bootstrap, aggregation): each object gets its own deadline. */
async function applyPatiently(ctx: Context, tools: Toolbox, object: KubeObject): Promise<void> {
  const condition = `${addonKey(object)} is applied`;
  await waitFor(ctx, { condition, deadlineMs: 60_000, intervalMs: 400 }, async () => {
    await applyObject(await tools.kube(ctx), stampAddon(object));
    return true;
  });
}

function kindsOf(objects: readonly KubeObject[]): string {
  const names = objects
    .filter(({ kind }) => kind === 'DaemonSet' || kind === 'Deployment')
    .map(({ metadata }) => metadata?.name ?? '');
  return names.length === 0 ? [...new Set(objects.map(({ kind }) => kind))].join(', ') : `with ${names.join(', ')}`;
}
