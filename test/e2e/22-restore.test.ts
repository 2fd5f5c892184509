// All control planes are lost under a workload, disks and all, and come back from the last backup on new machines with other names and other
// addresses. Nobody touches a worker. The last scenario before `down`, for the cluster is another one afterwards.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLUSTER, CLUSTER_FILE, json, mustRun, quorate } from './support/cli.ts';
import { fillDatabase } from './support/fill.ts';
import { expectHealthy } from './support/health.ts';
import { AGNHOST, loadAgnhost } from './support/image.ts';
import { apply, get, kubectl, type List } from './support/kubectl.ts';
import { loseForGood } from './support/loss.ts';
import { variant } from './support/variant.ts';
import { until } from './support/wait.ts';
import { startWatching } from './support/watcher.ts';

/** What the issue asks for; QUORATE_E2E_DATABASE_MIB=1024 makes it a gigabyte. */
const DATABASE_MIB = Number(process.env.QUORATE_E2E_DATABASE_MIB ?? 100);
const NEW_PLANES = [
  { name: 'n1', address: '10.89.0.14' },
  { name: 'n2', address: '10.89.0.15' },
  { name: 'n3', address: '10.89.0.16' },
];

interface RestoreReport {
  readonly apiReadyMs: number;
  readonly durationMs: number;
  readonly keys: number;
  readonly contentHash: string;
  readonly restoredRevision: number;
}

describe('total loss', () => {
  it('comes back from the last backup on new machines, proved', async () => {
    await expectHealthy();
    await loadAgnhost();
    await fillDatabase(DATABASE_MIB);
    await apply({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'through' },
      spec: {
        replicas: 4,
        selector: { matchLabels: { app: 'through' } },
        template: {
          metadata: { labels: { app: 'through' } },
          spec: {
            containers: [
              { name: 'web', image: AGNHOST, imagePullPolicy: 'Never', args: ['netexec', '--http-port=8080'] },
            ],
          },
        },
      },
    });
    await kubectl(['rollout', 'status', 'deployment/through', '--timeout=120s']);
    await kubectl(['create', 'secret', 'generic', 'kept', '--from-literal=a=b']);
    const directory = await mkdtemp(join(tmpdir(), 'quorate-archive-'));
    await mustRun(['etcd', 'snapshot', 'save', '--to', directory, '-f', CLUSTER_FILE], {
      timeoutMs: 600_000,
    });
    const [backup] = (
      await json<{ archives: { name: string; label: { contentHash: string; keys: number } }[] }>(
        'etcd',
        'snapshot',
        'list',
      )
    ).archives;
    const archive = join(directory, `${backup?.name}.tar.age`);
    await kubectl(['create', 'configmap', 'after-the-backup']);
    const pods = await podsOf('through');
    const watchers = await Promise.all([
      startWatching('/api/v1/namespaces/default/configmaps'),
      startWatching('/api/v1/pods'),
      startWatching('/api/v1/nodes'),
    ]);
    await until('the watchers have begun', 20_000, async () =>
      watchers.every((w) => w.report().lists > 0) ? true : undefined,
    );
    await loseForGood(['cp1', 'cp2', 'cp3']);
    const file = await newMachines();
    const run = await mustRun(['restore', archive, '--confirm', CLUSTER, '-o', 'json', '-f', file], {
      timeoutMs: 1_200_000,
    });
    const report = JSON.parse(run.stdout) as RestoreReport;
    process.stdout.write(
      `total loss, ${DATABASE_MIB} MiB: the endpoint answered after ${report.apiReadyMs} ms, proved after ${report.durationMs} ms\n`,
    );
    expect(report).toMatchObject({ keys: backup?.label.keys, contentHash: backup?.label.contentHash });
    const { exitCode, stdout } = await quorate(['health', '--wait', '3m', '-f', file]);
    expect(exitCode, stdout).toBe(0);
    await expectAsBefore(pods);
    await expectWatchers(watchers, report.restoredRevision);
    // Nothing is left to be done, and nothing to be recovered from.
    expect((await mustRun(['up', '--yes', '-f', file], { timeoutMs: 600_000 })).stdout).toContain('nothing to do');
    if (DATABASE_MIB <= 100) expect(report.apiReadyMs).toBeLessThan(60_000);
  });
});

/** The same cluster with three other control planes. */
async function newMachines(): Promise<string> {
  return variant((document) => {
    const machines = document.toJS().spec.machines as { role: string }[];
    const workers = machines.filter(({ role }) => role === 'worker');
    const planes = NEW_PLANES.map((machine) => ({ ...machine, role: 'control-plane', local: {} }));
    // Workers keep their addresses, which follow from their place among the workers.
    document.setIn(['spec', 'machines'], document.createNode([...planes, ...workers]));
  });
}

async function podsOf(app: string): Promise<string[]> {
  const { items } = await get<List<{ metadata: { name: string } }>>('pods', '-l', `app=${app}`);
  return items.map(({ metadata }) => metadata.name).sort();
}

/** What was there is there, what came after is not, and the workers' pods are the very same ones. */
async function expectAsBefore(pods: readonly string[]): Promise<void> {
  const { data } = await get<{ data: Record<string, string> }>('secret', 'kept');
  expect(Buffer.from(data.a ?? '', 'base64').toString()).toBe('b');
  await expect(kubectl(['get', 'configmap', 'after-the-backup'])).rejects.toThrow(/not found/);
  expect(await podsOf('through')).toEqual(pods);
  const nodes = await get<List<{ metadata: { name: string } }>>('nodes');
  expect(nodes.items.map(({ metadata }) => metadata.name).sort()).toEqual(['n1', 'n2', 'n3', 'w1', 'w2']);
}

/** Nobody saw a revision go back, everybody was told to begin anew, and in the end everybody knows what is. */
async function expectWatchers(
  watchers: readonly Awaited<ReturnType<typeof startWatching>>[],
  restoredRevision: number,
): Promise<void> {
  await kubectl(['create', 'configmap', 'after-the-restore']);
  const [configMaps] = watchers;
  await until('the watchers are told of new objects', 60_000, async () =>
    configMaps?.report().known.includes('after-the-restore') ? true : undefined,
  );
  const names = async (...what: string[]) =>
    (await get<List<{ metadata: { name: string } }>>(...what)).items.map(({ metadata }) => metadata.name).sort();
  await until('every watcher knows exactly what is', 60_000, async () => {
    const wanted = [await names('configmaps', '-n', 'default'), await names('pods', '-A'), await names('nodes')];
    return watchers.every((watcher, index) => watcher.report().known.join() === wanted[index]?.join())
      ? true
      : undefined;
  });
  for (const watcher of watchers) {
    const report = await watcher.stop();
    expect(report.rewinds).toEqual([]);
    expect(report.lists).toBeGreaterThan(1);
    expect(report.lastRevision).toBeGreaterThan(restoredRevision);
  }
}
