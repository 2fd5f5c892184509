import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { drainNodes, listNodes, setScheduling } from '../../../src/actions/nodes.ts';
import { renderDrain, renderNodes } from '../../../src/cli/results/nodes.ts';
import { QuorateError } from '../../../src/core/errors.ts';
import { createFleet } from '../../../src/machines/fleet.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import { recordingContext } from '../../helpers/context.ts';
import { type FakeApi, startApi } from '../../helpers/kube-server.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
const ctx = recordingContext();
let healthy: Observed;
let api: FakeApi;
let dir: string;

beforeAll(async () => {
  healthy = await healthyCluster(spec);
});
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'nodes-'));
  vi.stubEnv('QUORATE_RUNTIME_DIR', dir);
  api = await startApi(ctx, ({ path }) => {
    if (path === '/api/v1/nodes') return { body: { kind: 'NodeList', items: NODES } };
    if (path === '/api/v1/pods') return { body: { kind: 'PodList', items: [] } };
    const name = /^\/api\/v1\/nodes\/(.+)$/.exec(path)?.[1];
    const node = NODES.find(({ metadata }) => metadata.name === name);
    return node === undefined ? undefined : { body: node };
  });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await api.close();
  rmSync(dir, { recursive: true });
});

const node = (name: string, about: { unschedulable?: boolean; mark?: string; ready?: boolean } = {}) => ({
  kind: 'Node',
  metadata: {
    name,
    labels: { 'node-role.kubernetes.io/worker': 'true', 'topology.kubernetes.io/zone': 'a' },
    annotations: about.mark === undefined ? {} : { 'quorate/cordoned-by': about.mark },
  },
  spec: {
    unschedulable: about.unschedulable === true,
    taints: [{ key: 'CriticalAddonsOnly', value: 'true', effect: 'NoExecute' }],
  },
  status: {
    nodeInfo: { kubeletVersion: 'v1.36.3' },
    conditions: [{ type: 'Ready', status: about.ready === false ? 'Unknown' : 'True', message: 'silent' }],
  },
});
const NODES = [
  node('w2', { unschedulable: true }),
  node('w1', { unschedulable: true, mark: 'upgrade', ready: false }),
  node('cp1'),
  node('cp2'),
];

// No control planes to lock.
const fleet = createFleet({ ...spec, machines: [] }, () => expect.fail('no machine is touched'));
const tools = (observed = healthy) => ({ spec, fleet, kube: api.kube, observe: async () => observed });
const patches = () => api.requests.filter(({ method }) => method === 'PATCH').map(({ path }) => path);

/** The cluster with the etcd member of one machine silent. */
function silent(name: string): Observed {
  const members = (healthy.etcd?.members ?? []).map(({ status, ...member }) =>
    member.name === name || !status ? member : { ...member, status },
  );
  return { ...healthy, etcd: { alarms: [], members } };
}

describe('the list of nodes', () => {
  it('tells by whom a node was cordoned', async () => {
    const nodes = await listNodes(tools());
    expect(nodes.map(({ name, cordonedBy, cordonedFor }) => [name, cordonedBy, cordonedFor])).toEqual([
      ['cp1', undefined, undefined],
      ['cp2', undefined, undefined],
      ['w1', 'quorate', 'upgrade'],
      ['w2', 'owner', undefined],
    ]);
    expect(renderNodes(nodes, PLAIN_THEME)).toMatchInlineSnapshot(`
      "NAME  ROLES   VERSION  READY       CORDONED              ZONE  TAINTS
      cp1   worker  v1.36.3  yes         -                     a     CriticalAddonsOnly=true:NoExecute
      cp2   worker  v1.36.3  yes         -                     a     CriticalAddonsOnly=true:NoExecute
      w1    worker  v1.36.3  no: silent  by quorate (upgrade)  a     CriticalAddonsOnly=true:NoExecute
      w2    worker  v1.36.3  yes         by its owner          a     CriticalAddonsOnly=true:NoExecute"
    `);
  });
});

describe('cordoning', () => {
  it('changes nothing when one of the nodes does not exist', async () => {
    await expect(setScheduling(ctx, tools(), 'cordon', ['cp1', 'w9'])).rejects.toMatchObject({
      code: 'NODE_NOT_FOUND',
      message: 'there is no node w9; there is cp1, cp2, w1, w2',
    });
    expect(patches()).toEqual([]);
  });

  it('changes each node once, and leaves a record', async () => {
    const report = await setScheduling(ctx, tools(), 'uncordon', ['w1', 'w2', 'w1']);
    expect(report).toEqual({ verb: 'uncordon', nodes: ['w1', 'w2'] });
    expect(patches()).toEqual(['/api/v1/nodes/w1', '/api/v1/nodes/w2']);
    expect(ctx.events).toContainEqual(
      expect.objectContaining({ code: 'run.started', data: expect.objectContaining({ verb: 'node uncordon' }) }),
    );
  });
});

describe('draining', () => {
  const drain = async (names: string[], observed?: Observed) => {
    const asked: unknown[][] = [];
    const confirm = async (...question: unknown[]) => void asked.push(question);
    const report = await drainNodes(ctx, tools(observed), names, { confirm });
    return { asked, report };
  };

  it('asks, cordons in the name of the owner, and says how to go back', async () => {
    const { asked, report } = await drain(['w1', 'w2']);
    expect(asked).toEqual([[['w1', 'w2'], undefined]]);
    expect(patches()).toEqual(['/api/v1/nodes/w1', '/api/v1/nodes/w2']);
    expect(renderDrain({ ...report, durationMs: 1_500 }, PLAIN_THEME)).toMatchInlineSnapshot(`
      "✓ node w1 is drained: 0 pods evicted
      ✓ node w2 is drained: 0 pods evicted
        1.5 s  back into use with: quorate node uncordon w1 w2"
    `);
  });

  it('does nothing when the answer is no', async () => {
    const confirm = async () => {
      throw new QuorateError('ABORTED', 'nothing was changed');
    };
    await expect(drainNodes(ctx, tools(), ['w1'], { confirm })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(patches()).toEqual([]);
  });

  it('asks the quorum gate about control planes: one may go, two may not, none while one is down', async () => {
    expect((await drain(['cp1'])).asked[0]?.[1]).toBeUndefined();
    expect((await drain(['cp1', 'cp2'])).asked[0]?.[1]).toContain('below quorum 2');
    expect((await drain(['cp1'], silent('cp2'))).asked[0]?.[1]).toContain('below quorum 2');
    const { etcd: _, ...blind } = healthy;
    expect((await drain(['cp1'], blind)).asked[0]?.[1]).toContain('etcd does not answer');
  });
});
