// A member of etcd with new data, on a machine that is fine: the old one leaves, and the usual phases let a new one join.
import type { Context } from '../core/context.ts';
import { messageOf } from '../core/errors.ts';
import { disarm } from '../etcd/maintenance.ts';
import { API_SERVER_MANIFEST, ETCD_MANIFEST, MANIFESTS_DIR } from '../manifests/paths.ts';
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { endMember } from './change/end-member.ts';
import { voterMachine } from './change/living-member.ts';
import { leaveEtcd, stopApi } from './change/retire-steps.ts';
import { memberOf } from './membership.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/**
 * Takes the member of one machine out of etcd, with its data: it may be lost or damaged, its process may crash or be stuck as a learner.
 * Each step is known by its effect, so that a run which was killed goes on with what is left.
 */
export function replaceMember(name: string): Phase {
  return {
    id: 'replace-member',
    title: `Take the member of ${name} out of etcd`,
    needs: ['etcd', 'kube'],
    plan: (spec, observed) => {
      const machine = spec.machines.find((candidate) => candidate.name === name);
      return machine ? steps(observed, machine) : [];
    },
  };
}

function steps(observed: Observed, machine: MachineSpec): Step[] {
  const { name } = machine;
  const facts = observed.machines[name]?.facts;
  const member = memberOf(observed, machine);
  const about = { lane: SERIAL_LANE, machine: name, why: 'it is to begin anew' } as const;
  // A kubelet may start it again at any moment: what counts is whether it is configured.
  const hasApi = facts?.files[API_SERVER_MANIFEST] !== undefined || facts?.running.includes('kube-apiserver') === true;
  const isLeft = facts?.hasEtcdData || facts?.running.includes('etcd') || facts?.files[ETCD_MANIFEST] !== undefined;
  const isStacked = machine.role === 'control-plane';
  return [
    ...(isStacked && hasApi
      ? [
          {
            ...about,
            id: `${name}/stop-api`,
            title: 'stop its API server, unseen by clients',
            run: (ctx, tools) => stopApi(ctx, tools, name),
          } satisfies Step,
        ]
      : []),
    ...(member
      ? [
          {
            ...about,
            id: `${name}/leave-etcd`,
            title: `remove its member ${member.id} from etcd`,
            disruption: { machine: name, kind: 'remove' },
            run: (ctx, tools) => leave(ctx, tools, machine),
          } satisfies Step,
        ]
      : []),
    ...(member || isLeft || !isStacked
      ? [
          {
            ...about,
            id: `${name}/set-aside`,
            title: 'stop its etcd and move the data aside',
            run: (ctx, { fleet }) => endMember(ctx, fleet.machine(name), 'set-aside'),
          } satisfies Step,
        ]
      : []),
  ];
}

async function leave(ctx: Context, tools: Toolbox, machine: MachineSpec): Promise<void> {
  await leaveEtcd(ctx, tools, machine);
  await forgetAlarms(ctx, tools);
}

/**
 * A CORRUPT alarm outlives its member, and as long as it is there every request is refused (etcd server/etcdserver/apply, applierV3Corrupt).
 * etcdctl takes back all alarms or none: while a living member has one, none.
 */
async function forgetAlarms(ctx: Context, tools: Toolbox): Promise<void> {
  try {
    const { etcd, via } = await voterMachine(ctx, tools);
    const isStale = ({ memberId }: { memberId: string }) => !etcd.members.some(({ id }) => id === memberId);
    if (etcd.alarms.length > 0 && etcd.alarms.every(isStale)) await disarm(ctx, via);
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    ctx.emit('warning', { text: `alarms of the member that has left stay: ${messageOf(error)}` });
  }
}

/** What will be seen once the member is gone, for the plan of what comes then: the machine as it is, without etcd and what needs it. */
export function withoutMember(spec: ClusterSpec, observed: Observed, name: string): Observed {
  const machine = spec.machines.find((candidate) => candidate.name === name);
  const seen = observed.machines[name];
  if (machine === undefined || seen?.facts === undefined) return observed;
  const { facts } = seen;
  const member = memberOf(observed, machine);
  const isStacked = machine.role === 'control-plane';
  const files = Object.entries(facts.files).filter(([path]) => !isStacked || !path.startsWith(`${MANIFESTS_DIR}/`));
  const gone = {
    ...facts,
    files: Object.fromEntries(files),
    hasEtcdData: false,
    running: facts.running.filter((program) => program !== 'etcd' && !(isStacked && program === 'kube-apiserver')),
    etcdFlags: isStacked ? {} : facts.etcdFlags,
  };
  return {
    ...observed,
    machines: { ...observed.machines, [name]: { ...seen, facts: gone } },
    apiServers: observed.apiServers.map((server) =>
      isStacked && server.machine === name ? { ...server, ready: false } : server,
    ),
    ...(observed.etcd
      ? { etcd: { ...observed.etcd, members: observed.etcd.members.filter(({ id }) => id !== member?.id) } }
      : {}),
  };
}
