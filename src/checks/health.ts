// The conditions of a healthy cluster, from the machines up: the first that fails is usually the cause of those after it.

import type { ErrorData } from '../core/events.ts';
import { findByName } from '../core/per-object.ts';
import { COMPONENT_LEASES } from '../kube/read.ts';
import { loadBalancerUnits } from '../manifests/node-files.ts';
import { daysLeftByPath } from '../pki/inspect.ts';
import { RENEW_BELOW_DAYS } from '../pki/problems.ts';
import { controlPlanes, etcdMachines, isNode, loadBalancers } from '../spec/types.ts';
import { quorum } from '../topology/quorum.ts';
import { backupsMade } from './backups.ts';
import { type Condition, type ConditionResult, expectNone, failed, ok, skipped } from './condition.ts';

/** Leases are renewed every 2 s and expire after 15 s (Kubernetes' defaults, requirements 3). */
const LEASE_DURATION_MS = 15_000;
/** Kubernetes tolerates little skew: tokens and leases carry times. Half of etcd's own warning threshold of 1 s. */
const MAX_SKEW_MS = 500;

/** kubeadm's static pods of a stacked control plane. */
const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** The API says nothing; the reason when it is known. */
function silent(error: ErrorData | undefined): ConditionResult {
  return failed(error === undefined ? 'the API does not answer' : (error.message.split('\n')[0] ?? error.message));
}

const machinesAnswer: Condition = {
  id: 'machines',
  title: 'all machines answer',
  check: (spec, { machines }) => {
    const silent = spec.machines.filter(({ name }) => machines[name]?.facts === undefined);
    const problems = silent.map(({ name }) => `${name} is ${machines[name]?.state ?? 'unknown'}`);
    return expectNone(problems, `${spec.machines.length} of ${spec.machines.length}`);
  },
};

const clocksAgree: Condition = {
  id: 'clocks',
  title: 'clocks agree',
  check: (_spec, { machines }) => {
    const skews = Object.values(machines).flatMap(({ name, facts }) =>
      facts ? [{ name, skew: facts.clockSkewMs }] : [],
    );
    const off = skews
      .filter(({ skew }) => Math.abs(skew) > MAX_SKEW_MS)
      .map(({ name, skew }) => `${name} is ${skew} ms off`);
    const widest = Math.max(0, ...skews.map(({ skew }) => Math.abs(skew)));
    return skews.length === 0 ? skipped('no machine answers') : expectNone(off, `within ${widest} ms`);
  },
};

const unitsRun: Condition = {
  id: 'services',
  title: 'containerd, kubelet and load balancer run',
  check: (spec, { machines }) => {
    const problems = spec.machines.flatMap((machine) => {
      const { name } = machine;
      const facts = machines[name]?.facts;
      const node = isNode(machine) ? ['containerd.service', 'kubelet.service'] : [];
      const wanted = [...node, ...loadBalancerUnits(spec, machine)];
      return facts ? wanted.flatMap((unit) => describeUnit(name, unit, facts.units[unit]?.state)) : [];
    });
    return expectNone(problems, 'on every machine that answers');
  },
};

function describeUnit(machine: string, unit: string, state = 'not installed'): string[] {
  return state === 'active' ? [] : [`${unit.replace(/\.service$/, '')} is ${state} on ${machine}`];
}

const etcdQuorum: Condition = {
  id: 'etcd-quorum',
  title: 'etcd has a quorum',
  check: (_spec, { etcd }) => {
    if (!etcd) return failed('no etcd member answers');
    const voters = etcd.members.filter(({ isLearner }) => !isLearner);
    const up = voters.filter(({ status }) => status !== undefined);
    const text = `${up.length} of ${voters.length} voters answer, ${quorum(voters.length)} are needed`;
    return up.length >= quorum(voters.length) ? ok(text) : failed(text);
  },
};

const etcdMembers: Condition = {
  id: 'etcd-members',
  title: 'every etcd member is a healthy voter',
  check: (spec, { etcd }) => {
    if (!etcd) return failed('no etcd member answers');
    const missing = etcdMachines(spec).filter(({ name }) => !etcd.members.some((member) => member.name === name));
    const problems = [
      ...missing.map(({ name }) => `${name} is no member`),
      ...etcd.members.flatMap((member) => [
        ...(member.status === undefined ? [`${member.name || member.id} does not answer`] : []),
        ...(member.isLearner ? [`${member.name} is a learner`] : []),
        ...(member.status?.errors ?? []).map((error) => `${member.name}: ${error}`),
      ]),
      ...etcd.alarms.map(({ alarm, memberId }) => `alarm ${alarm} on member ${memberId}`),
    ];
    return expectNone(problems, `${etcd.members.length} members`);
  },
};

const etcdLeader: Condition = {
  id: 'etcd-leader',
  title: 'etcd members agree on the leader',
  check: (_spec, { etcd }) => {
    if (!etcd) return failed('no etcd member answers');
    const views = etcd.members.flatMap(({ status }) => (status ? [status.leaderId] : []));
    const leaders = [...new Set(views)];
    const leader = etcd.members.find(({ id }) => id === leaders[0]);
    if (leaders.length !== 1 || !leader) return failed(`leaders seen: ${leaders.join(', ') || 'none'}`);
    return ok(leader.name);
  },
};

const apiServersReady: Condition = {
  id: 'api-servers',
  title: 'every API server is ready',
  check: (_spec, { apiServers }) => {
    const problems = apiServers
      .filter(({ ready }) => !ready)
      .map(({ machine, detail }) => `${machine}: ${detail ?? 'not ready'}`);
    return expectNone(problems, `${apiServers.length} of ${apiServers.length}`);
  },
};

const oneVipHolder: Condition = {
  id: 'vip',
  title: 'exactly one machine holds the virtual IP',
  check: ({ endpoint, loadBalancer }, { vipHolders }) => {
    if (endpoint.vip === undefined || loadBalancer.type === 'external') return skipped('no virtual IP of ours');
    if (vipHolders.length === 1) return ok(`${vipHolders[0]} holds ${endpoint.vip}`);
    return failed(vipHolders.length === 0 ? `nobody holds ${endpoint.vip}` : `${vipHolders.join(' and ')} hold it`);
  },
};

const endpointAnswers: Condition = {
  id: 'endpoint',
  title: 'the endpoint answers',
  check: (spec, { endpoint }) => {
    if (!endpoint) return failed('there is no API server yet');
    return endpoint.ready ? ok(spec.endpoint.url) : failed(`${spec.endpoint.url}: ${endpoint.detail ?? 'no answer'}`);
  },
};

const backendsUp: Condition = {
  id: 'backends',
  title: 'every load balancer sees every API server',
  check: (spec, { machines }) => {
    if (spec.loadBalancer.type === 'external') return skipped('the load balancer is not ours');
    if (spec.loadBalancer.type === 'nginx') return skipped('NGINX checks nothing beforehand, so it cannot say');
    const problems = loadBalancers(spec).flatMap(({ name }) => {
      const facts = machines[name]?.facts;
      if (!facts) return [];
      const down = controlPlanes(spec).filter((backend) => !facts.backends[backend.name]?.startsWith('UP'));
      return down.map((backend) => `${name} sees ${backend.name} as ${facts.backends[backend.name] ?? 'unknown'}`);
    });
    return expectNone(problems, 'all up');
  },
};

const leasesHeld: Condition = {
  id: 'leases',
  needsKubeOnly: true,
  title: 'scheduler and controller-manager have a leader',
  check: (_spec, { kube, kubeError, takenAtMs }) => {
    if (!kube) return silent(kubeError);
    const problems = COMPONENT_LEASES.flatMap((name) => {
      const lease = kube.leases[name];
      if (!lease || lease.holder === '') return [`nobody holds ${name}`];
      const ageMs = takenAtMs - lease.renewedMs;
      return ageMs > LEASE_DURATION_MS ? [`${name} was last renewed ${Math.round(ageMs / 1000)} s ago`] : [];
    });
    return expectNone(problems, COMPONENT_LEASES.map((name) => `${name}: ${kube.leases[name]?.holder}`).join(', '));
  },
};

const nodesReady: Condition = {
  id: 'nodes',
  needsKubeOnly: true,
  title: 'every node is Ready',
  check: (spec, { kube, kubeError }) => {
    if (!kube) return silent(kubeError);
    const wanted = spec.machines.filter(isNode);
    const problems = wanted.flatMap(({ name }) => {
      const node = findByName(kube.nodes, name);
      if (!node) return [`${name} has not registered`];
      return node.ready ? [] : [`${name}: ${node.reason ?? 'not Ready'}`];
    });
    return expectNone(problems, `${wanted.length} of ${wanted.length}`);
  },
};

const controlPlanePods: Condition = {
  id: 'control-plane-pods',
  needsKubeOnly: true,
  title: 'the API shows every pod of the control plane as ready',
  check: (spec, { kube, kubeError }) => {
    if (!kube) return silent(kubeError);
    // With external etcd its members are no pods.
    const components = COMPONENTS.filter((component) => component !== 'etcd' || spec.etcd.topology === 'stacked');
    const wanted = controlPlanes(spec).flatMap(({ name }) => components.map((component) => `${component}-${name}`));
    const missing = wanted.filter((name) => !kube.staticPods[name]?.ready);
    return expectNone(
      missing.map((name) => `${name} is not`),
      `${wanted.length} of ${wanted.length}`,
    );
  },
};

const workloadsReady: Condition = {
  id: 'addons',
  needsKubeOnly: true,
  title: 'network, proxy, DNS and metrics run',
  check: (_spec, { kube, kubeError }) => {
    if (!kube) return silent(kubeError);
    const short = kube.workloads.filter(({ desired, ready }) => ready < desired || desired === 0);
    const problems = short.map(({ name, ready, desired }) => `${name} ${ready}/${desired}`);
    if (kube.workloads.length === 0) return failed('not applied yet');
    return expectNone(problems, kube.workloads.map(({ name, ready }) => `${name} ${ready}`).join(', '));
  },
};

const dnsSpread: Condition = {
  id: 'dns-spread',
  needsKubeOnly: true,
  title: 'CoreDNS is spread over nodes',
  check: (spec, { kube, kubeError }) => {
    if (!kube) return silent(kubeError);
    if (spec.machines.filter(isNode).length < 2) return skipped('there is one node');
    const nodes = new Set(kube.dnsNodes);
    const text = `on ${[...nodes].join(', ') || 'no node'}`;
    return nodes.size >= 2 ? ok(text) : failed(text);
  },
};

const certificatesValid: Condition = {
  id: 'certificates',
  title: `no certificate ends within ${RENEW_BELOW_DAYS} days`,
  check: (_spec, { machines, takenAtMs }) => {
    const all = Object.values(machines).flatMap(({ name, facts }) =>
      daysLeftByPath(facts?.certificates ?? {}, takenAtMs).map(({ path, days }) => ({ name, path, days })),
    );
    if (all.length === 0) return skipped('none can be read');
    const soon = all.filter(({ days }) => days < RENEW_BELOW_DAYS);
    const least = Math.min(...all.map(({ days }) => days));
    return expectNone(
      soon.map(({ name, path, days }) => `${path} on ${name}: ${days} days`),
      `${least} days at least`,
    );
  },
};

/** What makes a cluster healthy, from the ground up: the first that fails is the likeliest cause of those after it. */
export const HEALTH_CONDITIONS: readonly Condition[] = [
  machinesAnswer,
  clocksAgree,
  unitsRun,
  etcdQuorum,
  etcdMembers,
  etcdLeader,
  apiServersReady,
  oneVipHolder,
  backendsUp,
  endpointAnswers,
  leasesHeld,
  nodesReady,
  controlPlanePods,
  workloadsReady,
  dnsSpread,
  certificatesValid,
  backupsMade,
];
