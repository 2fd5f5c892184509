// Observations made by hand: a cluster that does not exist yet, and one that is exactly as specified.
import { createHash } from 'node:crypto';
import { requiredArtifacts } from '../../src/artifacts/catalog.ts';
import { silentContext } from '../../src/core/context.ts';
import type { FileContent } from '../../src/core/file.ts';
import { addonDigest, addonKey } from '../../src/kube/addons.ts';
import type { MachineFacts } from '../../src/machines/facts.ts';
import { addonObjects } from '../../src/manifests/addons/index.ts';
import { kubeadmClusterConfiguration } from '../../src/manifests/addons/kubeadm-config.ts';
import {
  containerRuntimeFiles,
  kubeletFiles,
  loadBalancerFiles,
  networkFiles,
  operatorConvenienceFiles,
  staticPodFiles,
} from '../../src/manifests/node-files.ts';
import { nodeLabels, nodeTaints } from '../../src/manifests/node-labels.ts';
import { toYaml } from '../../src/manifests/object.ts';
import { OBSERVED_UNITS } from '../../src/observe/facts-script.ts';
import type { Observed, ObservedMachine } from '../../src/observe/observed.ts';
import { issueControlPlane } from '../../src/pki/issue.ts';
import { KUBELET_CLIENT_LINK, KUBELET_CONF_PATH } from '../../src/pki/names.ts';
import { etcdClusterToken, generateSharedMaterial, sharedFiles } from '../../src/pki/shared.ts';
import type { SharedMaterial } from '../../src/pki/types.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../../src/spec/types.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');

export function absentCluster(spec: ClusterSpec): Observed {
  return {
    takenAtMs: NOW,
    machines: Object.fromEntries(spec.machines.map(({ name }) => [name, { name, state: 'absent' as const }])),
    hostPrepared: false,
    missingArtifacts: ['kubelet', 'etcd'],
    apiServers: [],
    vipHolders: [],
  };
}

/** Everything as the specification says, healthy. Issues real certificates once per call. */
export async function healthyCluster(spec: ClusterSpec): Promise<Observed> {
  const material = await generateSharedMaterial(silentContext(), NOW);
  const machines: Record<string, ObservedMachine> = {};
  for (const machine of spec.machines) {
    machines[machine.name] = { name: machine.name, state: 'running', facts: await factsOf(spec, machine, material) };
  }
  const members = controlPlanes(spec);
  return {
    takenAtMs: NOW,
    machines,
    hostPrepared: true,
    missingArtifacts: [],
    endpoint: { ready: true },
    apiServers: members.map(({ name }) => ({ machine: name, ready: true })),
    vipHolders: [members[0]?.name ?? ''],
    etcd: {
      alarms: [],
      members: members.map(({ name, address }, index) => ({
        id: `a${index}`,
        name,
        peerURLs: [`https://${address}:2380`],
        clientURLs: [`https://${address}:2379`],
        isLearner: false,
        status: {
          version: '3.6.16',
          dbSizeBytes: 4_194_304,
          dbInUseBytes: 2_097_152,
          leaderId: 'a0',
          raftTerm: 2,
          raftIndex: 1234,
          errors: [],
        },
      })),
    },
    kube: {
      version: spec.kubernetesVersion,
      nodes: spec.machines.map((machine) => ({
        name: machine.name,
        ready: true,
        schedulable: true,
        roles: [machine.role],
        version: spec.kubernetesVersion,
        address: machine.address,
        labels: nodeLabels(machine),
        taints: nodeTaints(machine),
      })),
      leases: {
        'kube-controller-manager': { holder: 'cp1', renewedMs: NOW - 900, transitions: 0 },
        'kube-scheduler': { holder: 'cp2', renewedMs: NOW - 1_100, transitions: 1 },
      },
      addons: Object.fromEntries(
        addonObjects(spec, { caCertificate: material.authorities.ca.certificate }).map((object) => [
          addonKey(object),
          addonDigest(object),
        ]),
      ),
      workloads: [{ kind: 'Deployment', namespace: 'kube-system', name: 'coredns', desired: 2, ready: 2 }],
      dnsNodes: ['w1', 'w2'],
      controlPlanePods: members.flatMap(({ name }) =>
        ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'].map((pod) => `${pod}-${name}`),
      ),
      clusterConfiguration: toYaml(kubeadmClusterConfiguration(spec)),
    },
  };
}

async function factsOf(spec: ClusterSpec, machine: MachineSpec, material: SharedMaterial): Promise<MachineFacts> {
  const bare: MachineFacts = {
    hostname: machine.name,
    os: { id: 'debian', versionId: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
    kernel: '6.18.0',
    arch: 'amd64',
    machineId: machine.name,
    bootId: 'b',
    cpus: 2,
    memoryBytes: 24 * 1024 ** 3,
    diskFreeBytes: 80 * 1024 ** 3,
    cgroup: 'v1',
    hasCapSysResource: false,
    nofileHard: 20_000,
    interface: 'host0',
    addresses: [machine.address],
    clockSkewMs: 1,
    swap: false,
    files: {},
    units: {},
    certificates: {},
    images: requiredArtifacts(spec.kubernetesVersion).flatMap((artifact) =>
      artifact.kind === 'image' ? [artifact.reference] : [],
    ),
    binaries: Object.fromEntries(
      requiredArtifacts(spec.kubernetesVersion).flatMap((artifact) =>
        artifact.kind === 'binary' ? [[artifact.installPath, { version: artifact.version, sha256: '00' }]] : [],
      ),
    ),
    backends: {},
    hasEtcdData: machine.role === 'control-plane',
  };
  const isControlPlane = machine.role === 'control-plane';
  const secrets = isControlPlane
    ? [...sharedFiles(material), ...(await issueControlPlane(material, spec, machine, { nowMs: NOW }))]
    : [{ path: KUBELET_CONF_PATH, content: 'kubelet.conf', mode: 0o600 }];
  const etcdToken = etcdClusterToken(material.authorities['etcd/ca'].certificate, spec.name);
  const files = [
    ...secrets,
    ...networkFiles(spec, machine),
    ...operatorConvenienceFiles(spec, machine),
    ...containerRuntimeFiles(spec, bare),
    ...kubeletFiles(spec, machine, bare),
    ...loadBalancerFiles(spec, machine, bare),
    ...(isControlPlane ? staticPodFiles(spec, machine, bare, { etcdToken, initialClusterState: 'new' }) : []),
  ];
  return {
    ...bare,
    files: Object.fromEntries(files.map((file) => [file.path, stateOf(file)])),
    units: Object.fromEntries(
      OBSERVED_UNITS.filter((unit) => unit !== 'systemd-resolved.service').map((unit) => [
        unit,
        { active: true, enabled: true, activeSinceMs: NOW - 60_000, state: 'active' },
      ]),
    ),
    certificates: certificatesOf(files, material.authorities.ca.certificate),
    backends: isControlPlane ? Object.fromEntries(controlPlanes(spec).map(({ name }) => [name, 'UP'])) : {},
  };
}

function stateOf({ content, mode }: FileContent) {
  return { sha256: createHash('sha256').update(content).digest('hex'), mode, mtimeMs: NOW - 120_000 };
}

function certificatesOf(files: readonly FileContent[], servingCertificate: string): Record<string, string> {
  const serving = '/var/lib/kubelet/pki/kubelet-server-current.pem';
  const entries = files.flatMap(({ path, content }): [string, string][] => {
    const text = String(content);
    if (path.endsWith('.crt')) return [[path, text]];
    if (path === KUBELET_CLIENT_LINK.target) return [[KUBELET_CLIENT_LINK.path, text]];
    const embedded = /client-certificate-data: (\S+)/.exec(text)?.[1];
    return embedded === undefined ? [] : [[path, Buffer.from(embedded, 'base64').toString()]];
  });
  return { ...Object.fromEntries(entries), [serving]: servingCertificate };
}
