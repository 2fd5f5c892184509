// Clusters of any size: three control planes, the rest workers.
import { supportedKubernetesVersions } from '../../src/artifacts/catalog.ts';
import type { ClusterSpec, MachineSpec, Role } from '../../src/spec/types.ts';

const CONTROL_PLANES = 3;

/** A /14 has a /24 for 1024 nodes. */
const POD_SUBNET = '10.40.0.0/14';

/** `count` machines. Control planes live on loopback addresses of `network` (`127.88.0`), so that API servers can be played there. */
export function growthSpec(count: number, network: string): ClusterSpec {
  const host = `${network}.10`;
  const planes = Array.from({ length: CONTROL_PLANES }, (_, i) =>
    machine(`cp${i + 1}`, 'control-plane', `${network}.${11 + i}`),
  );
  const workers = Array.from({ length: count - CONTROL_PLANES }, (_, i) =>
    machine(`worker${i + 1}`, 'worker', workerAddress(i)),
  );
  return {
    name: `grow-${count}`,
    kubernetesVersion: supportedKubernetesVersions()[0] ?? '',
    endpoint: { host, port: 6443, authority: `${host}:6443`, url: `https://${host}:6443`, vip: host },
    certSANs: [],
    networking: {
      podSubnet: POD_SUBNET,
      serviceSubnet: '10.44.0.0/16',
      dnsDomain: 'cluster.local',
      cni: 'flannel',
      apiServiceIP: '10.44.0.1',
      dnsServiceIP: '10.44.0.10',
    },
    loadBalancer: { type: 'haproxy' },
    etcd: {
      topology: 'stacked',
      snapshots: { schedule: '0 */6 * * *', retention: '7d', recipients: [], directory: '/var/lib/quorate/backups' },
    },
    failover: 'default',
    machines: [...planes, ...workers],
  };
}

function machine(name: string, role: Role, address: string): MachineSpec {
  return { name, role, address, labels: {}, taints: [], driver: 'fake' };
}

/** 250 addresses of every /24 of 10.88.0.0/16. */
function workerAddress(index: number): string {
  return `10.88.${Math.floor(index / 250)}.${1 + (index % 250)}`;
}

/** cluster.yaml of as many machines over SSH: what reading the file costs. (Fake machines cannot have addresses of loopback there.) */
export function growthYaml(count: number): string {
  const lines = growthSpec(count, '10.89.0').machines.map(
    ({ name, role, address }) =>
      `    - { name: ${name}, role: ${role}, address: ${address}, ssh: { host: ${address} } }\n`,
  );
  return `apiVersion: quorate/v1alpha1
kind: Cluster
metadata:
  name: grow-${count}
spec:
  kubernetesVersion: ${supportedKubernetesVersions()[0]}
  controlPlaneEndpoint: 10.89.0.10:6443
  networking: { podSubnet: ${POD_SUBNET}, serviceSubnet: 10.44.0.0/16 }
  machines:
${lines.join('')}`;
}
