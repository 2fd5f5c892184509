// The shared cluster changes as its file does: names, labels, three control planes to five and back, each under a client's load.
import { connect } from 'node:tls';
import { afterAll, describe, expect, it } from 'vitest';
import { ADDRESSES, CLUSTER_FILE, json, mustOnMachine, mustRun, onMachine, quorate } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { get, type List } from './support/kubectl.ts';
import { underLoad } from './support/load.ts';
import { addMachines, variant } from './support/variant.ts';

useHealthyCluster();

const DEADLINE_MS = 600_000;
const apply = (file: string) => mustRun(['apply', '--yes', '-f', file], { timeoutMs: DEADLINE_MS });

/** Whatever a test leaves: the cluster is as its file says. */
afterAll(() => apply(CLUSTER_FILE));

interface Node {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: { readonly taints?: readonly { key: string; effect: string }[] };
}

interface Status {
  readonly quorum: { readonly voters: number; readonly up: number };
  readonly etcd: readonly { readonly name: string; readonly role: string }[];
}

/** The names in the certificate that an API server presents. */
function servedNames(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: 6443, rejectUnauthorized: false, timeout: 5_000 }, () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

describe('a further name for the API', () => {
  it('is in every certificate that is presented, one control plane after the other, and no request fails twice', async () => {
    const file = await variant((document) => document.addIn(['spec', 'certSANs'], 'api.example.org'));
    await underLoad('san', async () => void (await apply(file)));
    for (const name of ['cp1', 'cp2', 'cp3'] as const)
      expect(await servedNames(ADDRESSES[name])).toContain('DNS:api.example.org');
    await apply(CLUSTER_FILE);
  });
});

describe('labels and taints', () => {
  it('come with the file and go with it; those of others stay', async () => {
    await mustRun(['-f', CLUSTER_FILE, 'kubectl', 'label', 'node', 'w1', 'owner=somebody', '--overwrite']);
    const file = await variant((document) => {
      document.setIn(['spec', 'machines', 3, 'labels'], { disk: 'ssd' });
      document.setIn(['spec', 'machines', 3, 'taints'], [{ key: 'dedicated', value: 'db', effect: 'NoSchedule' }]);
    });
    await apply(file);
    const marked = await get<Node>('node', 'w1');
    expect(marked.metadata.labels).toMatchObject({ disk: 'ssd', owner: 'somebody' });
    expect(marked.spec.taints).toMatchObject([{ key: 'dedicated', effect: 'NoSchedule' }]);
    await apply(CLUSTER_FILE);
    const bare = await get<Node>('node', 'w1');
    expect(bare.metadata.labels).not.toHaveProperty('disk');
    expect(bare.metadata.labels).toMatchObject({ owner: 'somebody' });
    expect(bare.spec.taints ?? []).toEqual([]);
    await mustRun(['-f', CLUSTER_FILE, 'kubectl', 'label', 'node', 'w1', 'owner-']);
  });
});

describe('what a living cluster cannot change', () => {
  it('is refused with the reason, before anything is done', async () => {
    const file = await variant((document) => document.setIn(['spec', 'networking'], { podSubnet: '10.44.0.0/16' }));
    const run = await quorate(['apply', '--yes', '-f', file]);
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toContain(
      'spec.networking.podSubnet: 10.42.0.0/16 to 10.44.0.0/16: nodes and pods have addresses',
    );
    expect(run.stderr).toContain('code: IMMUTABLE_CHANGE');
    const skip = await variant((document) => document.setIn(['spec', 'kubernetesVersion'], 'v1.34.4'));
    const back = await quorate(['plan', '-f', skip]);
    expect(back.exitCode).toBe(3);
    expect(back.stderr).toContain('code: VERSION_SKEW');
  });
});

describe('three control planes', () => {
  it('become five: learners first, and no request fails twice', async () => {
    const five = await fiveControlPlanes();
    const plan = await mustRun(['plan', '-f', five]);
    expect(plan.stdout).toContain('3 voters, 4 with cp4');
    await underLoad('scale-up', async () => void (await apply(five)));
    expect(await json<Status>('status')).toMatchObject({ quorum: { voters: 5, up: 5 } });
    expect((await onMachine('cp1', 'cat /etc/haproxy/haproxy.cfg')).stdout).toContain('server cp5');
  });

  it('come back from five with one of those dead: it goes first, the leader last, and nothing of them is left', async () => {
    await mustRun(['machine', 'kill', 'cp5', '--yes', '-f', await fiveControlPlanes()]);
    await underLoad('scale-down', async () => void (await apply(CLUSTER_FILE)));
    expect(await json<Status>('status')).toMatchObject({ quorum: { voters: 3, up: 3 } });
    const { items } = await get<List<Node>>('nodes');
    expect(items.map(({ metadata }) => metadata.name).sort()).toEqual(['cp1', 'cp2', 'cp3', 'w1', 'w2']);
    const haproxy = await mustOnMachine('cp1', 'cat /etc/haproxy/haproxy.cfg /etc/quorate/nftables/firewall.nft');
    expect(haproxy).not.toMatch(/10\.89\.0\.1[45]/);
    expect((await mustRun(['up', '--yes', '-f', CLUSTER_FILE])).stdout).toContain('nothing to do');
  });
});

function fiveControlPlanes(): Promise<string> {
  return variant((document) =>
    addMachines(document, [
      { name: 'cp4', role: 'control-plane', address: '10.89.0.14', local: {} },
      { name: 'cp5', role: 'control-plane', address: '10.89.0.15', local: {} },
    ]),
  );
}
