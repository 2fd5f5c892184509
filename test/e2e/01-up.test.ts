// What stands after `up`: a second one has nothing to do, and everything about the cluster is as the requirements say.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, inject, it } from 'vitest';
import { parse, stringify } from 'yaml';
import {
  ADDRESSES,
  CLUSTER_FILE,
  CONTROL_PLANES,
  ENDPOINT,
  json,
  mustOnMachine,
  mustRun,
  onCluster,
  WORKERS,
} from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { get, kubectl, type List } from './support/kubectl.ts';

useHealthyCluster();

const NODES = [...CONTROL_PLANES, ...WORKERS];

interface Node {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly podCIDR: string;
    readonly taints?: readonly { key: string; value?: string; effect: string }[];
  };
}

interface Pod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly containers: readonly {
      readonly command: readonly string[];
      readonly resources: {
        readonly requests?: Readonly<Record<string, string>>;
        readonly limits?: Readonly<Record<string, string>>;
      };
    }[];
  };
  readonly status: { readonly podIP: string };
}

describe('a second up', () => {
  it('changes nothing and says so within 5 s', async () => {
    const { stdout, durationMs } = await mustRun(['up', '--yes', '-f', CLUSTER_FILE]);
    expect(stdout).toContain('nothing to do');
    expect(durationMs).toBeLessThan(5_000);
    expect(await json('up', '--yes')).toMatchObject({
      kind: 'Up',
      cluster: 'e2e',
      changes: 0,
      phases: [],
      skipped: [],
    });
  });
});

describe('what the cluster says of itself', () => {
  it('status: quorum, members, API servers, leases, nodes', async () => {
    const status = await json<{ etcd: { role: string; raftTerm: number }[] }>('status');
    expect(status).toMatchObject({
      apiVersion: 'quorate/v1alpha1',
      kind: 'Status',
      kubernetesVersion: 'v1.36.3',
      endpoint: { url: ENDPOINT, ready: true, vipHolders: [expect.stringMatching(/^cp[123]$/)] },
      quorum: { voters: 3, up: 3, needed: 2, survives: 1, designed: 1 },
      apiServers: CONTROL_PLANES.map((machine) => ({ machine, ready: true, balancers: 3, balancersUp: 3 })),
      machines: NODES.map((name) => ({ name, address: ADDRESSES[name], state: 'running', node: 'Ready' })),
      warnings: [],
    });
    expect(status.etcd.map(({ role }) => role).sort()).toEqual(['follower', 'follower', 'leader']);
    expect(new Set(status.etcd.map(({ raftTerm }) => raftTerm)).size).toBe(1);
  });

  it('health: every condition holds', async () => {
    const health = await json<{ healthy: boolean; conditions: { id: string; state: string }[] }>('health');
    expect(health.healthy).toBe(true);
    expect(health.conditions.length).toBeGreaterThan(10);
    expect(health.conditions.filter(({ state }) => state === 'failed')).toEqual([]);
  });

  it('plan: nothing to do', async () => {
    expect(await json('plan')).toMatchObject({ kind: 'Plan', changes: 0, phases: [], skipped: [] });
  });
});

describe('the kubeconfig', () => {
  it('is merged beside what is there, under the context name of the cluster', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'quorate-e2e-'));
    const file = join(directory, 'config');
    const other = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'other', cluster: { server: 'https://192.0.2.1:6443' } }],
      users: [{ name: 'other', user: {} }],
      contexts: [{ name: 'other', context: { cluster: 'other', user: 'other' } }],
      'current-context': 'other',
    };
    try {
      await writeFile(file, stringify(other));
      await onCluster('kubeconfig', `--merge=${file}`);
      const merged = parse(await readFile(file, 'utf8')) as { contexts: { name: string }[] };
      expect(merged).toMatchObject({ 'current-context': 'quorate-e2e' });
      expect(merged.contexts.map(({ name }) => name).sort()).toEqual(['other', 'quorate-e2e']);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      const { stdout } = await execa(inject('kubectl').program, ['--kubeconfig', file, 'get', 'nodes', '-o', 'name']);
      expect(stdout.split('\n')).toEqual(NODES.map((name) => `node/${name}`));
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('goes through the endpoint', async () => {
    expect(await onCluster('kubeconfig')).toContain(`server: ${ENDPOINT}`);
    const { stdout } = await mustRun(['-f', CLUSTER_FILE, 'kubectl', 'config', 'current-context']);
    expect(stdout).toBe('quorate-e2e');
  });
});

describe('nodes', () => {
  it('have the labels and taints of requirements 2', async () => {
    const { items } = await get<List<Node>>('nodes');
    const roles = (node: Node) =>
      Object.entries(node.metadata.labels).flatMap(([key, value]) =>
        key.startsWith('node-role.kubernetes.io/') ? [`${key.slice(24)}=${value}`] : [],
      );
    for (const node of items) {
      const isPlane = node.metadata.name.startsWith('cp');
      expect(roles(node).sort()).toEqual(
        isPlane ? ['control-plane=true', 'etcd=true', 'master=true'] : ['worker=true'],
      );
      const taints = (node.spec.taints ?? []).map(({ key, value = '', effect }) => `${key}=${value}:${effect}`).sort();
      expect(taints).toEqual(
        isPlane ? ['CriticalAddonsOnly=true:NoExecute', 'node-role.kubernetes.io/control-plane=:NoSchedule'] : [],
      );
    }
  });

  it('have pods in 10.42.0.0/16 over VXLAN on 8472', async () => {
    const { items } = await get<List<Node>>('nodes');
    expect(items.map(({ spec }) => spec.podCIDR)).toEqual(
      items.map(() => expect.stringMatching(/^10\.42\.\d+\.0\/24$/)),
    );
    const dns = await get<List<Pod>>('pods', '-n', 'kube-system', '-l', 'k8s-app=kube-dns');
    expect(dns.items.map(({ status }) => status.podIP)).toEqual(
      dns.items.map(() => expect.stringMatching(/^10\.42\./)),
    );
    expect(await mustOnMachine('w1', 'ip -d link show flannel.1')).toMatch(/vxlan id 1 .*dstport 8472/);
  });

  it.each(NODES)('%s has a kubelet serving certificate that the cluster signed', async (name) => {
    const command = `openssl s_client -connect ${ADDRESSES[name]}:10250 -CAfile /etc/kubernetes/pki/ca.crt -verify_ip ${ADDRESSES[name]} </dev/null`;
    expect(await mustOnMachine('cp1', command)).toContain('Verify return code: 0 (ok)');
  });
});

describe('the control plane', () => {
  it('keeps secrets encrypted in etcd', async () => {
    await kubectl(['create', 'secret', 'generic', 'e2e-rest', '--from-literal=word=plain-as-day']);
    try {
      const raw = await mustOnMachine('cp2', 'etcdctl get /registry/secrets/default/e2e-rest | tr -c "[:print:]" .');
      expect(raw).toContain('k8s:enc:secretbox');
      expect(raw).not.toContain('plain-as-day');
      expect(await kubectl(['get', 'secret', 'e2e-rest', '-o', 'jsonpath={.data.word}'])).toBe('cGxhaW4tYXMtZGF5');
    } finally {
      await kubectl(['delete', 'secret', 'e2e-rest']);
    }
  });

  it.each(CONTROL_PLANES)('%s writes an audit log', async (name) => {
    const line = await mustOnMachine(name, 'tail -n 1 /var/log/kubernetes/audit/audit.log');
    expect(JSON.parse(line)).toMatchObject({ kind: 'Event', apiVersion: 'audit.k8s.io/v1' });
  });

  it('has requests and limits on every pod', async () => {
    const { items } = await get<List<Pod>>('pods', '-n', 'kube-system', '-l', 'tier=control-plane');
    expect(items).toHaveLength(12);
    for (const { metadata, spec } of items)
      for (const { resources } of spec.containers)
        expect({ pod: metadata.name, ...resources }).toEqual({
          pod: metadata.name,
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: expect.objectContaining({ memory: expect.any(String) }),
        });
  });

  it.each(['kube-controller-manager', 'kube-scheduler'])(
    '%s elects its leader with 15s, 10s, 2s',
    async (component) => {
      const { items } = await get<List<Pod>>('pods', '-n', 'kube-system', '-l', `component=${component}`);
      expect(items).toHaveLength(3);
      for (const { spec } of items)
        expect(spec.containers[0]?.command).toEqual(
          expect.arrayContaining([
            '--leader-elect=true',
            '--leader-elect-lease-duration=15s',
            '--leader-elect-renew-deadline=10s',
            '--leader-elect-retry-period=2s',
          ]),
        );
    },
  );
});
