// What differs on a machine that runs, as one change: its parts belong together, because a kubelet of one version with the
// configuration of another is a state that nobody has tested. Pure.
import type { BinaryArtifact } from '../../artifacts/types.ts';
import type { MachineFacts } from '../../machines/facts.ts';
import { LAST_GOOD_MARK } from '../../manifests/paths.ts';
import { type GroupWork, groupWork } from '../files/managed-files.ts';
import {
  backupGroup,
  etcdServiceGroup,
  type GroupInput,
  kubeletGroup,
  operatorGroup,
  runtimeGroup,
  staticPodGroup,
} from '../files/node-groups.ts';
import { missingBinaries } from '../steps/software.ts';

/** Programs of the container runtime: a new one counts once containerd has been restarted. */
const RUNTIME_BINARIES = ['containerd', 'containerd-shim-runc-v2', 'runc'];

/** What differs on one machine, by the group of files and units that it concerns; an absent group is as it should be. */
export interface MachineChange {
  readonly binaries: readonly BinaryArtifact[];
  readonly runtime?: GroupWork;
  readonly etcdService?: GroupWork;
  readonly staticPods?: GroupWork;
  readonly operator?: GroupWork;
  readonly backup?: GroupWork;
  readonly kubelet?: GroupWork;
  /** The title of the only part, when there is one alone. */
  readonly onlyPart?: string;
  /**
   * A run was ended before the machine was seen to be good: its units may still run what was before, and it may have to be put back.
   */
  readonly isResumed: boolean;
  /** For the plan, a line each. */
  readonly details: readonly string[];
}

/** Everything that differs; undefined when nothing does. */
export function machineChange(input: GroupInput): MachineChange | undefined {
  const { spec, machine, facts } = input;
  const work = {
    runtime: groupWork(facts, runtimeGroup(input)),
    etcdService: groupWork(facts, etcdServiceGroup(input)),
    staticPods: groupWork(facts, staticPodGroup(input)),
    operator: groupWork(facts, operatorGroup(input)),
    backup: groupWork(facts, backupGroup(input)),
    kubelet: groupWork(facts, kubeletGroup(input)),
  };
  const binaries = missingBinaries(spec, machine, facts);
  const present = Object.entries(work).filter((entry): entry is [string, GroupWork] => entry[1] !== undefined);
  const isResumed = facts.files[LAST_GOOD_MARK] !== undefined;
  if (binaries.length + present.length === 0) return isResumed ? ONLY_RESUMED : undefined;
  return {
    binaries,
    isResumed,
    ...Object.fromEntries(present),
    ...(binaries.length === 0 && present.length === 1 && present[0] ? { onlyPart: present[0][1].title } : {}),
    details: [...binaryLines(facts, binaries), ...present.map(([, { title, why }]) => `${title}: ${why}`)],
  };
}

/** All is written, and nobody knows whether it works. */
const ONLY_RESUMED: MachineChange = {
  binaries: [],
  isResumed: true,
  onlyPart: 'see that it is good after its last change',
  details: ['a run was ended before that was known'],
};

/** `kubelet v1.36.1 to v1.36.3`: one line for all programs that go from the same version to the same one. */
function binaryLines(facts: MachineFacts, binaries: readonly BinaryArtifact[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { name, installPath, version } of binaries) {
    const step = `${facts.binaries[installPath]?.version ?? 'none'} to ${version}`;
    groups.set(step, [...(groups.get(step) ?? []), name]);
  }
  return [...groups].map(([step, names]) => `install ${names.join(', ')}: ${step}`);
}

/** True when pods should leave the machine meanwhile: their kubelet or their runtime becomes another one. */
export function changesNode({ binaries, runtime, isResumed }: MachineChange): boolean {
  if (isResumed) return true;
  return runtime !== undefined || binaries.some(({ name }) => name === 'kubelet' || RUNTIME_BINARIES.includes(name));
}

/** True when containerd has to be started again. */
export function restartsRuntime({ binaries, runtime, isResumed }: MachineChange): boolean {
  if (isResumed) return true;
  return runtime !== undefined || binaries.some(({ name }) => RUNTIME_BINARIES.includes(name));
}

/** True when the machine's etcd member or its API server stops for a moment, or may have to. */
export function stopsControlPlane({ staticPods, etcdService, binaries, isResumed }: MachineChange): boolean {
  if (isResumed) return true;
  const isEtcd = etcdService !== undefined || binaries.some(({ name }) => name === 'etcd');
  return staticPods !== undefined || isEtcd;
}
