import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import type { MachineFacts } from '../../machines/facts.ts';
import type { Observed } from '../../observe/observed.ts';
import { READ_AT_START } from '../../observe/served.ts';
import { controlPlaneKubeletConf, issueCertificates } from '../../pki/issue.ts';
import { certificatePath, KUBELET_CLIENT_LINK, KUBELET_CONF_PATH, SHARED_PATHS } from '../../pki/names.ts';
import { sharedPathsOf, sharingMachines } from '../../pki/placement.ts';
import { certificatesToIssue } from '../../pki/problems.ts';
import { sharedFiles } from '../../pki/shared.ts';
import { trustDigest } from '../../pki/trust.ts';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import { SERIAL_LANE, type Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';
import { awaitReloaded } from './reloaded.ts';
import { isKeptFor, rotationOf, unfinished } from './rotation-state.ts';

/** Gives a machine the authorities that it needs and certificates of its own. */
export function certificateSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const facts = planningFacts(observed, machine);
  if (!facts || sharedPathsOf(spec, machine).length === 0) return [];
  return [
    ...rotationSteps(spec, observed, machine, facts),
    ...sharedSteps(spec, observed, machine, facts),
    ...leafSteps(spec, observed, machine, facts),
  ];
}

/** Machines where all lies that they are to share. */
function holders(spec: ClusterSpec, observed: Observed): { machine: MachineSpec; facts: MachineFacts }[] {
  return sharingMachines(spec).flatMap((machine) => {
    const facts = observed.machines[machine.name]?.facts;
    const isComplete = facts && sharedPathsOf(spec, machine).every((path) => facts.files[path] !== undefined);
    return isComplete ? [{ machine, facts }] : [];
  });
}

/**
 * Two different sets cannot both be the cluster's; which one is right is for a person to say. Remains of an attempt that was
 * ended are no set. Throws PKI_CONFLICT, and ROTATION_UNFINISHED where they differ because a rotation was ended.
 */
export function refuseConflicts(spec: ClusterSpec, observed: Observed): void {
  const rotation = rotationOf(spec, observed);
  for (const path of SHARED_PATHS) {
    const copies = holders(spec, observed).flatMap(({ machine, facts }) => {
      const sha256 = facts.files[path]?.sha256;
      return sha256 === undefined ? [] : [{ name: machine.name, sha256 }];
    });
    if (new Set(copies.map(({ sha256 }) => sha256)).size < 2) continue;
    const found = copies.map(({ name, sha256 }) => `${name} has ${sha256.slice(0, 12)}…`).join(', ');
    if (rotation !== undefined) throw unfinished(rotation.state, `${path} is not the same on all machines: ${found}`);
    throw new QuorateError('PKI_CONFLICT', `${path} is not the same on all machines: ${found}`);
  }
}

/** A machine that joins while a rotation is under way gets what the others keep of it: whoever ends it writes to all. */
function rotationSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec, facts: MachineFacts): Step[] {
  const rotation = rotationOf(spec, observed);
  if (rotation === undefined || rotation.holder === machine.name) return [];
  const held = sharedPathsOf(spec, machine);
  const missing = rotation.paths.filter(
    (path) => facts.files[path]?.sha256 !== rotation.files[path]?.sha256 && isKeptFor(held, path),
  );
  if (missing.length === 0) return [];
  return [
    {
      id: `${machine.name}/rotation-files`,
      lane: machine.name,
      machine: machine.name,
      title: `copy what a rotation under way keeps (${missing.length} ${missing.length === 1 ? 'file' : 'files'})`,
      why: `${rotation.holder} has it`,
      run: async (ctx, { fleet }) => {
        const from = fleet.machine(rotation.holder);
        for (const path of missing) {
          const content = await from.readFile(ctx, path);
          const mode = rotation.files[path]?.mode ?? 0o600;
          if (content !== undefined) await fleet.machine(machine.name).writeFiles(ctx, [{ path, content, mode }]);
        }
      },
    },
  ];
}

/** SHA-256 of every shared file by path, when machines hold all of them between them; undefined while there is no whole set. */
function establishedSet(spec: ClusterSpec, observed: Observed): ReadonlyMap<string, string> | undefined {
  const set = new Map<string, string>();
  for (const { machine, facts } of holders(spec, observed)) {
    for (const path of sharedPathsOf(spec, machine)) set.set(path, facts.files[path]?.sha256 ?? '');
  }
  return SHARED_PATHS.every((path) => set.has(path)) ? set : undefined;
}

/** What a machine lacks of the set that others hold; everything when there is none yet. */
function sharedSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec, facts: MachineFacts): Step[] {
  const set = establishedSet(spec, observed);
  const missing = sharedPathsOf(spec, machine).filter(
    (path) => set === undefined || facts.files[path]?.sha256 !== set.get(path),
  );
  if (missing.length === 0) return [];
  return [
    {
      id: `${machine.name}/authorities`,
      lane: machine.name,
      machine: machine.name,
      title: `write the cluster's authorities and keys (${missing.length} ${missing.length === 1 ? 'file' : 'files'})`,
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

/** On a control plane that serves, one after the other: whatever should be wrong with a certificate meets one machine first. */
function leafSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec, facts: MachineFacts): Step[] {
  const wanted = certificatesToIssue(spec, machine, facts.certificates, observed.takenAtMs, facts.authorities);
  const lacksConf = machine.role === 'control-plane' && lacksKubeletConf(facts);
  if (wanted.length === 0 && !lacksConf) return [];
  const reasons = new Set(wanted.flatMap(({ problems }) => problems.map(({ detail }) => detail)));
  const isServing = facts.units['kubelet.service']?.active || facts.units['etcd.service']?.active;
  const names = wanted.map(({ expected }) => expected.name);
  return [
    {
      id: `${machine.name}/certificates`,
      lane: isServing ? SERIAL_LANE : machine.name,
      machine: machine.name,
      title:
        names.length === 0
          ? `write ${KUBELET_CONF_PATH}`
          : `issue ${names.length} ${names.length === 1 ? 'certificate' : 'certificates'} (${names.join(', ')})`,
      why: [...reasons].slice(0, 3).join('; ') || `${KUBELET_CONF_PATH} is not as it should be`,
      run: async (ctx, tools) => {
        const leaves = wanted.map(({ expected }) => expected);
        await issueLeaves(ctx, tools, spec, machine, leaves);
        if (isServing) await awaitReloaded(ctx, tools, spec, machine, leaves);
      },
    },
  ];
}

/** The kubelet's kubeconfig of a control plane is not there, or trusts others than the cluster's authorities as they are now. */
function lacksKubeletConf({ files, authorities, certificates }: MachineFacts): boolean {
  const [embedded, authority] = [authorities[KUBELET_CONF_PATH], certificates[certificatePath('ca')]];
  if (files[KUBELET_CONF_PATH] === undefined) return true;
  return embedded !== undefined && authority !== undefined && trustDigest(embedded) !== trustDigest(authority);
}

/** Issues certificates, writes them, and ends the programs that would not read them again. The lane is the caller's business. */
export async function issueLeaves(
  ctx: Context,
  tools: Toolbox,
  spec: ClusterSpec,
  machine: MachineSpec,
  wanted: Parameters<typeof issueCertificates>[2],
): Promise<void> {
  const material = await tools.shared(ctx);
  const files = await issueCertificates(material, spec, wanted, { redactor: ctx.redactor });
  const host = tools.fleet.machine(machine.name);
  const conf = machine.role === 'control-plane' ? [controlPlaneKubeletConf(material, spec, machine)] : [];
  await host.writeFiles(ctx, [...files, ...conf]);
  if (files.some(({ path }) => path === KUBELET_CLIENT_LINK.target)) {
    // The kubelet itself replaces this link whenever it rotates its certificate.
    await host.exec(ctx, ['ln', '-sfn', KUBELET_CLIENT_LINK.target, KUBELET_CLIENT_LINK.path]);
  }
  for (const [program, path] of Object.entries(READ_AT_START)) {
    if (!files.some((file) => file.path === path)) continue;
    // Exit code 1: it does not run, on a new control plane. The kubelet starts it again; a standby takes over meanwhile.
    await host.exec(ctx, ['pkill', '-TERM', '-f', `^${program} `], { allowFailure: true });
  }
}
