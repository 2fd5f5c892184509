// The Kubernetes side of a cluster as its API describes it.
import type { ClusterRecord } from '../manifests/cluster-record.ts';

/** A Node object in short. `roles` are those of its labels node-role.kubernetes.io/…, `version` is its kubelet's. */
export interface ObservedNode {
  readonly name: string;
  readonly ready: boolean;
  readonly schedulable: boolean;
  /** Why quorate cordoned it; absent when its owner did, or nobody. */
  readonly cordonedFor?: string;
  readonly roles: readonly string[];
  readonly version: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  /** Why it is not Ready. */
  readonly reason?: string;
}

/** One API server, asked directly and through the machine's own load balancer. */
export interface ObservedApiServer {
  readonly machine: string;
  readonly ready: boolean;
  readonly detail?: string;
}

/** A static pod as the API shows it. */
export interface ObservedStaticPod {
  readonly ready: boolean;
  /** What its manifest was rendered from (manifests/static-pod.ts); empty for one that quorate did not write. */
  readonly digest: string;
  /** How often its container has been started again. */
  readonly restarts: number;
  /** Why its container does not run: CrashLoopBackOff, ImagePullBackOff … */
  readonly waiting?: string;
}

/** What changes by itself. */
export interface KubeState {
  /** kubelet-visible version of the answering API server. */
  readonly version: string;
  readonly nodes: readonly ObservedNode[];
  /** Holder's identity up to the first underscore (the machine's name), by lease name. */
  readonly leases: Readonly<
    Record<string, { readonly holder: string; readonly renewedMs: number; readonly transitions: number }>
  >;
  /** Deployments and DaemonSets that quorate applied. */
  readonly workloads: readonly {
    readonly kind: 'Deployment' | 'DaemonSet';
    readonly namespace: string;
    readonly name: string;
    readonly desired: number;
    readonly ready: number;
  }[];
  /** Pods of control planes that kubelets run from manifests, by name: `etcd-cp1`. */
  readonly staticPods: Readonly<Record<string, ObservedStaticPod>>;
  /** Nodes that carry a ready CoreDNS pod, one entry a pod. */
  readonly dnsNodes: readonly string[];
}

/** The state, and what quorate has applied. */
export interface ObservedKube extends KubeState {
  /** Digest annotation of every add-on object that quorate applied, by `kind/namespace/name`. */
  readonly addons: Readonly<Record<string, string>>;
  /** What the cluster was last made of (manifests/cluster-record.ts); absent before it was written. */
  readonly record?: ClusterRecord;
  /** ClusterConfiguration of kubeadm-config, YAML; absent before it is written. */
  readonly clusterConfiguration?: string;
}
