// What an operator does between changes: nodes, tokens, and the journal of what was done.
import { afterAll, describe, expect, it } from 'vitest';
import { CLUSTER, CLUSTER_FILE, json, mustRun, onCluster, quorate } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { apply, get, kubectl, type List } from './support/kubectl.ts';
import { until } from './support/wait.ts';

useHealthyCluster();

const LABELS = { app: 'e2e-drain' };

afterAll(async () => {
  await onCluster('node', 'uncordon', 'w1', 'w2');
  await kubectl(['delete', 'deployment,pdb', 'e2e-drain', '--ignore-not-found']);
});

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: { readonly phase: string };
}

async function nodesOfPods(): Promise<string[]> {
  const { items } = await get<List<Pod>>('pods', '-l', 'app=e2e-drain');
  return items.filter(({ status }) => status.phase === 'Running').map(({ spec }) => spec.nodeName ?? '');
}

async function deploy(minAvailable: number): Promise<void> {
  await apply(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'e2e-drain', namespace: 'default' },
      spec: {
        replicas: 2,
        selector: { matchLabels: LABELS },
        template: {
          metadata: { labels: LABELS },
          spec: {
            terminationGracePeriodSeconds: 0,
            containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10.2', imagePullPolicy: 'Never' }],
          },
        },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'e2e-drain', namespace: 'default' },
      spec: { minAvailable, selector: { matchLabels: LABELS } },
    },
  );
  await until('both pods run', 60_000, async () => ((await nodesOfPods()).length === 2 ? true : undefined));
}

describe('node drain', () => {
  it('moves pods elsewhere, one after the other, as their budget allows', async () => {
    await deploy(1);
    await onCluster('node', 'drain', 'w1', '--yes');
    await until('both pods are on w2', 60_000, async () =>
      (await nodesOfPods()).join() === 'w2,w2' ? true : undefined,
    );
    const { nodes } = await json<{ nodes: { name: string; cordoned: boolean; cordonedBy?: string }[] }>('node', 'list');
    expect(nodes.find(({ name }) => name === 'w1')).toMatchObject({ cordoned: true, cordonedBy: 'owner' });
    await onCluster('node', 'uncordon', 'w1');
  });

  it('is held up by a budget that allows nothing, says by which, and gives up in time', async () => {
    await deploy(2);
    const run = await quorate(['node', 'drain', 'w2', '--yes', '--timeout', '15s', '-f', CLUSTER_FILE]);
    expect(run.exitCode).toBe(7);
    expect(run.stderr).toContain('code: DRAIN_BLOCKED');
    expect(run.stderr).toContain('e2e-drain');
    await onCluster('node', 'uncordon', 'w2');
  });
});

describe('token', () => {
  it('create makes one that kubeadm knows, list never shows its secret, revoke ends it', async () => {
    const token = await json<{ id: string; token: string; joinCommand: string }>('token', 'create', '--ttl', '10m');
    expect(token.joinCommand).toContain(`kubeadm join 10.89.0.10:6443 --token ${token.token}`);
    const secret = token.token.split('.')[1] ?? '';
    expect(await onCluster('token', 'list')).toContain(token.id);
    expect(await onCluster('token', 'list')).not.toContain(secret);
    const list = await mustRun(['-f', CLUSTER_FILE, 'machine', 'exec', 'cp1', '--', 'kubeadm', 'token', 'list']);
    expect(list.stdout).toContain(token.id);
    await onCluster('token', 'revoke', token.id, '--yes');
    expect(await onCluster('token', 'list')).not.toContain(token.id);
    const runs = await mustRun(['runs', 'show', '--cluster', CLUSTER, '-o', 'json']);
    expect(runs.stdout).not.toContain(secret);
  });
});

describe('runs', () => {
  it('lists what was done, newest first, with how it ended', async () => {
    const { runs } = JSON.parse((await mustRun(['runs', 'list', '--cluster', CLUSTER, '-o', 'json'])).stdout) as {
      runs: { verb: string; outcome: string; startedMs: number }[];
    };
    expect(runs[0]?.verb).toBe('token revoke');
    expect(runs.map(({ verb }) => verb)).toContain('node drain');
    expect([...runs].sort((a, b) => b.startedMs - a.startedMs)).toEqual(runs);
    expect((await mustRun(['runs', 'show', '--cluster', CLUSTER])).stdout).toContain('token revoke');
  });
});
