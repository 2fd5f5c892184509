// Observations made by hand: a cluster that does not exist yet, and one that is exactly as specified.
import { createHash } from 'node:crypto';
import { componentVersions, requiredArtifacts } from '../../src/artifacts/catalog.ts';
import { silentContext } from '../../src/core/context.ts';
import type { FileContent } from '../../src/core/file.ts';
import { addonDigest, addonKey } from '../../src/kube/addons.ts';
import type { MachineFacts } from '../../src/machines/facts.ts';
import { addonObjects } from '../../src/manifests/addons/index.ts';
import { kubeadmClusterConfiguration } from '../../src/manifests/addons/kubeadm-config.ts';
import { backupFiles, recipientsFile } from '../../src/manifests/backup.ts';
import { finishedRecord } from '../../src/manifests/cluster-record.ts';
import { type EtcdBootstrap, etcdFlags, initialCluster } from '../../src/manifests/etcd.ts';
import { textFile } from '../../src/manifests/file.ts';
import {
  containerRuntimeFiles,
  etcdServiceFiles,
  kubeletFiles,
  loadBalancerFiles,
  loadBalancerUnits,
  networkFiles,
  operatorConvenienceFiles,
  staticPodDigests,
  staticPodFiles,
} from '../../src/manifests/node-files.ts';
import { nodeLabels, nodeTaints } from '../../src/manifests/node-labels.ts';
import { toYaml } from '../../src/manifests/object.ts';
import { FORMED_PATH } from '../../src/manifests/paths.ts';
import { OBSERVED_UNITS } from '../../src/observe/facts-script.ts';
import type { Observed, ObservedMachine } from '../../src/observe/observed.ts';
import { expectedCertificates } from '../../src/pki/expected.ts';
import { controlPlaneKubeletConf, issueCertificates } from '../../src/pki/issue.ts';
import { certificatePath, KUBELET_CLIENT_LINK, KUBELET_CONF_PATH } from '../../src/pki/names.ts';
import { sharedPathsOf } from '../../src/pki/placement.ts';
import { etcdClusterToken, generateSharedMaterial, sharedFiles } from '../../src/pki/shared.ts';
import type { SharedMaterial } from '../../src/pki/types.ts';
import {
  type ClusterSpec,
  controlPlanes,
  etcdMachines,
  isNode,
  loadBalancers,
  type MachineSpec,
} from '../../src/spec/types.ts';

/** Of an identity that was thrown away. */
const RECIPIENT = 'age18jnmmwq42aej9nx7trdxsuvqkvu266w8h9fa7zd05k2694e3vy6qva9alc';

const NOW = Date.parse('2026-11-20T12:00:00Z');

export function absentCluster(spec: ClusterSpec): Observed {
  return {
    takenAtMs: NOW,
    machines: Object.fromEntries(spec.machines.map(({ name }) => [name, { name, state: 'absent' as const }])),
    leaving: [],
    hostPrepared: false,
    missingArtifacts: ['kubelet', 'etcd'],
    apiServers: [],
    vipHolders: [],
  };
}

/** Everything as the specification says, healthy. Issues real certificates once per call. */
export async function healthyCluster(spec: ClusterSpec): Promise<Observed> {
  return (await healthyFleet(spec, NOW)).observed;
}

/** A healthy cluster and what lies on its machines. */
export interface HealthyFleet {
  readonly observed: Observed;
  /** Managed files by machine, secrets included. */
  readonly files: Readonly<Record<string, readonly FileContent[]>>;
  readonly material: SharedMaterial;
}

/** The same with the files, as it is at `now` (milliseconds since the Unix epoch): certificates and leases count from then. */
export async function healthyFleet(spec: ClusterSpec, now: number): Promise<HealthyFleet> {
  const material = await generateSharedMaterial(silentContext(), now);
  const machines: Record<string, ObservedMachine> = {};
  const files: Record<string, readonly FileContent[]> = {};
  for (const machine of spec.machines) {
    const own = await filesOf(spec, machine, material, now);
    files[machine.name] = own;
    machines[machine.name] = {
      name: machine.name,
      state: 'running',
      facts: factsOf(spec, machine, material, own, now),
    };
  }
  return { observed: observedOf(spec, machines, material, now), files, material };
}

function observedOf(
  spec: ClusterSpec,
  machines: Record<string, ObservedMachine>,
  material: SharedMaterial,
  now: number,
): Observed {
  const members = etcdMachines(spec);
  const version = componentVersions(spec.kubernetesVersion).etcd.slice(1);
  return {
    takenAtMs: now,
    machines,
    leaving: [],
    hostPrepared: true,
    missingArtifacts: [],
    endpoint: { ready: true },
    apiServers: controlPlanes(spec).map(({ name }) => ({ machine: name, ready: true })),
    vipHolders: loadBalancers(spec)
      .slice(0, 1)
      .map(({ name }) => name),
    etcd: {
      alarms: [],
      members: members.map(({ name, address }, index) => ({
        id: `a${index}`,
        name,
        peerURLs: [`https://${address}:2380`],
        clientURLs: [`https://${address}:2379`],
        isLearner: false,
        status: {
          version,
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
      nodes: spec.machines.filter(isNode).map((machine) => ({
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
        'kube-controller-manager': { holder: 'cp1', renewedMs: now - 900, transitions: 0 },
        'kube-scheduler': { holder: 'cp2', renewedMs: now - 1_100, transitions: 1 },
      },
      addons: Object.fromEntries(
        addonObjects(spec, { caCertificate: material.authorities.ca.certificate }).map((object) => [
          addonKey(object),
          addonDigest(object),
        ]),
      ),
      workloads: [{ kind: 'Deployment', namespace: 'kube-system', name: 'coredns', desired: 2, ready: 2 }],
      dnsNodes: ['w1', 'w2'],
      staticPods: Object.fromEntries(
        controlPlanes(spec).flatMap((machine) => podsOf(spec, machine, material, machines[machine.name]?.facts)),
      ),
      record: finishedRecord(spec, undefined),
      clusterConfiguration: toYaml(kubeadmClusterConfiguration(spec)),
    },
  };
}

type ShownPod = NonNullable<Observed['kube']>['staticPods'][string];

function podsOf(
  spec: ClusterSpec,
  machine: MachineSpec,
  material: SharedMaterial,
  facts = bareFacts(spec, machine),
): [string, ShownPod][] {
  const digests = staticPodDigests(spec, machine, facts, firstStart(spec, material));
  return Object.entries(digests).map(([pod, digest]) => [
    `${pod}-${machine.name}`,
    { ready: true, digest, restarts: 0 },
  ]);
}

/** What every member was told when the cluster began. */
function firstStart(spec: ClusterSpec, material: SharedMaterial): EtcdBootstrap {
  const etcdToken = etcdClusterToken(material.authorities['etcd/ca'].certificate, spec.name);
  return { etcdToken, initialClusterState: 'new', initialCluster: initialCluster(etcdMachines(spec)) };
}

function bareFacts(spec: ClusterSpec, machine: MachineSpec): MachineFacts {
  return {
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
    authorities: {},
    images: requiredArtifacts(spec.kubernetesVersion).flatMap((artifact) =>
      artifact.kind === 'image' ? [artifact.reference] : [],
    ),
    binaries: Object.fromEntries(
      requiredArtifacts(spec.kubernetesVersion).flatMap((artifact) =>
        artifact.kind === 'binary' ? [[artifact.installPath, { version: artifact.version, sha256: '00' }]] : [],
      ),
    ),
    backends: {},
    packages: [],
    hasEtcdData: false,
    running: [],
    etcdFlags: {},
  };
}

async function secretsOf(
  spec: ClusterSpec,
  machine: MachineSpec,
  material: SharedMaterial,
  now: number,
): Promise<FileContent[]> {
  const authority = { path: certificatePath('ca'), content: material.authorities.ca.certificate, mode: 0o644 };
  if (machine.role === 'loadbalancer') return [authority];
  if (machine.role === 'worker') return [authority, { path: KUBELET_CONF_PATH, content: 'kubelet.conf', mode: 0o600 }];
  const shared = sharedPathsOf(spec, machine);
  return [
    ...sharedFiles(material).filter(({ path }) => shared.includes(path)),
    ...(await issueCertificates(material, spec, expectedCertificates(spec, machine), { nowMs: now })),
    ...(machine.role === 'control-plane' ? [controlPlaneKubeletConf(material, spec, machine)] : []),
  ];
}

async function filesOf(
  spec: ClusterSpec,
  machine: MachineSpec,
  material: SharedMaterial,
  now: number,
): Promise<FileContent[]> {
  const bare = bareFacts(spec, machine);
  const isMember = etcdMachines(spec).some(({ name }) => name === machine.name);
  const bootstrap = firstStart(spec, material);
  const secrets = await secretsOf(spec, machine, material, now);
  // Manifests are rendered on a machine that has its authorities and keys already.
  const keyed = {
    ...bare,
    files: Object.fromEntries(secrets.map((file) => [file.path, stateOf(file, now)])),
    certificates: certificatesOf(secrets, material.authorities.ca.certificate),
  };
  return [
    ...secrets,
    ...networkFiles(spec, machine),
    ...operatorConvenienceFiles(spec, machine),
    ...backupFiles(spec, machine),
    ...(machine.role === 'control-plane' && spec.etcd.snapshots.recipients.length === 0
      ? [recipientsFile([RECIPIENT])]
      : []),
    ...(isNode(machine) ? [...containerRuntimeFiles(spec, bare), ...kubeletFiles(spec, machine, bare)] : []),
    ...loadBalancerFiles(spec, machine, bare),
    ...(isMember ? [textFile(FORMED_PATH, 'Written by quorate once the cluster was whole.\n')] : []),
    ...(machine.role === 'control-plane' ? staticPodFiles(spec, machine, keyed, bootstrap) : []),
    ...(machine.role === 'etcd' ? etcdServiceFiles(spec, machine, bare, bootstrap) : []),
  ];
}

function factsOf(
  spec: ClusterSpec,
  machine: MachineSpec,
  material: SharedMaterial,
  files: readonly FileContent[],
  now: number,
): MachineFacts {
  const bare = bareFacts(spec, machine);
  const isMember = etcdMachines(spec).some(({ name }) => name === machine.name);
  const bootstrap = firstStart(spec, material);
  const asksApiServers = loadBalancerUnits(spec, machine).includes('haproxy.service');
  return {
    ...bare,
    files: Object.fromEntries(files.map((file) => [file.path, stateOf(file, now)])),
    units: Object.fromEntries(
      OBSERVED_UNITS.filter((unit) => unit !== 'systemd-resolved.service').map((unit) => [
        unit,
        { active: true, enabled: true, activeSinceMs: now - 60_000, state: 'active' },
      ]),
    ),
    certificates: certificatesOf(files, material.authorities.ca.certificate),
    backends: asksApiServers ? Object.fromEntries(controlPlanes(spec).map(({ name }) => [name, 'UP'])) : {},
    hasEtcdData: isMember,
    running: [...(isMember ? ['etcd'] : []), ...(machine.role === 'control-plane' ? ['kube-apiserver'] : [])],
    etcdFlags: isMember ? initialFlags(etcdFlags(spec, machine, bootstrap)) : {},
  };
}

/** As the observation reads them: only the words that a member begins with. */
function initialFlags(flags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(flags).filter(([name]) => name.startsWith('initial-cluster')));
}

function stateOf({ content, mode }: FileContent, now: number) {
  return { sha256: createHash('sha256').update(content).digest('hex'), mode, mtimeMs: now - 120_000 };
}

function certificatesOf(files: readonly FileContent[], servingCertificate: string): Record<string, string> {
  const serving = '/var/lib/kubelet/pki/kubelet-server-current.pem';
  const entries = files.flatMap(({ path, content }): [string, string][] => {
    const text = String(content);
    if (path.endsWith('.crt')) return [[path, text]];
    if (path === KUBELET_CLIENT_LINK.target) return [[KUBELET_CLIENT_LINK.path, text]];
    const embedded = path.endsWith('.conf') ? /client-certificate-data: (\S+)/.exec(text)?.[1] : undefined;
    return embedded === undefined ? [] : [[path, Buffer.from(embedded, 'base64').toString()]];
  });
  return { ...Object.fromEntries(entries), [serving]: servingCertificate };
}
