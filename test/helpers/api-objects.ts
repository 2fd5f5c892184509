// What the API of a healthy cluster holds, as large as upstream's objects are: quorate has to read all of it.
import { stampAddon } from '../../src/kube/addons.ts';
import { addonObjects } from '../../src/manifests/addons/index.ts';
import { recordObject } from '../../src/manifests/cluster-record.ts';
import type { KubeObject } from '../../src/manifests/object.ts';
import { POD_DIGEST_ANNOTATION } from '../../src/manifests/static-pod.ts';
import type { Observed } from '../../src/observe/observed.ts';
import { type ClusterSpec, controlPlanes, isNode, type MachineSpec } from '../../src/spec/types.ts';

type Kube = NonNullable<Observed['kube']>;
type ShownNode = Kube['nodes'][number];

/** The objects of a healthy cluster. `caCertificate` is PEM. */
export function apiObjects(spec: ClusterSpec, kube: Kube, caCertificate: string): KubeObject[] {
  const addons = addonObjects(spec, { caCertificate }).map(stampAddon);
  const { record } = kube;
  return [
    ...kube.nodes.map(nodeObject),
    ...addons.map((object) => withStatus(spec, object)),
    // kubeadm-config is among the add-ons.
    ...(record === undefined ? [] : [recordObject(record)]),
    ...staticPodObjects(spec, kube),
    ...addons.flatMap((object) => podsOf(spec, object)),
  ];
}

/** One of the two leases, renewed just now, as the API shows it. */
export function leaseObject(name: string, { holder, transitions }: Kube['leases'][string]): KubeObject {
  const holderIdentity = `${holder}_3f0c2c6e-9d0c-4a53-8f0e-0c8f1f6d4b11`;
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-system' },
    spec: { holderIdentity, leaseTransitions: transitions, renewTime: `${new Date().toISOString().slice(0, -1)}000Z` },
  };
}

const SINCE = '2026-11-20T12:00:00Z';

function nodeObject(node: ShownNode): KubeObject {
  const conditions = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
    type,
    status: type === 'Ready' ? 'True' : 'False',
    lastHeartbeatTime: SINCE,
    lastTransitionTime: SINCE,
    reason: type === 'Ready' ? 'KubeletReady' : `KubeletHasNo${type}`,
    message: type === 'Ready' ? 'kubelet is posting ready status' : `kubelet has no ${type}`,
  }));
  const resources = { cpu: '2', 'ephemeral-storage': '82043120Ki', memory: '24683496Ki', pods: '110' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      labels: { ...node.labels },
      annotations: {
        'flannel.alpha.coreos.com/backend-type': 'vxlan',
        'flannel.alpha.coreos.com/public-ip': node.address,
      },
      ...managedFields(6),
    },
    spec: { podCIDR: '10.42.0.0/24', podCIDRs: ['10.42.0.0/24'], taints: node.taints },
    status: {
      addresses: [
        { type: 'InternalIP', address: node.address },
        { type: 'Hostname', address: node.name },
      ],
      capacity: resources,
      allocatable: resources,
      conditions,
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      images: Array.from({ length: 9 }, (_, index) => ({
        names: [
          `registry.k8s.io/image-${index}@sha256:${'0'.repeat(64)}`,
          `registry.k8s.io/image-${index}:v1.0.${index}`,
        ],
        sizeBytes: 30_000_000,
      })),
      nodeInfo: { architecture: 'amd64', kubeletVersion: node.version, operatingSystem: 'linux' },
    },
  };
}

/** As the API server keeps them: some 350 bytes an entry. */
function managedFields(entries: number) {
  const fieldsV1 = Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [`f:field-${index}`, { '.': {}, 'f:type': {} }]),
  );
  const entry = {
    manager: 'kubelet',
    operation: 'Update',
    apiVersion: 'v1',
    time: SINCE,
    fieldsType: 'FieldsV1',
    fieldsV1,
  };
  return { managedFields: Array.from({ length: entries }, () => entry) };
}

/** Deployments and DaemonSets whose pods all run. */
function withStatus(spec: ClusterSpec, object: KubeObject): KubeObject {
  if (object.kind === 'Deployment') return { ...object, status: { readyReplicas: replicasOf(object) } };
  if (object.kind !== 'DaemonSet') return object;
  const nodes = spec.machines.filter(isNode).length;
  return { ...object, status: { desiredNumberScheduled: nodes, numberReady: nodes } };
}

interface Workload {
  readonly replicas?: number;
  readonly template?: { readonly metadata?: { readonly labels?: Record<string, string> }; readonly spec?: object };
}

function replicasOf({ spec }: KubeObject): number {
  return (spec as Workload).replicas ?? 1;
}

/** The pods of a workload, spread over the nodes. */
function podsOf(spec: ClusterSpec, object: KubeObject): KubeObject[] {
  const nodes = spec.machines.filter(isNode);
  const count = object.kind === 'DaemonSet' ? nodes.length : object.kind === 'Deployment' ? replicasOf(object) : 0;
  const { template } = (object.spec ?? {}) as Workload;
  return nodes.slice(0, count).map((node, index) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...object.metadata,
      name: `${object.metadata.name}-${index}`,
      labels: { ...template?.metadata?.labels },
      ...managedFields(2),
    },
    spec: { ...template?.spec, nodeName: node.name },
    status: podStatus(node, 0),
  }));
}

function staticPodObjects(spec: ClusterSpec, { staticPods }: Kube): KubeObject[] {
  return controlPlanes(spec).flatMap((machine) =>
    Object.entries(staticPods)
      .filter(([name]) => name.endsWith(`-${machine.name}`))
      .map(([name, { digest, restarts }]) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name,
          namespace: 'kube-system',
          labels: { component: name.slice(0, -machine.name.length - 1), tier: 'control-plane' },
          annotations: { 'kubernetes.io/config.mirror': digest, [POD_DIGEST_ANNOTATION]: digest },
          ...managedFields(2),
        },
        spec: { nodeName: machine.name },
        status: podStatus(machine, restarts),
      })),
  );
}

function podStatus({ address }: MachineSpec, restartCount: number) {
  const state = { running: { startedAt: SINCE } };
  return {
    phase: 'Running',
    podIP: address,
    conditions: ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(
      (type) => ({
        type,
        status: 'True',
        lastTransitionTime: SINCE,
      }),
    ),
    containerStatuses: [{ name: 'main', ready: true, restartCount, image: 'image', imageID: 'image', state }],
  };
}
