// Issues certificates anew although nothing is wrong with them yet, or because everything is: beside the phases of every change, for
// `certs renew`. It asks nothing of the API, so that it works when every certificate has ended.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { readMemberStatus } from '../etcd/membership.ts';
import { COMPONENT_LEASES, readLeases, readNodeHeartbeat } from '../kube/read.ts';
import type { MachineFacts } from '../machines/facts.ts';
import { renewingMachines } from '../manifests/renew-certificates.ts';
import type { Observed } from '../observe/observed.ts';
import type { ExpectedCertificate } from '../pki/expected.ts';
import { daysLeft } from '../pki/inspect.ts';
import { leavesOf } from '../pki/inventory.ts';
import { KUBELET_CLIENT_LINK, KUBELET_CONF_PATH } from '../pki/names.ts';
import { RENEW_BELOW_DAYS } from '../pki/problems.ts';
import { readable } from '../pki/served.ts';
import { type ClusterSpec, isNode, type MachineSpec, machinesOf } from '../spec/types.ts';
import { carriesEtcd, leaderLast } from './membership.ts';
import { type Phase, SERIAL_LANE, type Step } from './step.ts';
import { issueLeaves } from './steps/certificates.ts';
import { awaitReloaded } from './steps/reloaded.ts';
import type { Toolbox } from './toolbox.ts';

/** Which certificates are issued anew; what is absent does not narrow the choice. */
export interface RenewalChoice {
  /** As `certs list` names them: apiserver, etcd-server, admin.conf. */
  readonly names?: readonly string[];
  readonly machines?: readonly string[];
  /** Only those that end within so many days, or have ended. */
  readonly withinDays?: number;
}

/** The phase that issues the chosen certificates, one machine after the other, each in use and well before the next one begins. */
export function renewCertificates(choice: RenewalChoice): Phase {
  return {
    id: 'renew-certificates',
    title: 'Issue certificates anew, one machine at a time',
    needs: ['etcd', 'kube'],
    plan: (spec, observed) => renewalSteps(spec, observed, choice),
  };
}

/** Throws USAGE for a name or machine that there is not. */
export function refuseUnknownChoice(spec: ClusterSpec, { names = [], machines = [] }: RenewalChoice): void {
  const known = [...new Set(spec.machines.flatMap((machine) => leavesOf(spec, machine).map(({ name }) => name)))];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const hint = `choose among: ${known.join(', ')}`;
    throw new QuorateError('USAGE', `there is no certificate ${unknown.join(', ')} to renew`, { hint });
  }
  const strangers = machines.filter((name) => !spec.machines.some((machine) => machine.name === name));
  if (strangers.length > 0) {
    throw new QuorateError('MACHINE_NOT_FOUND', `there is no machine ${strangers.join(', ')} in cluster ${spec.name}`);
  }
}

/**
 * Whether any certificate of a control plane or a member has ended: then nobody has to be there that could answer. An API that is silent is
 * no proof of that, nor is a certificate that is not there: a busy host is silent too, and a machine may not have joined yet.
 */
export function hasEnded(spec: ClusterSpec, observed: Observed): boolean {
  return renewingMachines(spec).some((machine) => {
    const certificates = observed.machines[machine.name]?.facts?.certificates;
    if (certificates === undefined) return false;
    return leavesOf(spec, machine).some(({ path }) => {
      const info = readable(certificates[path]);
      return info !== undefined && info.notAfter.getTime() <= observed.takenAtMs;
    });
  });
}

function renewalSteps(spec: ClusterSpec, observed: Observed, choice: RenewalChoice): Step[] {
  const order = [
    ...leaderLast(observed, machinesOf(spec, 'etcd')),
    ...leaderLast(observed, machinesOf(spec, 'control-plane')),
    ...machinesOf(spec, 'worker'),
  ];
  const isLiving = !hasEnded(spec, observed);
  const steps = order.flatMap((machine) => machineSteps(spec, observed, machine, choice, isLiving));
  return steps.length === 0 || isLiving ? steps : [...steps, awaitApi(observed)];
}

function machineSteps(
  spec: ClusterSpec,
  observed: Observed,
  machine: MachineSpec,
  choice: RenewalChoice,
  isLiving: boolean,
): Step[] {
  const facts = observed.machines[machine.name]?.facts;
  if (facts === undefined || (choice.machines && !choice.machines.includes(machine.name))) return [];
  const leaves = chosenLeaves(spec, machine, facts, choice, observed.takenAtMs);
  if (leaves.length === 0) return [];
  const names = leaves.map(({ name }) => name);
  return [
    {
      id: `${machine.name}/renew`,
      lane: SERIAL_LANE,
      machine: machine.name,
      title: `issue ${names.length} ${names.length === 1 ? 'certificate' : 'certificates'} anew (${names.join(', ')})`,
      why: whyOf(facts, leaves, observed.takenAtMs),
      run: async (ctx, tools) => {
        await issueLeaves(ctx, tools, spec, machine, leaves);
        await restartKubelet(ctx, tools, machine, leaves);
        await awaitReloaded(ctx, tools, spec, machine, leaves, isLiving ? 'wait' : 'let be');
        if (isLiving) await awaitWell(ctx, tools, spec, machine);
      },
    },
  ];
}

/** Of a machine that has been installed: a new one is `apply`'s business. */
function chosenLeaves(
  spec: ClusterSpec,
  machine: MachineSpec,
  { certificates, files }: MachineFacts,
  { names, withinDays }: RenewalChoice,
  nowMs: number,
): readonly ExpectedCertificate[] {
  const daysOf = ({ path }: ExpectedCertificate) => {
    const info = readable(certificates[path]);
    return info === undefined ? -1 : daysLeft(info, nowMs);
  };
  return leavesOf(spec, machine).filter((leaf) => {
    if (machine.role === 'worker' && (files[KUBELET_CONF_PATH] === undefined || certificates[leaf.path] === undefined))
      return false;
    if (names !== undefined && !names.includes(leaf.name)) return false;
    // A kubelet renews its own, with a key that never leaves the machine: only when that has failed is one made for it.
    if (leaf.kind === 'kubelet' && names === undefined && daysOf(leaf) >= RENEW_BELOW_DAYS) return false;
    return withinDays === undefined || daysOf(leaf) < withinDays;
  });
}

function whyOf({ certificates }: MachineFacts, leaves: readonly ExpectedCertificate[], nowMs: number): string {
  const infos = leaves.map(({ path }) => readable(certificates[path]));
  const days = infos.map((info) => (info === undefined ? -1 : daysLeft(info, nowMs)));
  const least = Math.min(...days);
  return least < 0 ? 'one of them has ended or cannot be read' : `the first of them ends in ${least} days`;
}

/**
 * A running kubelet keeps the certificate that it has in memory (client-go, util/certificate: Current()); it looks at the file when it
 * starts. Pods go on meanwhile. That also makes it forget how long it meant to wait before it starts a crashed API server again.
 */
async function restartKubelet(
  ctx: Context,
  tools: Toolbox,
  machine: MachineSpec,
  leaves: readonly ExpectedCertificate[],
): Promise<void> {
  if (!leaves.some(({ path }) => path === KUBELET_CLIENT_LINK.path)) return;
  await tools.fleet.machine(machine.name).exec(ctx, ['systemctl', 'restart', 'kubelet.service'], { timeoutMs: 60_000 });
}

/** A few seconds are usual; a component that was ended twice within ten minutes waits up to a minute for its start. */
const WELL_DEADLINE_MS = 180_000;
/** Leases are renewed every 2 s; one that is older than this has no holder any more (leaseDurationSeconds, 15). */
const LEASE_MS = 15_000;

/** Nothing is missing on the machine, and nobody is missing in the cluster, before the next machine is touched. */
async function awaitWell(ctx: Context, tools: Toolbox, spec: ClusterSpec, machine: MachineSpec): Promise<void> {
  const { name, address } = machine;
  const host = tools.fleet.machine(name);
  const begun = Date.now();
  const options = { condition: `${name} is well`, deadlineMs: WELL_DEADLINE_MS, intervalMs: 1_000, successes: 2 };
  await waitFor(ctx, options, async () => {
    if (carriesEtcd(spec, machine)) {
      const { leaderId } = await readMemberStatus(ctx, host);
      if (leaderId === '0') return 'its etcd member knows no leader';
    }
    const probe = machine.role === 'control-plane' ? await tools.probe(ctx, address) : { ready: true };
    if (!probe.ready) return `its API server is not ready: ${probe.detail ?? 'no answer'}`;
    const kube = await tools.kube(ctx);
    if (isNode(machine) && (await readNodeHeartbeat(kube, name)) < begun - LEASE_MS) return 'its kubelet is silent';
    const leases = await readLeases(kube);
    const free = COMPONENT_LEASES.filter((lease) => Date.now() - (leases[lease]?.renewedMs ?? 0) > LEASE_MS);
    return free.length === 0 ? true : `nobody holds ${free.join(' and ')}`;
  });
}

/**
 * A cluster whose certificates had ended comes back by itself once they are new, in minutes: a kubelet that starts without an API waits one
 * before it looks at its pods, starts etcd, and an API server that has lost its member ends and is started again (five minutes measured).
 */
const BACK_DEADLINE_MS = 600_000;

function awaitApi(observed: Observed): Step {
  return {
    id: 'api',
    lane: SERIAL_LANE,
    title: 'wait until the API answers',
    why: observed.kube === undefined ? 'it does not answer now' : 'certificates had ended',
    run: (ctx, tools) =>
      waitFor(ctx, { condition: 'the API answers', deadlineMs: BACK_DEADLINE_MS, intervalMs: 1_000 }, async () => {
        await tools.kube(ctx);
        return true;
      }),
  };
}
