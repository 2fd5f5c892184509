// Every timing that decides how long a failure lasts, in one table. `default` keeps upstream's values where upstream has one.
import type { ClusterSpec } from '../spec/types.ts';

/** Timings of one profile. */
export interface FailoverTimings {
  /** Leases of controller-manager and scheduler: `--leader-elect-*`, Go durations. */
  readonly leaseDuration: string;
  readonly renewDeadline: string;
  readonly retryPeriod: string;
  /** etcd's `--heartbeat-interval` and `--election-timeout`, milliseconds. */
  readonly etcdHeartbeatMs: number;
  readonly etcdElectionMs: number;
  /** Silence after which a node counts as lost; absent keeps upstream's 50 s (kubernetes #126287). */
  readonly nodeMonitorGracePeriod?: string;
  /** How often a kubelet reports its status; absent keeps upstream's 10 s. */
  readonly nodeStatusUpdateFrequency?: string;
  /** A quarter of this is the renewal interval of a node's lease; absent keeps upstream's 40 s. */
  readonly nodeLeaseDurationSeconds?: number;
  /** How long pods stay bound to a lost node; absent keeps upstream's 300 s. */
  readonly evictionTolerationSeconds?: number;
  /** How long an API server may take for `/readyz` once it has accepted the connection, milliseconds. */
  readonly readyzTimeoutMs: number;
}

const TIMINGS: Readonly<Record<ClusterSpec['failover'], FailoverTimings>> = {
  // 15 s / 10 s / 2 s: requirements 1 and component-base's defaults; 100 / 1000 ms: etcd's tuning guide.
  default: {
    leaseDuration: '15s',
    renewDeadline: '10s',
    retryPeriod: '2s',
    etcdHeartbeatMs: 100,
    etcdElectionMs: 1000,
    readyzTimeoutMs: 1000,
  },
  // For machines on one LAN with disks of their own: the election stays at ten round trips, the lease at six retries.
  fast: {
    leaseDuration: '6s',
    renewDeadline: '4s',
    retryPeriod: '1s',
    etcdHeartbeatMs: 50,
    etcdElectionMs: 500,
    nodeMonitorGracePeriod: '20s',
    nodeStatusUpdateFrequency: '4s',
    nodeLeaseDurationSeconds: 16,
    evictionTolerationSeconds: 30,
    readyzTimeoutMs: 500,
  },
};

/** The timings of the profile that cluster.yaml chose. */
export function failoverTimings(spec: ClusterSpec): FailoverTimings {
  return TIMINGS[spec.failover];
}

/**
 * Go's HTTP/2 clients notice a dead connection after 30 s idle and 15 s without an answer to a ping (kubernetes #121793).
 * Behind a load balancer that has moved that is too long; these names are apimachinery's (pkg/util/net/http.go).
 */
export const HTTP2_KEEPALIVE: Readonly<Record<string, string>> = {
  HTTP2_READ_IDLE_TIMEOUT_SECONDS: '5',
  HTTP2_PING_TIMEOUT_SECONDS: '3',
};

/** HTTP2_KEEPALIVE as a container's `env`. */
export function http2KeepaliveEnv(): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries(HTTP2_KEEPALIVE).map(([name, value]) => ({ name, value }));
}
