// kubeadm takes the cluster for one of its own: its files, its records in the API, its certificates.
import { describe, expect, it } from 'vitest';
import { CONTROL_PLANES, mustOnMachine, onMachine } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { kubectl } from './support/kubectl.ts';

useHealthyCluster();

/** kubeadm refuses cgroup v1 hosts unless told otherwise; that is this host's matter, not the layout's. */
const ON_ANY_HOST = '--ignore-preflight-errors=SystemVerification';
/** Our etcd is newer than the one kubeadm would put in its place. */
const KEEP_ETCD = '--etcd-upgrade=false';
const CONFIG = "kubectl -n kube-system get configmap kubeadm-config -o jsonpath='{.data.ClusterConfiguration}'";

const CERTIFICATES = [
  'admin.conf',
  'apiserver',
  'apiserver-etcd-client',
  'apiserver-kubelet-client',
  'controller-manager.conf',
  'etcd-healthcheck-client',
  'etcd-peer',
  'etcd-server',
  'front-proxy-client',
  'scheduler.conf',
  'super-admin.conf',
];

describe('kubeadm certs', () => {
  it.each(CONTROL_PLANES)('check-expiration on %s knows every certificate and authority', async (name) => {
    const output = await mustOnMachine(name, 'kubeadm certs check-expiration');
    for (const certificate of CERTIFICATES)
      expect(output).toMatch(new RegExp(`^${certificate} +\\w+ \\d+, \\d{4}.* +no *$`, 'm'));
    for (const authority of ['ca', 'etcd-ca', 'front-proxy-ca'])
      expect(output).toMatch(new RegExp(`^${authority} +\\w+ \\d+, \\d{4} \\S+ UTC +9y +no *$`, 'm'));
    expect(output).not.toMatch(/MISSING|<invalid>|error/i);
  });
});

describe('kubeadm token', () => {
  it('creates, lists and deletes a token, which appears in cluster-info', async () => {
    const token = (await mustOnMachine('cp1', 'kubeadm token create --ttl 5m')).trim();
    expect(token).toMatch(/^[a-z0-9]{6}\.[a-z0-9]{16}$/);
    expect(await mustOnMachine('cp2', 'kubeadm token list')).toContain(token);
    await mustOnMachine('cp3', `kubeadm token delete ${token}`);
    expect(await mustOnMachine('cp2', 'kubeadm token list')).not.toContain(token);
  });

  it('prints a join command through the endpoint', async () => {
    const command = await mustOnMachine('cp1', 'kubeadm token create --ttl 1m --print-join-command');
    expect(command).toMatch(
      /kubeadm join 10\.89\.0\.10:6443 --token \S+ --discovery-token-ca-cert-hash sha256:[0-9a-f]{64}/,
    );
  });
});

describe('kubeadm config', () => {
  it('validates the record of the cluster without a warning', async () => {
    const { exitCode, stdout, stderr } = await onMachine(
      'cp1',
      `${CONFIG} > /tmp/e2e-kubeadm.yaml && kubeadm config validate --config /tmp/e2e-kubeadm.yaml`,
    );
    expect({ exitCode, stdout: stdout.trim(), stderr }).toEqual({ exitCode: 0, stdout: 'ok', stderr: '' });
  });

  it('names images that every control plane has', async () => {
    const command = `${CONFIG} > /tmp/e2e-kubeadm.yaml && kubeadm config images list --config /tmp/e2e-kubeadm.yaml`;
    const wanted = (await mustOnMachine('cp1', command)).trim().split('\n');
    const present = await mustOnMachine('cp1', 'ctr -n k8s.io images list -q 2>/dev/null');
    expect(wanted.filter((image) => !present.split('\n').includes(image))).toEqual([]);
    expect(wanted).toHaveLength(7);
  });
});

describe('kubeadm upgrade', () => {
  it('plan reads the cluster and finds the version that runs', async () => {
    const output = await mustOnMachine('cp1', 'kubeadm upgrade plan v1.36.3');
    expect(output).toContain('Cluster version: 1.36.3');
    expect(output).toContain('Target version: v1.36.3');
  });

  it('apply --dry-run finds nothing in the layout to complain of', async () => {
    const command = `kubeadm upgrade apply v1.36.3 --yes --dry-run ${KEEP_ETCD} ${ON_ANY_HOST} 2>&1 | tail -n 60`;
    const output = await mustOnMachine('cp1', `set -o pipefail; ${command}`);
    expect(output).toMatch(/SUCCESS|Finished dryrunning successfully/);
  });

  it.each(['cp2', 'w1'])('node --dry-run accepts %s', async (name) => {
    const command = `kubeadm upgrade node --dry-run ${KEEP_ETCD} ${ON_ANY_HOST} 2>&1 | tail -n 5`;
    expect(await mustOnMachine(name, `set -o pipefail; ${command}`)).toContain('Finished dryrunning successfully');
  });

  it.each(['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'])(
    'diff finds in the record of the cluster every flag that %s runs with',
    async (component) => {
      const flags = diffOf(component, await mustOnMachine('cp1', 'kubeadm upgrade diff v1.36.3'));
      expect(flags.running.length).toBeGreaterThan(5);
      // One address a node: the record, which is one for all nodes, cannot hold it.
      const own = component === 'kube-apiserver' ? ['--bind-address=10.89.0.11'] : [];
      expect(flags.running.filter((flag) => !flags.recorded.includes(flag))).toEqual(own);
      expect(flags.recorded.filter((flag) => !flags.running.includes(flag))).toEqual([]);
    },
  );
});

describe('kubeadm init phase', () => {
  it('certs takes every certificate that is there', async () => {
    const command = `${CONFIG} > /tmp/e2e-kubeadm.yaml && kubeadm init phase certs all --dry-run --config /tmp/e2e-kubeadm.yaml`;
    const output = await mustOnMachine('cp1', command);
    expect(output.match(/Using existing/g)).toHaveLength(10);
    expect(output).not.toMatch(/Generating "(?!sa")/);
  });

  it('upload-certs stores what another control plane would need', async () => {
    const config = `${CONFIG} > /tmp/e2e-kubeadm.yaml`;
    const output = await mustOnMachine(
      'cp1',
      `${config} && kubeadm init phase upload-certs --upload-certs --config /tmp/e2e-kubeadm.yaml`,
    );
    expect(output).toMatch(/[0-9a-f]{64}/);
    await kubectl(['delete', 'secret', 'kubeadm-certs', '-n', 'kube-system']);
  });
});

/** The flags of a component on both sides of `kubeadm upgrade diff`; lines that do not differ are on both. */
function diffOf(component: string, output: string): { running: readonly string[]; recorded: readonly string[] } {
  const own =
    output.split(/^--- /m).find((part) => part.startsWith(`/etc/kubernetes/manifests/${component}.yaml`)) ?? '';
  const flags = (sign: string) =>
    own.split('\n').flatMap((line) => new RegExp(`^[${sign} ] *- (--\\S+)$`).exec(line)?.[1] ?? []);
  return { running: flags('-'), recorded: flags('+') };
}
