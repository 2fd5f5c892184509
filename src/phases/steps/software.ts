import { requiredArtifacts } from '../../artifacts/catalog.ts';
import type { Artifact, BinaryArtifact, ImageArtifact } from '../../artifacts/types.ts';
import type { Context } from '../../core/context.ts';
import { BINARIES_STAMP, type MachineFacts } from '../../machines/facts.ts';
import type { Observed } from '../../observe/observed.ts';
import { type ClusterSpec, isNode, type MachineSpec } from '../../spec/types.ts';
import { planningFacts } from '../facts.ts';
import { managedFilesStep } from '../files/managed-files.ts';
import { networkGroup, runtimeGroup } from '../files/node-groups.ts';
import { SERIAL_LANE, type Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';

/**
 * Brings binaries, images, the container runtime and the node's network rules to a machine. What a machine that runs has in another
 * version is left to the phases that roll changes out; new images can lie there beforehand.
 */
export function softwareSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const facts = planningFacts(observed, machine);
  if (!facts) return [];
  const input = { spec, observed, machine, facts };
  // A new local machine is made from an image that holds binaries and images already.
  const isNew = observed.machines[machine.name]?.state === 'absent';
  const isRunning = runsAlready(facts);
  return [
    ...(isNew || isRunning ? [] : binarySteps(spec, machine, facts)),
    ...managedFilesStep(machine, facts, networkGroup(input)),
    ...(isRunning ? [] : managedFilesStep(machine, facts, runtimeGroup(input))),
    ...(isNew ? [] : imageSteps(spec, machine, facts, isRunning ? SERIAL_LANE : machine.name)),
  ];
}

/** True when the machine carries a node or a member that is up: changing its programs takes something away. */
export function runsAlready(facts: MachineFacts): boolean {
  // One that crashes is `activating` between two starts: systemd will start whatever lies there by then.
  const states = ['kubelet.service', 'etcd.service'].map((unit) => facts.units[unit]?.state ?? '');
  return states.some((state) => ['active', 'reloading', 'activating'].includes(state));
}

/** True when a machine that answers has not every binary and image of the specification. */
export function lacksSoftware(spec: ClusterSpec, observed: Observed, machine: MachineSpec): boolean {
  const facts = observed.machines[machine.name]?.facts;
  if (!facts) return false;
  return missingBinaries(spec, machine, facts).length + missingImages(spec, machine, facts).length > 0;
}

/** Programs that the machine lacks or has in another version. */
export function missingBinaries(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): BinaryArtifact[] {
  return requiredArtifacts(spec.kubernetesVersion)
    .filter(isBinary)
    .filter(({ name }) => needsBinary(machine, name))
    .filter(({ installPath, version }) => facts.binaries[installPath]?.version !== version);
}

/** kubeadm renews the certificates of a member, on its own machine too. */
const ETCD_BINARIES = ['etcd', 'etcdctl', 'etcdutl', 'kubeadm'];

/** etcd itself runs from an image on control planes, and as a program on machines of its own. */
function needsBinary({ role }: MachineSpec, name: string): boolean {
  if (role === 'etcd') return ETCD_BINARIES.includes(name);
  return role !== 'loadbalancer' && name !== 'etcd';
}

/** Images that containerd does not list; all of them while it is down and lists none. */
function missingImages(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): ImageArtifact[] {
  if (!isNode(machine)) return [];
  return requiredArtifacts(spec.kubernetesVersion)
    .filter(isImage)
    .filter(({ reference }) => !facts.images.includes(reference));
}

/** Installs what the machine lacks. At most one step. */
export function binarySteps(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): Step[] {
  const missing = missingBinaries(spec, machine, facts);
  if (missing.length === 0) return [];
  return [
    {
      id: `${machine.name}/binaries`,
      lane: machine.name,
      machine: machine.name,
      title: `install ${missing.length} ${missing.length === 1 ? 'binary' : 'binaries'} (${missing.map(({ name }) => name).join(', ')})`,
      why: 'missing or of another version',
      run: (ctx, tools) => installBinaries(ctx, tools, machine.name, facts, missing),
    },
  ];
}

/** Installs programs, each atomically, and records them. What runs goes on with the old ones until it is restarted. */
export async function installBinaries(
  ctx: Context,
  tools: Toolbox,
  name: string,
  facts: MachineFacts,
  missing: readonly BinaryArtifact[],
): Promise<void> {
  const machine = tools.fleet.machine(name);
  if (missing.length === 0) return;
  const stamp = { ...facts.binaries };
  for (const { artifact, path, sha256 } of await tools.artifacts(ctx, missing)) {
    if (!isBinary(artifact)) continue;
    await machine.upload(ctx, path, artifact.installPath, 0o755);
    stamp[artifact.installPath] = { version: artifact.version, sha256 };
  }
  await machine.writeFiles(ctx, [{ path: BINARIES_STAMP, content: `${JSON.stringify(stamp)}\n`, mode: 0o644 }]);
}

function imageSteps(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts, lane: string): Step[] {
  const missing = missingImages(spec, machine, facts);
  if (missing.length === 0) return [];
  const isKnown = facts.units['containerd.service']?.active === true;
  const count = `${missing.length} ${missing.length === 1 ? 'image' : 'images'}`;
  return [
    {
      id: `${machine.name}/images`,
      lane,
      machine: machine.name,
      title: isKnown ? `load ${count} (${missing.map(({ name }) => name).join(', ')})` : 'load images',
      why: isKnown ? 'not in its image store' : 'those that its image store lacks, once containerd runs',
      run: (ctx, tools) => loadImages(ctx, tools, machine.name, missing),
    },
  ];
}

/** Loads image archives into a machine's containerd, except those that it has by now. */
async function loadImages(
  ctx: Context,
  tools: Pick<Toolbox, 'artifacts' | 'fleet'>,
  name: string,
  images: readonly ImageArtifact[],
): Promise<void> {
  const machine = tools.fleet.machine(name);
  const { stdout } = await machine.exec(ctx, ['ctr', '-n', 'k8s.io', 'images', 'ls', '-q']);
  const present = stdout.split('\n');
  const missing = images.filter(({ reference }) => !present.includes(reference));
  if (missing.length === 0) return;
  for (const { path } of await tools.artifacts(ctx, missing)) {
    // The archive arrives on standard input, so that it needs no room on the machine's disk.
    await machine.exec(ctx, ['ctr', '-n', 'k8s.io', 'images', 'import', '--local', '-'], {
      stdin: { file: path },
      timeoutMs: 300_000,
    });
  }
}

function isBinary(artifact: Artifact): artifact is BinaryArtifact {
  return artifact.kind === 'binary';
}

function isImage(artifact: Artifact): artifact is ImageArtifact {
  return artifact.kind === 'image';
}
