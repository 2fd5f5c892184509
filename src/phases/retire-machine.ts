// A machine that goes although cluster.yaml names it: dead for good, or to be used elsewhere.
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { retireSteps } from './change/retire-steps.ts';
import { memberOf } from './membership.ts';
import type { Phase } from './step.ts';

/** Takes one machine out that the file names: beside the phases of every change, for `machine replace` and `reset`. */
export function retireMachine(name: string, title: string, why: string): Phase {
  return {
    id: 'retire-machine',
    title,
    plan: (spec, observed) => {
      const machine = spec.machines.find((candidate) => candidate.name === name);
      return machine ? retireSteps(spec, observed, machine, why) : [];
    },
  };
}

/** What will be seen once it is gone, for the plan of what comes then. */
export function withoutMachine(spec: ClusterSpec, observed: Observed, name: string, isMade: boolean): Observed {
  const machine = spec.machines.find((candidate) => candidate.name === name);
  const member = machine && memberOf(observed, machine);
  const seen = observed.machines[name];
  const gone = isMade || seen === undefined ? { name, state: 'absent' as const } : { name, state: seen.state };
  return {
    ...observed,
    machines: { ...observed.machines, [name]: gone },
    apiServers: observed.apiServers.map((server) => (server.machine === name ? { ...server, ready: false } : server)),
    vipHolders: observed.vipHolders.filter((holder) => holder !== name),
    ...(observed.etcd
      ? { etcd: { ...observed.etcd, members: observed.etcd.members.filter(({ id }) => id !== member?.id) } }
      : {}),
    ...(observed.kube
      ? { kube: { ...observed.kube, nodes: observed.kube.nodes.filter((node) => node.name !== name) } }
      : {}),
  };
}
