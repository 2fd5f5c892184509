// The fake driver: whole clusters in memory, for tests. It passes the same contract suite as the real ones.
import { readFile } from 'node:fs/promises';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import type { ClusterSpec, MachineSpec } from '../../spec/types.ts';
import type { Machine, MachineDriver, MachineProvider, PowerState } from '../machine.ts';
import { execFake, failIfOrdered, reach } from './exec.ts';
import { type FakeMachine, type FakeRule, newFakeMachine } from './fake-machine.ts';

/** What a test sets for all machines of a driver. */
export interface FakeOptions {
  /** Answers to commands, on every machine. */
  readonly rules?: readonly FakeRule[];
  /** Delay of every operation, milliseconds; default 0. A machine's own `fake.latencyMs` wins. */
  readonly latencyMs?: number;
  /** State of machines that nobody has made; default `absent`. `running` spares a test the provider's steps. */
  readonly power?: PowerState;
}

/** The driver with a door at the back, through which tests look and meddle. */
export interface FakeDriver extends MachineDriver {
  readonly provider: MachineProvider;
  /** The inside of a machine: its files, the commands it was given, failures to order. */
  inside(spec: ClusterSpec, name: string): FakeMachine;
  /** Names of the clusters whose host side is set up. */
  readonly preparedClusters: ReadonlySet<string>;
}

/** A driver with machines of its own; two drivers share nothing. */
export function createFakeDriver(options: FakeOptions = {}): FakeDriver {
  const rules = options.rules ?? [];
  const machines = new Map<string, FakeMachine>();
  const prepared = new Set<string>();
  const insideOf = (spec: ClusterSpec, machine: MachineSpec): FakeMachine => {
    const key = `${spec.name}/${machine.name}`;
    const found = machines.get(key) ?? newFakeMachine(machine, options.latencyMs ?? 0);
    if (!machines.has(key)) found.power = options.power ?? 'absent';
    machines.set(key, found);
    return found;
  };
  return {
    kind: 'fake',
    machine: (spec, machine) => handle(insideOf(spec, machine), rules),
    provider: createFakeProvider(insideOf, prepared),
    preparedClusters: prepared,
    inside: (spec, name) => {
      const machine = spec.machines.find((candidate) => candidate.name === name);
      if (machine !== undefined) return insideOf(spec, machine);
      throw new QuorateError('MACHINE_NOT_FOUND', `cluster ${spec.name} has no machine "${name}"`);
    },
  };
}

function handle(machine: FakeMachine, rules: readonly FakeRule[]): Machine {
  const { name, address } = machine.spec;
  return {
    name,
    address,
    exec: (ctx, argv, options) => execFake(ctx, machine, rules, argv, options),
    writeFiles: async (ctx, files) => {
      await reach(ctx, machine, 'writeFiles');
      for (const { path, content, mode } of files) machine.files.set(path, { content: Buffer.from(content), mode });
    },
    readFile: async (ctx, path) => {
      await reach(ctx, machine, 'readFile');
      return machine.files.get(path)?.content;
    },
    upload: async (ctx, localPath, remotePath, mode) => {
      await reach(ctx, machine, 'upload');
      machine.files.set(remotePath, { content: await readFile(localPath), mode });
    },
  };
}

function createFakeProvider(
  insideOf: (spec: ClusterSpec, machine: MachineSpec) => FakeMachine,
  prepared: Set<string>,
): MachineProvider {
  const cut = async (ctx: Context, machine: FakeMachine, to: PowerState) => {
    if (machine.power === 'running') machine.powered.abort();
    if (machine.power !== 'absent' || to === 'absent') setPower(ctx, machine, to);
  };
  return {
    prepareHost: async (_ctx, spec) => void prepared.add(spec.name),
    isHostPrepared: async (_ctx, spec) => prepared.has(spec.name),
    create: async (ctx, spec, wanted) => {
      const machine = insideOf(spec, wanted);
      failIfOrdered(machine, 'create');
      if (machine.power === 'absent') setPower(ctx, machine, 'stopped');
    },
    start: async (ctx, spec, wanted) => boot(ctx, insideOf(spec, wanted)),
    stop: async (ctx, spec, wanted) => {
      failIfOrdered(insideOf(spec, wanted), 'stop');
      await cut(ctx, insideOf(spec, wanted), 'stopped');
    },
    kill: async (ctx, spec, wanted) => {
      failIfOrdered(insideOf(spec, wanted), 'kill');
      await cut(ctx, insideOf(spec, wanted), 'stopped');
    },
    destroy: async (ctx, spec, wanted) => {
      const machine = insideOf(spec, wanted);
      failIfOrdered(machine, 'destroy');
      await cut(ctx, machine, 'absent');
      machine.files.clear();
    },
    status: async (_ctx, spec) =>
      spec.machines.map((machine) => ({
        name: machine.name,
        address: machine.address,
        state: insideOf(spec, machine).power,
      })),
    releaseHost: async (_ctx, spec) => {
      if (spec.machines.every((machine) => insideOf(spec, machine).power === 'absent')) prepared.delete(spec.name);
    },
    logs: async (ctx, spec, machine, { lines }) => {
      for (const text of insideOf(spec, machine).console.slice(-lines)) ctx.emit('note', { text });
    },
    shellArgv: async (_ctx, _spec, machine) => ['echo', `a shell on ${machine.name}`],
  };
}

async function boot(ctx: Context, machine: FakeMachine): Promise<void> {
  failIfOrdered(machine, 'start');
  if (machine.power === 'running') return;
  if (machine.power === 'absent')
    throw new QuorateError('MACHINE_FAILED', `machine ${machine.spec.name} has no disk yet`, {
      hint: 'make it with: quorate up',
    });
  machine.powered = new AbortController();
  machine.boots += 1;
  machine.console.push(`boot ${machine.boots}`);
  setPower(ctx, machine, 'running');
}

function setPower(ctx: Context, machine: FakeMachine, power: PowerState): void {
  if (machine.power === power) return;
  machine.power = power;
  ctx.emit('machine.changed', { machine: machine.spec.name, state: power });
}
