import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { MachineFacts } from '../machines/facts.ts';
import type { Observed } from '../observe/observed.ts';
import { controlPlaneKubeletConf, issueCertificates } from '../pki/issue.ts';
import { certificatePath, KUBELET_CLIENT_LINK, KUBELET_CONF_PATH, SHARED_PATHS } from '../pki/names.ts';
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
  return [...sharedSteps(machine, facts), ...leafSteps(spec, machine, facts, observed.takenAtMs)];
}

/**
 * Two different authorities cannot both be the cluster's; which one is right is for a person to say. Throws PKI_CONFLICT.
 */
export function refuseConflicts(spec: ClusterSpec, observed: Observed): void {
  for (const name of ['ca', 'etcd/ca', 'front-proxy-ca']) {
    const path = certificatePath(name);
    const holders = controlPlanes(spec).flatMap((machine) => {
      const sha256 = observed.machines[machine.name]?.facts?.files[path]?.sha256;
      return sha256 === undefined ? [] : [{ machine: machine.name, sha256 }];
    });
    if (new Set(holders.map(({ sha256 }) => sha256)).size > 1) {
      const found = holders.map(({ machine, sha256 }) => `${machine} has ${sha256.slice(0, 12)}…`).join(', ');
      throw new QuorateError('PKI_CONFLICT', `${path} is not the same on all control planes: ${found}`);
    }
  }
}

function sharedSteps(machine: MachineSpec, facts: MachineFacts): Step[] {
  const missing = SHARED_PATHS.filter((path) => facts.files[path] === undefined);
  if (missing.length === 0) return [];
  return [
    {
      id: `${machine.name}/authorities`,
      lane: machine.name,
      machine: machine.name,
      title: `write the cluster's authorities and keys (${missing.length} files)`,
      why: 'not there yet',
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
}
