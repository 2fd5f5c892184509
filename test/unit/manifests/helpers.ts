// Facts made by hand, and every file of a machine.
import type { MachineFacts } from '../../../src/machines/facts.ts';
import type { RenderedFile } from '../../../src/manifests/file.ts';
import {
  containerRuntimeFiles,
  kubeletFiles,
  loadBalancerFiles,
  networkFiles,
  operatorConvenienceFiles,
  staticPodFiles,
} from '../../../src/manifests/node-files.ts';
import { type ClusterSpec, isNode, type MachineSpec } from '../../../src/spec/types.ts';

const GIB = 1024 ** 3;

/** A machine on a current host (cgroup v2, every capability) unless told otherwise. */
export function makeFacts(fields: Partial<MachineFacts> = {}): MachineFacts {
  return {
    hostname: 'cp1',
    os: { id: 'debian', versionId: '12', name: 'Debian GNU/Linux 12 (bookworm)' },
    kernel: '6.18.0',
    arch: 'amd64',
    machineId: '0',
    bootId: '0',
    cpus: 4,
    memoryBytes: 7.6 * GIB,
    diskFreeBytes: 50 * GIB,
    cgroup: 'v2',
    hasCapSysResource: true,
    nofileHard: 1_048_576,
    interface: 'eth0',
    addresses: [],
    clockSkewMs: 0,
    swap: false,
    files: {},
    units: {},
    certificates: {},
    authorities: {},
    images: [],
    binaries: {},
    backends: {},
    running: [],
    etcdFlags: {},
    packages: [],
    hasEtcdData: false,
    ...fields,
  };
}

/** The host of MACHINES.md: cgroup v1, no CAP_SYS_RESOURCE, 20 000 open files. */
export const RESTRICTED_HOST: Partial<MachineFacts> = {
  cgroup: 'v1',
  hasCapSysResource: false,
  nofileHard: 20_000,
  interface: 'host0',
  memoryBytes: 24 * GIB,
};

export function everyFile(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): readonly RenderedFile[] {
  const isControlPlane = machine.role === 'control-plane';
  return [
    ...networkFiles(spec, machine),
    ...operatorConvenienceFiles(spec, machine),
    ...(isNode(machine) ? containerRuntimeFiles(spec, facts) : []),
    ...(isControlPlane
      ? staticPodFiles(spec, machine, facts, { etcdToken: 'demo-1', initialClusterState: 'new' })
      : []),
    ...(isNode(machine) ? kubeletFiles(spec, machine, facts) : []),
    ...loadBalancerFiles(spec, machine, facts),
  ];
}

/** Files as one text, for golden files: `=== path mode effect`, what tests it, then the content. */
export function asText(files: readonly RenderedFile[]): string {
  return files
    .map(({ path, mode, content, restarts, reloads, check }) => {
      const effects = [restarts && `restarts ${restarts}`, reloads && `reloads ${reloads}`];
      const effect = [...effects, check && `tested by ${check.join(' ')}`].filter(Boolean).join(' ');
      return `=== ${path} ${mode.toString(8).padStart(4, '0')}${effect ? ` ${effect}` : ''}\n${content}`;
    })
    .join('\n');
}

export function fileOf(files: readonly RenderedFile[], path: string): string {
  const file = files.find((candidate) => candidate.path === path);
  if (!file) throw new Error(`no file ${path} among ${files.map((candidate) => candidate.path).join(', ')}`);
  return String(file.content);
}

export function machineOf(spec: ClusterSpec, name: string): MachineSpec {
  const machine = spec.machines.find((candidate) => candidate.name === name);
  if (!machine) throw new Error(`no machine ${name}`);
  return machine;
}
