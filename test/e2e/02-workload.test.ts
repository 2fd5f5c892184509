// A workload, used from outside the machines through the virtual IP.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADDRESSES } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { AGNHOST, loadAgnhost } from './support/image.ts';
import { apply, get, kubectl, type List, startKubectl } from './support/kubectl.ts';
import { until } from './support/wait.ts';

const NAMESPACE = 'e2e-web';
const PORT = 8080;

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly nodeName: string };
}

useHealthyCluster();

beforeAll(async () => {
  await loadAgnhost();
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await apply(deployment(), service());
  await kubectl(['-n', NAMESPACE, 'rollout', 'status', 'deployment/web', '--timeout=90s']);
});

afterAll(async () => {
  await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
});

describe('a Deployment with a Service', () => {
  it('is spread over the workers', async () => {
    expect(new Set((await pods()).map(({ spec }) => spec.nodeName))).toEqual(new Set(['w1', 'w2']));
  });

  it('answers by its DNS name across nodes', async () => {
    for (const from of await pods()) {
      const there = (await pods()).filter(({ spec }) => spec.nodeName !== from.spec.nodeName);
      const others = there.map(({ metadata }) => metadata.name);
      // A new Service is known to DNS and to every node's proxy a moment after its pods are ready.
      await until(`${from.metadata.name} reaches a pod of the other node`, 15_000, async () => {
        const answers = await dial(from.metadata.name, `web.${NAMESPACE}.svc.cluster.local`);
        return others.some((name) => answers.includes(name)) ? true : undefined;
      });
    }
  });

  it('answers at a NodePort of a worker and of a control plane', async () => {
    const { spec } = await get<{ spec: { ports: { nodePort: number }[] } }>('service', 'web', '-n', NAMESPACE);
    const names = (await pods()).map(({ metadata }) => metadata.name);
    for (const address of [ADDRESSES.w2, ADDRESSES.cp1])
      expect(names).toContain(await text(`http://${address}:${spec.ports[0]?.nodePort}/hostname`));
  });
});

describe('kubectl through the virtual IP', () => {
  it('exec runs a command in a pod', async () => {
    const output = await kubectl(['-n', NAMESPACE, 'exec', await firstPod(), '--', '/agnhost', 'dns-server-list']);
    expect(output).toBe('10.43.0.10');
  });

  it('port-forward reaches the Service', async () => {
    const forward = startKubectl(['-n', NAMESPACE, 'port-forward', 'service/web', ':80']);
    try {
      let said = '';
      forward.all.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const port = await until('the port is forwarded', 15_000, async () => /127\.0\.0\.1:(\d+) ->/.exec(said)?.[1]);
      expect(await text(`http://127.0.0.1:${port}/hostname`)).toMatch(/^web-/);
    } finally {
      forward.kill();
      await forward;
    }
  });

  it('logs -f keeps streaming over 20 s of silence', async () => {
    const pod = await firstPod();
    const logs = startKubectl(['-n', NAMESPACE, 'logs', '-f', pod]);
    try {
      let said = '';
      logs.all.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      await until('the log begins', 15_000, async () => (said === '' ? undefined : true));
      await sleep(20_000);
      await viaApi(pod, 'echo?msg=after-the-silence');
      await until('the new line arrives', 5_000, async () => (said.includes('after-the-silence') ? true : undefined));
    } finally {
      logs.kill();
      await logs;
    }
  });

  it('top shows nodes and pods', async () => {
    const nodes = await until('metrics of all nodes', 90_000, async () => {
      const lines = (await kubectl(['top', 'nodes', '--no-headers'])).split('\n');
      return lines.length === 5 && lines.every((line) => !line.includes('unknown')) ? lines : undefined;
    });
    expect(nodes.map((line) => line.split(/\s+/)[0]).sort()).toEqual(['cp1', 'cp2', 'cp3', 'w1', 'w2']);
    await until('metrics of the pods', 90_000, async () => {
      const lines = (await kubectl(['top', 'pods', '-n', NAMESPACE, '--no-headers'])).split('\n');
      return lines.length >= 3 ? lines : undefined;
    });
  });
});

describe('a pod that is deleted', () => {
  it('is replaced', async () => {
    const gone = await firstPod();
    await kubectl(['-n', NAMESPACE, 'delete', 'pod', gone, '--wait=false']);
    await until('another pod is there', 30_000, async () => {
      const names = (await pods()).map(({ metadata }) => metadata.name);
      return names.length === 3 && !names.includes(gone) ? true : undefined;
    });
    await kubectl(['-n', NAMESPACE, 'rollout', 'status', 'deployment/web', '--timeout=60s']);
  });
});

async function pods(): Promise<readonly Pod[]> {
  const { items } = await get<List<Pod>>(
    'pods',
    '-n',
    NAMESPACE,
    '-l',
    'app=web',
    '--field-selector=status.phase=Running',
  );
  return items;
}

async function firstPod(): Promise<string> {
  return (await pods())[0]?.metadata.name ?? 'none';
}

/** Lets a pod ask a host name and returns the names of the pods that answered (agnhost netexec, /dial). */
async function dial(pod: string, host: string): Promise<readonly string[]> {
  const answer = await viaApi(pod, `dial?request=hostname&protocol=http&host=${host}&port=80&tries=12`);
  return (JSON.parse(answer) as { responses?: readonly string[] }).responses ?? [];
}

function viaApi(pod: string, path: string): Promise<string> {
  return kubectl(['get', '--raw', `/api/v1/namespaces/${NAMESPACE}/pods/${pod}:${PORT}/proxy/${path}`]);
}

async function text(url: string): Promise<string> {
  return (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text();
}

function deployment(): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          terminationGracePeriodSeconds: 1,
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'kubernetes.io/hostname',
              whenUnsatisfiable: 'DoNotSchedule',
              // Control planes, which it does not tolerate, do not count as places to spread over.
              nodeTaintsPolicy: 'Honor',
              labelSelector: { matchLabels: { app: 'web' } },
            },
          ],
          containers: [
            {
              name: 'web',
              image: AGNHOST,
              imagePullPolicy: 'Never',
              args: ['netexec', `--http-port=${PORT}`],
              readinessProbe: { httpGet: { path: '/healthz', port: PORT }, periodSeconds: 1 },
              resources: { requests: { cpu: '10m', memory: '16Mi' } },
            },
          ],
        },
      },
    },
  };
}

function service(): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: NAMESPACE },
    spec: { type: 'NodePort', selector: { app: 'web' }, ports: [{ port: 80, targetPort: PORT }] },
  };
}
