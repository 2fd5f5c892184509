import type { V1Pod } from '@kubernetes/client-node';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { QuorateError } from '../../../src/core/errors.ts';
import { cordonNode, deleteNode, uncordonNode } from '../../../src/kube/cordon.ts';
import { drainNode } from '../../../src/kube/drain.ts';
import { toNode } from '../../../src/kube/read.ts';
import { recordingContext } from '../../helpers/context.ts';
import { type ApiAnswer, type ApiRequest, type FakeApi, startApi } from '../../helpers/kube-server.ts';

/** A node with pods, and how its API server treats evictions. */
interface Cluster {
  pods: V1Pod[];
  ready?: boolean;
  unschedulable?: boolean;
  /** Decides about one eviction; undefined agrees, and the pod is gone at once. */
  evict?: (name: string) => ApiAnswer;
}

let api: FakeApi | undefined;
afterEach(async () => {
  await api?.close();
  api = undefined;
});

async function start(cluster: Cluster) {
  const ctx = recordingContext();
  api = await startApi(ctx, (request) => answer(cluster, request));
  return { ctx, ...api };
}

function answer(cluster: Cluster, { method, path }: ApiRequest): ApiAnswer {
  const evicted = /\/pods\/([^/]+)\/eviction$/.exec(path)?.[1];
  if (evicted !== undefined) {
    const refusal = cluster.evict?.(evicted);
    if (refusal) return refusal;
    cluster.pods = cluster.pods.filter(({ metadata }) => metadata?.name !== evicted);
    return { status: 201, body: { kind: 'Status', status: 'Success' } };
  }
  if (path === '/api/v1/pods') return { body: { kind: 'PodList', items: cluster.pods } };
  if (path !== '/api/v1/nodes/w1') return undefined;
  if (method === 'PATCH') cluster.unschedulable = true;
  return { body: nodeObject(cluster) };
}

function nodeObject({ ready = true, unschedulable = false }: Partial<Cluster>) {
  return {
    kind: 'Node',
    metadata: { name: 'w1', annotations: { 'quorate/cordoned-by': 'upgrade' } },
    spec: { unschedulable },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }] },
  };
}

function pod(
  name: string,
  about: { owner?: string; phase?: string; annotations?: Record<string, string> } = {},
): V1Pod {
  const { owner = 'ReplicaSet', phase = 'Running', annotations } = about;
  const ownerReferences =
    owner === '' ? [] : [{ apiVersion: 'apps/v1', kind: owner, name: 'x', uid: 'x', controller: true }];
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      ownerReferences,
      ...(annotations ? { annotations } : {}),
    },
    status: { phase },
  };
}

const budget: ApiAnswer = {
  status: 429,
  body: {
    kind: 'Status',
    code: 429,
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: {
      causes: [
        { reason: 'DisruptionBudget', message: 'The disruption budget web needs 2 healthy pods and has 2 currently' },
      ],
    },
  },
};
const FAST = { deadlineMs: 5_000, pauseMs: 10 };
const evictions = (requests: readonly ApiRequest[]) => requests.filter(({ path }) => path.endsWith('/eviction'));

describe('drainNode', () => {
  it('cordons, and evicts every pod but mirror, DaemonSet and finished ones', async () => {
    const mirror = pod('etcd-w1', { owner: 'Node', annotations: { 'kubernetes.io/config.mirror': 'x' } });
    const others = [pod('flannel', { owner: 'DaemonSet' }), pod('done', { owner: 'Job', phase: 'Succeeded' })];
    const cluster: Cluster = { pods: [mirror, ...others, pod('web-1'), pod('db-0', { owner: 'StatefulSet' })] };
    const { ctx, kube, requests } = await start(cluster);
    const report = await drainNode(ctx, kube, 'w1', FAST);
    expect(report).toEqual({ evicted: ['default/web-1', 'default/db-0'], left: [] });
    expect(cluster.unschedulable).toBe(true);
    expect(evictions(requests)[0]?.body).toMatchObject({
      kind: 'Eviction',
      deleteOptions: { preconditions: { uid: 'uid-web-1' } },
    });
    const selectors = requests
      .filter(({ path }) => path === '/api/v1/pods')
      .map(({ query }) => query.get('fieldSelector'));
    expect(new Set(selectors)).toEqual(new Set(['spec.nodeName=w1']));
  });

  it('leaves the mark of a node that is cordoned already', async () => {
    const { ctx, kube, requests } = await start({ pods: [], unschedulable: true });
    await drainNode(ctx, kube, 'w1', FAST);
    expect(requests.filter(({ method }) => method === 'PATCH')).toEqual([]);
  });

  it('tries again while a budget holds a pod up, and says which', async () => {
    let refusals = 2;
    const { ctx, kube, requests } = await start({
      pods: [pod('web-1')],
      evict: () => (refusals-- > 0 ? budget : undefined),
    });
    await expect(drainNode(ctx, kube, 'w1', FAST)).resolves.toMatchObject({ evicted: ['default/web-1'] });
    expect(evictions(requests)).toHaveLength(3);
    expect(JSON.stringify(ctx.events)).toContain('default/web-1: The disruption budget web needs 2');
  });

  it('gives up at its deadline, naming the pod and the budget', async () => {
    const { ctx, kube } = await start({ pods: [pod('web-1')], evict: () => budget });
    const drained = drainNode(ctx, kube, 'w1', { deadlineMs: 50, pauseMs: 10 });
    await expect(drained).rejects.toMatchObject({
      code: 'DRAIN_BLOCKED',
      message: expect.stringMatching(/default\/web-1: The disruption budget web needs 2/),
      data: { node: 'w1', pods: [{ pod: 'default/web-1' }], evicted: [] },
    });
  });

  it('names them too when the deadline of the whole command passes first', async () => {
    const { ctx, kube, requests } = await start({ pods: [pod('web-1')], evict: () => budget });
    const drained = expect(drainNode(ctx, kube, 'w1', FAST)).rejects.toMatchObject({ code: 'DRAIN_BLOCKED' });
    // Once the budget has been met twice, what it holds is known.
    await vi.waitFor(
      () => expect(requests.filter(({ method }) => method === 'POST').length).toBeGreaterThan(1),
      10_000,
    );
    ctx.abort.abort(new QuorateError('WAIT_TIMED_OUT', 'the command ran past its --timeout'));
    await drained;
  });

  it('stops on request', async () => {
    const { ctx, kube } = await start({ pods: [pod('web-1')], evict: () => budget });
    setTimeout(() => ctx.abort.abort(new QuorateError('ABORTED', 'stopped')), 100);
    await expect(drainNode(ctx, kube, 'w1', FAST)).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('refuses pods without a controller before it touches anything, and takes them with force', async () => {
    const cluster: Cluster = { pods: [pod('lonely', { owner: '' }), pod('web-1')] };
    const { ctx, kube, requests } = await start(cluster);
    await expect(drainNode(ctx, kube, 'w1', FAST)).rejects.toMatchObject({
      code: 'DRAIN_BLOCKED',
      data: { pods: ['default/lonely'] },
    });
    expect(requests.every(({ method }) => method === 'GET')).toBe(true);
    const report = await drainNode(ctx, kube, 'w1', { ...FAST, force: true });
    expect(report.evicted).toEqual(['default/lonely', 'default/web-1']);
  });

  it('waits until an evicted pod is gone, and evicts it once', async () => {
    const cluster: Cluster = { pods: [pod('slow')], evict: () => ({ status: 201, body: {} }) };
    const { ctx, kube, requests } = await start(cluster);
    setTimeout(() => {
      cluster.pods = [];
    }, 150);
    await expect(drainNode(ctx, kube, 'w1', FAST)).resolves.toEqual({ evicted: ['default/slow'], left: [] });
    expect(evictions(requests)).toHaveLength(1);
  });

  it('evicts but does not wait on a node that does not answer, or when told so', async () => {
    const stuck = (): Cluster => ({ pods: [pod('stuck')], evict: () => ({ status: 201, body: {} }) });
    const dead = await start({ ...stuck(), ready: false });
    const expected = { evicted: ['default/stuck'], left: ['default/stuck'] };
    expect(await drainNode(dead.ctx, dead.kube, 'w1', FAST)).toEqual(expected);
    expect(dead.ctx.events.map(({ code }) => code)).toContain('warning');
    await dead.close();
    const living = await start(stuck());
    expect(await drainNode(living.ctx, living.kube, 'w1', { ...FAST, skipWait: true })).toEqual(expected);
  });

  it('stops waiting when the node dies meanwhile', async () => {
    const cluster: Cluster = { pods: [pod('stuck')], evict: () => ({ status: 201, body: {} }) };
    const { ctx, kube } = await start(cluster);
    setTimeout(() => {
      cluster.ready = false;
    }, 100);
    await expect(drainNode(ctx, kube, 'w1', FAST)).resolves.toMatchObject({ left: ['default/stuck'] });
  });

  it('of an unknown node says so', async () => {
    const { ctx, kube } = await start({ pods: [] });
    await expect(drainNode(ctx, kube, 'w9', FAST)).rejects.toMatchObject({ code: 'KUBE_FAILED' });
  });
});

describe('cordon', () => {
  it('leaves its mark, takes it away, and deletes a node once', async () => {
    const { kube, requests } = await start({ pods: [] });
    await cordonNode(kube, 'w1', 'upgrade');
    await cordonNode(kube, 'w1');
    await uncordonNode(kube, 'w1');
    expect(requests.map(({ body }) => body)).toEqual([
      { metadata: { annotations: { 'quorate/cordoned-by': 'upgrade' } }, spec: { unschedulable: true } },
      { metadata: { annotations: { 'quorate/cordoned-by': null } }, spec: { unschedulable: true } },
      { metadata: { annotations: { 'quorate/cordoned-by': null } }, spec: { unschedulable: null } },
    ]);
    await deleteNode(kube, 'w1');
    await deleteNode(kube, 'gone');
    expect(requests.slice(3).map(({ method, path }) => `${method} ${path}`)).toEqual([
      'DELETE /api/v1/nodes/w1',
      'DELETE /api/v1/nodes/gone',
    ]);
  });

  it('is read back with its mark, while the node is cordoned', () => {
    expect(toNode(nodeObject({ unschedulable: true }))).toMatchObject({ schedulable: false, cordonedFor: 'upgrade' });
    expect(toNode(nodeObject({}))).not.toHaveProperty('cordonedFor');
  });
});
