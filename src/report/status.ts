import { clusterBackups, type FailedBackup, type MadeBackup } from '../backup/attempts.ts';
import { type CheckedCondition, evaluate } from '../checks/condition.ts';
import { HEALTH_CONDITIONS } from '../checks/health.ts';
import { findByName } from '../core/per-object.ts';
import { quorumView } from '../engine/gate.ts';
import type { ObservedEtcd } from '../etcd/types.ts';
import type { RehearsalState } from '../machines/facts.ts';
import type { PowerState } from '../machines/machine.ts';
import type { Observed } from '../observe/observed.ts';
import { daysLeftByPath } from '../pki/inspect.ts';
import { type ClusterSpec, etcdMachines, isNode, loadBalancers, type Role } from '../spec/types.ts';
import { quorum, tolerance } from '../topology/quorum.ts';

/** The whole HA picture as data; `quorate status` draws it on one screen. */
export interface StatusReport {
  readonly cluster: string;
  /** What the API servers run; the specification's when none answers. */
  readonly kubernetesVersion: string;
  readonly endpoint: {
    readonly url: string;
    readonly ready: boolean;
    readonly detail?: string;
    /** Empty when the load balancer is external: its address is no business of the machines. */
    readonly vipHolders: readonly string[];
  };
  readonly quorum: {
    readonly voters: number;
    readonly up: number;
    readonly needed: number;
    /** How many more voters may fail now; negative: quorum is lost by that many. */
    readonly survives: number;
    /** How many it tolerates when all voters are up. */
    readonly designed: number;
  };
  readonly etcd: readonly EtcdRow[];
  readonly apiServers: readonly {
    readonly machine: string;
    readonly ready: boolean;
    readonly detail?: string;
    readonly balancers: number;
    readonly balancersUp: number;
  }[];
  readonly leases: readonly {
    readonly name: string;
    readonly holder: string;
    readonly renewedAgoMs: number;
    readonly transitions: number;
  }[];
  readonly machines: readonly {
    readonly name: string;
    readonly role: Role;
    readonly zone?: string;
    readonly address: string;
    readonly state: PowerState;
    /** none: machines of its role carry no node. */
    readonly node: 'Ready' | 'NotReady' | 'absent' | 'unknown' | 'none';
    readonly schedulable: boolean;
    readonly version?: string;
  }[];
  /** Per machine the certificate that ends first. */
  readonly certificates: readonly { readonly machine: string; readonly path: string; readonly daysLeft: number }[];
  readonly backups: BackupReport;
  /** Machines whose own timer could not renew certificates that are due. */
  readonly failedRenewals: readonly { readonly machine: string; readonly at: string; readonly error: string }[];
  /** Health conditions that do not hold. */
  readonly warnings: readonly CheckedCondition[];
}

/** Whether the cluster could be brought back, and from when. Moments are ISO 8601. */
export interface BackupReport {
  /** Five cron fields, UTC. */
  readonly schedule: string;
  /** Where archives are put: the directory of each control plane, and the bucket where there is one. */
  readonly places: readonly string[];
  /** The newest success of any control plane; absent before the first. */
  readonly lastSuccess?: MadeBackup & { readonly ageMs: number };
  /** Control planes whose last attempt failed. */
  readonly failures: readonly (FailedBackup & { readonly ageMs?: number })[];
  /** Control planes that are making one now. */
  readonly running: readonly string[];
  /** The last proof that a backup can be restored; absent before the first. */
  readonly rehearsal?: RehearsalState & { readonly ageMs: number };
}

/**
 * One member. down: its own status could not be read, so that only the name and id of the list are known. Sizes in bytes, of
 * the database file and of what is in use in it.
 */
export interface EtcdRow {
  readonly name: string;
  readonly id: string;
  readonly role: 'leader' | 'follower' | 'learner' | 'down';
  readonly version?: string;
  readonly dbSizeBytes?: number;
  readonly dbInUseBytes?: number;
  readonly raftTerm?: number;
  readonly raftIndex?: number;
}

/** The status of a cluster, from an observation. Pure. */
export function statusReport(spec: ClusterSpec, observed: Observed): StatusReport {
  return {
    cluster: spec.name,
    kubernetesVersion: observed.kube?.version ?? spec.kubernetesVersion,
    endpoint: {
      url: spec.endpoint.url,
      ready: observed.endpoint?.ready ?? false,
      ...(observed.endpoint?.detail === undefined ? {} : { detail: observed.endpoint.detail }),
      vipHolders: spec.loadBalancer.type === 'external' ? [] : observed.vipHolders,
    },
    quorum: quorumNumbers(spec, observed),
    etcd: observed.etcd ? etcdRows(observed.etcd) : [],
    apiServers: observed.apiServers.map((server) => ({ ...server, ...balancersOf(spec, observed, server.machine) })),
    leases: Object.entries(observed.kube?.leases ?? {}).map(([name, { holder, renewedMs, transitions }]) => ({
      name,
      holder,
      renewedAgoMs: Math.max(0, observed.takenAtMs - renewedMs),
      transitions,
    })),
    machines: machineRows(spec, observed),
    certificates: soonestCertificates(observed),
    backups: backupReport(spec, observed),
    failedRenewals: failedRenewals(observed),
    warnings: evaluate(HEALTH_CONDITIONS, spec, observed).filter(({ state }) => state === 'failed'),
  };
}

function backupReport(spec: ClusterSpec, { machines, takenAtMs }: Observed): BackupReport {
  const { schedule, directory, s3 } = spec.etcd.snapshots;
  const { newest, failures, running, rehearsal } = clusterBackups(spec, machines, takenAtMs);
  const ageOf = (moment: string) => Math.max(0, takenAtMs - Date.parse(moment));
  return {
    schedule,
    places: [directory, ...(s3 === undefined ? [] : [`s3://${[s3.bucket, s3.prefix].filter(Boolean).join('/')}`])],
    ...(newest === undefined ? {} : { lastSuccess: { ...newest, ageMs: ageOf(newest.takenAt) } }),
    failures: failures.map((failure) => ({
      ...failure,
      ...(failure.at === undefined ? {} : { ageMs: ageOf(failure.at) }),
    })),
    running,
    ...(rehearsal === undefined ? {} : { rehearsal: { ...rehearsal, ageMs: ageOf(rehearsal.at) } }),
  };
}

function quorumNumbers(spec: ClusterSpec, observed: Observed): StatusReport['quorum'] {
  const view = quorumView(spec, observed);
  // With no member answering, the specification still says how many voters there ought to be.
  const voters = view.voters.length || etcdMachines(spec).length;
  const up = view.voters.filter((voter) => voter.up).length;
  return { voters, up, needed: quorum(voters), survives: up - quorum(voters), designed: tolerance(voters) };
}

function etcdRows({ members }: ObservedEtcd): EtcdRow[] {
  return members.map(({ id, name, isLearner, status: own }) => {
    const role = own === undefined ? 'down' : isLearner ? 'learner' : own.leaderId === id ? 'leader' : 'follower';
    return {
      name: name || '(never started)',
      id,
      role,
      ...(own === undefined
        ? {}
        : {
            version: own.version,
            dbSizeBytes: own.dbSizeBytes,
            dbInUseBytes: own.dbInUseBytes,
            raftTerm: own.raftTerm,
            raftIndex: own.raftIndex,
          }),
    };
  });
}

function balancersOf(
  spec: ClusterSpec,
  observed: Observed,
  server: string,
): { balancers: number; balancersUp: number } {
  const views = loadBalancers(spec).flatMap(({ name }) => {
    const backends = observed.machines[name]?.facts?.backends ?? {};
    return Object.keys(backends).length === 0 ? [] : [backends[server] ?? ''];
  });
  return { balancers: views.length, balancersUp: views.filter((view) => view.startsWith('UP')).length };
}

function machineRows(spec: ClusterSpec, observed: Observed): StatusReport['machines'] {
  return spec.machines.map((machine) => {
    const { name, role, zone, address } = machine;
    const node = findByName(observed.kube?.nodes, name);
    return {
      name,
      role,
      ...(zone === undefined ? {} : { zone }),
      address,
      state: observed.machines[name]?.state ?? 'unreachable',
      node: isNode(machine) ? nodeState(observed, name) : 'none',
      schedulable: node?.schedulable ?? true,
      ...(node === undefined ? {} : { version: node.version }),
    };
  });
}

function nodeState({ kube }: Observed, name: string): StatusReport['machines'][number]['node'] {
  if (kube === undefined) return 'unknown';
  const node = findByName(kube.nodes, name);
  if (node === undefined) return 'absent';
  return node.ready ? 'Ready' : 'NotReady';
}

function failedRenewals({ machines }: Observed): StatusReport['failedRenewals'] {
  return Object.values(machines).flatMap(({ name, facts }) => {
    const last = facts?.renewal;
    if (last === undefined || last.outcome === 'ok') return [];
    return [{ machine: name, at: last.lastAttempt, error: last.error ?? last.outcome }];
  });
}

function soonestCertificates(observed: Observed): StatusReport['certificates'] {
  return Object.values(observed.machines).flatMap(({ name, facts }) => {
    const all = daysLeftByPath(facts?.certificates ?? {}, observed.takenAtMs);
    const [first] = [...all].sort((a, b) => a.days - b.days);
    return first === undefined ? [] : [{ machine: name, path: first.path, daysLeft: first.days }];
  });
}
