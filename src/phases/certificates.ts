import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { MachineFacts } from '../machines/facts.ts';
import type { Observed } from '../observe/observed.ts';
import { controlPlaneKubeletConf, issueCertificates } from '../pki/issue.ts';
import { KUBELET_CLIENT_LINK, KUBELET_CONF_PATH, SHARED_PATHS } from '../pki/names.ts';
import { certificatesToIssue } from '../pki/problems.ts';
import { sharedFiles } from '../pki/shared.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../spec/types.ts';
import { planningFacts } from './facts.ts';
import type { Step } from './step.ts';
import type { Toolbox } from './toolbox.ts';

/** Gives a control plane the cluster's authorities and certificates of its own. */
export function certificateSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const facts = planningFacts(observed, machine);
  if (machine.role !== 'control-plane' || !facts) return [];
  return [...sharedSteps(spec, observed, machine, facts), ...leafSteps(spec, machine, facts, observed.takenAtMs)];
}

/** True where all that control planes share lies. */
function isComplete(facts: MachineFacts | undefined): facts is MachineFacts {
  return facts !== undefined && SHARED_PATHS.every((path) => facts.files[path] !== undefined);
}

/**
 * Two different sets cannot both be the cluster's; which one is right is for a person to say. Remains of an attempt that was
 * ended are no set. Throws PKI_CONFLICT.
 */
export function refuseConflicts(spec: ClusterSpec, observed: Observed): void {
  const holders = controlPlanes(spec).flatMap(({ name }) => {
    const facts = observed.machines[name]?.facts;
    return isComplete(facts) ? [{ name, facts }] : [];
  });
  for (const path of SHARED_PATHS) {
    if (new Set(holders.map(({ facts }) => facts.files[path]?.sha256)).size < 2) continue;
    const found = holders.map(({ name, facts }) => `${name} has ${facts.files[path]?.sha256.slice(0, 12)}…`).join(', ');
    throw new QuorateError('PKI_CONFLICT', `${path} is not the same on all control planes: ${found}`);
  }
}

/** What a machine lacks of the set that another one holds; everything when there is none yet. */
function sharedSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec, facts: MachineFacts): Step[] {
  const holder = controlPlanes(spec)
    .map(({ name }) => observed.machines[name]?.facts)
    .find(isComplete);
  const missing = SHARED_PATHS.filter(
    (path) => holder === undefined || facts.files[path]?.sha256 !== holder.files[path]?.sha256,
  );
  if (missing.length === 0) return [];
  return [
    {
      id: `${machine.name}/authorities`,
      lane: machine.name,
      machine: machine.name,
      title: `write the cluster's authorities and keys (${missing.length} files)`,
      why: missing.some((path) => facts.files[path] !== undefined)
        ? 'an attempt to write them was ended'
        : 'not there yet',
      run: async (ctx, tools) => {
        const files = sharedFiles(await tools.shared(ctx)).filter(({ path }) => missing.includes(path));
        await tools.fleet.machine(machine.name).writeFiles(ctx, files);
      },
    },
  ];
}

function leafSteps(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts, nowMs: number): Step[] {
  const wanted = certificatesToIssue(spec, machine, facts.certificates, nowMs);
  const lacksConf = facts.files[KUBELET_CONF_PATH] === undefined;
  if (wanted.length === 0 && !lacksConf) return [];
  const reasons = new Set(wanted.flatMap(({ problems }) => problems.map(({ detail }) => detail)));
  return [
    {
      id: `${machine.name}/certificates`,
      lane: machine.name,
      machine: machine.name,
      title: `issue ${wanted.length} certificates (${wanted.map(({ expected }) => expected.name).join(', ')})`,
      why: [...reasons].slice(0, 3).join('; ') || 'kubelet.conf is not there yet',
      run: (ctx, tools) =>
        issueLeaves(
          ctx,
          tools,
          spec,
          machine,
          wanted.map(({ expected }) => expected),
        ),
    },
  ];
}

async function issueLeaves(
  ctx: Context,
  tools: Toolbox,
  spec: ClusterSpec,
  machine: MachineSpec,
  wanted: Parameters<typeof issueCertificates>[2],
): Promise<void> {
  const material = await tools.shared(ctx);
  const files = await issueCertificates(material, spec, wanted, { redactor: ctx.redactor });
  const host = tools.fleet.machine(machine.name);
  await host.writeFiles(ctx, [...files, controlPlaneKubeletConf(material, spec, machine)]);
  if (files.some(({ path }) => path === KUBELET_CLIENT_LINK.target)) {
    // The kubelet itself replaces this link whenever it rotates its certificate.
    await host.exec(ctx, ['ln', '-sfn', KUBELET_CLIENT_LINK.target, KUBELET_CLIENT_LINK.path]);
  }
  for (const [path, program] of Object.entries(READ_ONCE)) {
    if (!files.some((file) => file.path === path)) continue;
    // Exit code 1: it does not run, on a new control plane. The kubelet starts it again; a standby takes over meanwhile.
    await host.exec(ctx, ['pkill', '-TERM', '-f', `^${program} `], { allowFailure: true });
  }
}

/** Programs that read their client certificate at their start only. etcd, API server and kubelet read theirs again. */
const READ_ONCE: Readonly<Record<string, string>> = {
  '/etc/kubernetes/controller-manager.conf': 'kube-controller-manager',
  '/etc/kubernetes/scheduler.conf': 'kube-scheduler',
};
