// Certificates: listed as they are served, renewed under load without a failed request, renewed by the machines themselves, and found out.
import { afterAll, describe, expect, it } from 'vitest';
import { CLUSTER_FILE, json, mustRun, onCluster, quorate } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { underLoad } from './support/load.ts';
import { until } from './support/wait.ts';

useHealthyCluster();

interface Served {
  readonly name: string;
  readonly state: string;
  readonly fingerprint?: string;
}

interface Certificate {
  readonly machine: string;
  readonly name: string;
  readonly kind: string;
  readonly fingerprint: string;
  readonly served: readonly Served[];
}

const list = async () => (await json<{ certificates: Certificate[] }>('certs', 'list')).certificates;
const leaves = (all: readonly Certificate[]) =>
  new Map(all.filter(({ kind }) => kind === 'leaf').map((row) => [`${row.machine} ${row.name}`, row.fingerprint]));
const on = async (machine: string, script: string) =>
  (await mustRun(['-f', CLUSTER_FILE, 'machine', 'exec', machine, '--', 'sh', '-c', script])).stdout;

const DROP_IN = '/etc/systemd/system/quorate-renew-certificates.service.d';
afterAll(() => on('cp2', `rm -rf ${DROP_IN}; systemctl daemon-reload`));

describe('certs list and check', () => {
  it('show every certificate, and that what is served is what lies on disk', async () => {
    const all = await list();
    expect(all.filter(({ machine }) => machine === 'cp1').map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'ca',
        'etcd-ca',
        'apiserver',
        'etcd-server',
        'etcd-peer',
        'admin.conf',
        'kubelet-client',
        'kubelet-server',
      ]),
    );
    const served = all.flatMap((row) => row.served.map((port) => ({ ...port, file: row.fingerprint })));
    expect(served.length).toBeGreaterThan(8);
    for (const { fingerprint, file } of served) expect(fingerprint).toBe(file);
    expect(await onCluster('certs', 'check')).toContain('are well');
  });
});

describe('certs renew', () => {
  it('changes every leaf, on disk and as it is served, and no request fails', async () => {
    const before = leaves(await list());
    await underLoad('certs-renew', async () => {
      await onCluster('certs', 'renew', '--yes');
    });
    const rows = await list();
    const after = leaves(rows);
    expect([...after.keys()]).toEqual([...before.keys()]);
    expect([...after].filter(([key, fingerprint]) => before.get(key) === fingerprint)).toEqual([]);
    expect(rows.flatMap(({ served }) => served).filter(({ state }) => state !== 'same')).toEqual([]);
    expect(await onCluster('certs', 'check')).toContain('are well');
  });
});

describe('a machine without us', () => {
  it('renews its own certificates by its timer, and says so', async () => {
    const before = leaves(await list());
    await on(
      'cp2',
      `mkdir -p ${DROP_IN} && printf '[Service]\\nEnvironment=RENEW_BELOW_DAYS=400\\n' > ${DROP_IN}/e2e.conf && systemctl daemon-reload && systemctl start quorate-renew-certificates`,
    );
    const state = JSON.parse(await on('cp2', 'cat /var/lib/quorate/renewal/state.json')) as {
      outcome: string;
      renewed: string[];
    };
    expect(state.outcome).toBe('ok');
    expect(state.renewed).toContain('apiserver');
    const after = leaves(await list());
    const changed = [...after].filter(([key, fingerprint]) => before.get(key) !== fingerprint).map(([key]) => key);
    expect(changed.every((key) => key.startsWith('cp2 '))).toBe(true);
    expect(changed).toHaveLength(state.renewed.length);
    await until('all is well again', 60_000, async () => {
      const run = await quorate(['certs', 'check', '-f', CLUSTER_FILE]);
      return run.exitCode === 0 ? true : undefined;
    });
  });
});

describe('certs check', () => {
  it('finds a port that presents another certificate than the one on disk', async () => {
    const file = '/etc/kubernetes/pki/etcd/peer.crt';
    // API server and etcd would present whatever lies there; a kubelet keeps what it has in memory.
    const path = '/var/lib/kubelet/pki/kubelet-server-current.pem';
    const real = (await on('cp1', `readlink -f ${path}`)).trim();
    await on('cp1', `cp -p ${real} /root/kubelet-server.pem && cat ${file} > ${real}`);
    try {
      const run = await quorate(['certs', 'check', '-f', CLUSTER_FILE]);
      expect(run.exitCode).toBe(7);
      expect(run.stdout).toContain(`kubelet of cp1 presents another one than ${path}`);
    } finally {
      await on('cp1', `mv /root/kubelet-server.pem ${real}`);
    }
    expect(await onCluster('certs', 'check')).toContain('are well');
  });
});
