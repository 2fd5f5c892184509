// MachineProvider (machine.ts) for systemd-nspawn machines on this host.
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import type { MachineProvider, MachineStatus } from '../machine.ts';
import { allGroups, pidsBelow } from './cgroups.ts';
import { makeDisk, removeTree } from './disk.ts';
import { enterArgv } from './enter.ts';
import { isHostSetUp, requireFitHost, setUpHost, tearDownHost } from './host.ts';
import { readHostFacts } from './host-facts.ts';
import { machineLayout } from './layout.ts';
import { leaderOf } from './local-machine.ts';
import { reportLogs } from './logs.ts';
import { isNetworkReady } from './network.ts';
import type { NodeImage } from './node-image.ts';
import { bootMachine, pullPlug, shutDown } from './power.ts';
import {
  type LocalClusterRecord,
  listMachineDirs,
  type MachineRecord,
  readClusterRecord,
  readMachineRecord,
  readTextOrUndefined,
} from './records.ts';
import { ensureBaseImage } from './rootfs.ts';
import { liveSupervisor } from './supervisor.ts';

const STOP_DEADLINE_MS = 30_000;

/** What the local driver needs from above: it knows nothing of artifacts and versions. */
export interface LocalOptions {
  /** Gives the node image for new machines; asked once. Absent: new machines are bare, the operating system only. */
  readonly nodeImage?: () => Promise<NodeImage>;
}

/** Makes, starts and destroys machines of this host. A host that has lost its settings (a reboot) is mended on the way. */
export function createProvider(options: LocalOptions): MachineProvider {
  const nodeImage = once(options.nodeImage ?? (async () => undefined));
  const hosts = new Map<string, Promise<LocalClusterRecord>>();
  /** Machines that start together set the host up together, once. */
  const readyHost = (ctx: Context, spec: ClusterSpec): Promise<LocalClusterRecord> => {
    const running = hosts.get(spec.name) ?? mendHost(ctx, spec).finally(() => hosts.delete(spec.name));
    hosts.set(spec.name, running);
    return running;
  };
  return {
    prepareHost: async (ctx, spec) => {
      await requireFitHost();
      await setUpHost(ctx, spec);
      await ensureBaseImage(ctx);
      if (await needsImage(spec)) await nodeImage();
    },
    isHostPrepared: isHostSetUp,
    create: async (ctx, spec, machine) => {
      if ((await readMachineRecord(spec.name, machine.name)) !== undefined) return;
      await requireFitHost();
      const [rootfs, image] = [await ensureBaseImage(ctx), await nodeImage()];
      await pullPlug(ctx, spec.name, machine.name);
      await makeDisk(ctx, spec.name, machine.name, rootfs, image);
      ctx.emit('machine.changed', { machine: machine.name, state: 'made' });
    },
    start: async (ctx, spec, machine) => {
      await requireFitHost();
      const record = await requireRecord(spec, machine);
      const { bridge } = await readyHost(ctx, spec);
      await bootMachine(ctx, spec, machine, record, bridge);
    },
    stop: (ctx, spec, machine, timeoutMs = STOP_DEADLINE_MS) => shutDown(ctx, spec.name, machine.name, timeoutMs),
    kill: (ctx, spec, machine) => pullPlug(ctx, spec.name, machine.name),
    destroy: async (ctx, spec, machine) => {
      await pullPlug(ctx, spec.name, machine.name);
      await removeTree(ctx, machineLayout(spec.name, machine.name).dir);
    },
    status: (_ctx, spec) => Promise.all(localOf(spec).map((machine) => statusOf(spec.name, machine))),
    releaseHost: async (ctx, spec) => {
      // Machines that the file no longer names are the cluster's all the same.
      const named = new Set(spec.machines.map(({ name }) => name));
      const strays = (await listMachineDirs(spec.name)).filter((name) => !named.has(name));
      for (const name of strays) {
        await pullPlug(ctx, spec.name, name);
        await removeTree(ctx, machineLayout(spec.name, name).dir);
      }
      await tearDownHost(ctx, spec.name);
    },
    logs: (ctx, spec, machine, logOptions) => reportLogs(ctx, spec.name, machine.name, logOptions),
    shellArgv: async (_ctx, spec, machine) =>
      enterArgv(await leaderOf(spec.name, machine.name), ['/bin/bash', '--login'], {
        cwd: '/root',
        terminal: process.env.TERM ?? 'dumb',
      }),
  };
}

const localOf = (spec: ClusterSpec) => spec.machines.filter(({ driver }) => driver === 'local');

/** A host that has been rebooted has neither bridge nor rules; a running one is left alone. */
async function mendHost(ctx: Context, spec: ClusterSpec): Promise<LocalClusterRecord> {
  const record = await readClusterRecord(spec.name);
  if (record !== undefined && (await isNetworkReady(ctx, spec, record.bridge))) return record;
  return setUpHost(ctx, spec);
}

async function needsImage(spec: ClusterSpec): Promise<boolean> {
  const records = await Promise.all(localOf(spec).map(({ name }) => readMachineRecord(spec.name, name)));
  return records.includes(undefined);
}

async function requireRecord(spec: ClusterSpec, machine: MachineSpec): Promise<MachineRecord> {
  const record = await readMachineRecord(spec.name, machine.name);
  if (record !== undefined) return record;
  throw new QuorateError('MACHINE_FAILED', `machine ${machine.name} has no disk yet`, {
    hint: 'make it with: quorate up',
  });
}

async function statusOf(cluster: string, machine: MachineSpec): Promise<MachineStatus> {
  const { name, address } = machine;
  const layout = machineLayout(cluster, name);
  const supervisor = await liveSupervisor(layout.supervisor);
  if (supervisor !== undefined) return { name, address, state: 'running', pid: supervisor.pid };
  const record = await readMachineRecord(cluster, name);
  if (record === undefined) return { name, address, state: 'absent' };
  const detail = await orphans(cluster, name, layout.supervisor);
  return { name, address, state: 'stopped', ...(detail === undefined ? {} : { detail }) };
}

/** Somebody killed systemd-nspawn alone: its machine runs on, out of reach, until it is started or killed. */
async function orphans(cluster: string, machine: string, supervisorFile: string): Promise<string | undefined> {
  if ((await readTextOrUndefined(supervisorFile)) === undefined) return undefined;
  const groups = allGroups(await readHostFacts(), cluster, machine);
  const pids = new Set((await Promise.all(groups.map(pidsBelow))).flat());
  return pids.size === 0 ? undefined : `${pids.size} processes of it have lost their supervisor; start or kill it`;
}

/** Remembers a success; a failure is tried again. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work().catch((error) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}
