import type { FileContent } from '../../../src/core/file.ts';
import { expectedCertificates } from '../../../src/pki/expected.ts';
import { controlPlaneKubeletConf, type IssueOptions, issueCertificates } from '../../../src/pki/issue.ts';
import type { SharedMaterial } from '../../../src/pki/types.ts';
import type { ClusterSpec, MachineSpec } from '../../../src/spec/types.ts';

/** A fixed moment, so that validity can be compared: 2026-01-01. */
export const NOW_MS = Date.UTC(2026, 0, 1, 12, 0, 0, 345);
export const DAY_MS = 86_400_000;

export function machine(name: string, address: string): MachineSpec {
  return { name, role: 'control-plane', address, labels: {}, taints: [], driver: 'fake' };
}

export const CP1 = machine('cp1', '10.87.0.11');

/** Three control planes behind a virtual IP. */
export const SPEC: ClusterSpec = {
  name: 'demo',
  kubernetesVersion: 'v1.36.3',
  endpoint: {
    host: '10.87.0.10',
    port: 6443,
    authority: '10.87.0.10:6443',
    url: 'https://10.87.0.10:6443',
    vip: '10.87.0.10',
  },
  certSANs: ['localhost', '127.0.0.1', 'k8s.example.com'],
  networking: {
    podSubnet: '10.42.0.0/16',
    serviceSubnet: '10.43.0.0/16',
    dnsDomain: 'cluster.local',
    cni: 'flannel',
    apiServiceIP: '10.43.0.1',
    dnsServiceIP: '10.43.0.10',
  },
  loadBalancer: { type: 'haproxy' },
  etcd: {
    topology: 'stacked',
    snapshots: { schedule: '0 */6 * * *', retention: '7d', recipients: [], directory: '/var/lib/quorate/backups' },
  },
  failover: 'default',
  machines: [CP1, machine('cp2', '10.87.0.12'), machine('cp3', '10.87.0.13')],
};

/** Every leaf certificate and kubeconfig of cp1, as the phase `certificates` issues them for a new machine. */
export async function filesOfCp1(material: SharedMaterial, options: IssueOptions = {}): Promise<FileContent[]> {
  const files = await issueCertificates(material, SPEC, expectedCertificates(SPEC, CP1), options);
  return [...files, controlPlaneKubeletConf(material, SPEC, CP1)];
}

/** Text content by path. */
export function byPath(files: readonly FileContent[]): Record<string, string> {
  return Object.fromEntries(files.map(({ path, content }) => [path, Buffer.from(content).toString()]));
}

/** The PEM certificates that an observer would find, by path; for kubeconfigs the embedded one. */
export function certificatesOf(files: readonly FileContent[]): Record<string, string> {
  const entries = Object.entries(byPath(files)).flatMap(([path, text]): [string, string][] => {
    const embedded = /client-certificate-data: (\S+)/.exec(text)?.[1];
    const pem = embedded === undefined ? text : Buffer.from(embedded, 'base64').toString();
    const place = path.replace('kubelet-client-initial', 'kubelet-client-current');
    return pem.includes('BEGIN CERTIFICATE') ? [[place, pem]] : [];
  });
  return Object.fromEntries(entries);
}
