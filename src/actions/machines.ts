// Power over the machines of a cluster, one by one: what `quorate machine` does.
import type { ExecResult } from '../core/command.ts';
import { runCommand } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { riskOfStopping } from '../engine/gate.ts';
import { withClusterLock } from '../engine/lock.ts';
import type { Fleet } from '../machines/fleet.ts';
import { type LogOptions, reportJournal } from '../machines/journal.ts';
import type { MachineProvider, PowerState } from '../machines/machine.ts';
import { observe } from '../observe/observe.ts';
import type { ClusterSpec, MachineSpec, Role } from '../spec/types.ts';
import { type DriverOptions, openFleet } from './cluster.ts';

/** A machine and whether it runs. */
export interface MachineRow {
  readonly name: string;
  readonly role: Role;
  readonly zone?: string;
  readonly address: string;
  readonly state: PowerState;
  readonly detail?: string;
}

/** Every machine of the cluster. Machines that others own are asked for a sign of life. */
export async function listMachines(ctx: Context, spec: ClusterSpec): Promise<readonly MachineRow[]> {
  const fleet = openFleet(ctx, spec);
  const states = fleet.provider ? await fleet.provider.status(ctx, spec) : await askEach(ctx, fleet);
  const byName = new Map(states.map((status) => [status.name, status]));
  return spec.machines.map(({ name, role, zone, address }) => {
    const { state = 'absent', detail } = byName.get(name) ?? {};
    return {
      name,
      role,
      ...(zone === undefined ? {} : { zone }),
      address,
      state,
      ...(detail === undefined ? {} : { detail }),
    };
  });
}

async function askEach(ctx: Context, fleet: Fleet): Promise<{ name: string; state: PowerState; detail?: string }[]> {
  return Promise.all(
    fleet.spec.machines.map(async ({ name }) => {
      try {
        await fleet.machine(name).exec(ctx, ['true'], { timeoutMs: 10_000 });
        return { name, state: 'running' as const };
      } catch (error) {
        if (ctx.signal.aborted) throw error;
        return { name, state: 'unreachable' as const, detail: error instanceof Error ? error.message : String(error) };
      }
    }),
  );
}

/** What can be done to a machine's power. */
export type PowerVerb = 'start' | 'stop' | 'kill';

/** How a power verb is carried out. */
export interface PowerOptions {
  /** Asked before etcd would lose its quorum; throws to decline. */
  readonly confirm: (reason: string) => Promise<void>;
}

/** What was done. */
export interface PowerReport {
  readonly verb: PowerVerb;
  readonly machines: readonly string[];
}

const AFTERWARDS: Record<PowerVerb, string> = { start: 'running', stop: 'stopped', kill: 'killed' };

/**
 * Starts, stops or kills machines that quorate made; without names all of them. Stopping asks the quorum gate first. Throws
 * MACHINE_NOT_FOUND, SPEC_UNSUPPORTED for machines of others, MACHINE_FAILED.
 */
export async function powerMachines(
  ctx: Context,
  spec: ClusterSpec,
  verb: PowerVerb,
  names: readonly string[],
  options: PowerOptions,
): Promise<PowerReport> {
  const fleet = openFleet(ctx, spec);
  const provider = providerOf(fleet);
  const machines = names.length === 0 ? spec.machines : names.map((name) => machineSpec(fleet, name));
  const carryOut = async () => {
    const taken = machines.map(({ name }) => name);
    const isHarmless = verb === 'start' || machines.every(({ role }) => role === 'worker');
    const risk = isHarmless ? undefined : riskOfStopping(spec, await observe(ctx, fleet), taken);
    if (risk !== undefined) await options.confirm(risk);
    if (verb === 'start') await provider.prepareHost(ctx, spec);
    await Promise.all(
      machines.map(async (machine) => {
        await provider[verb](ctx, spec, machine);
        ctx.emit('machine.changed', { machine: machine.name, state: AFTERWARDS[verb] });
      }),
    );
  };
  // A plug can be pulled at any time, also in the middle of an `up`; that is what it is for.
  await (verb === 'kill' ? carryOut() : withClusterLock(ctx, spec.name, carryOut));
  return { verb, machines: machines.map(({ name }) => name) };
}

/**
 * Reports what a machine's console and journal said last, one `note` event a line. A machine that quorate made need not run; of one of
 * others it is the journal, while it answers. With `follow` it goes on until the context is aborted (then throws ABORTED).
 */
export async function machineLogs(
  ctx: Context,
  spec: ClusterSpec,
  name: string,
  options: LogOptions & DriverOptions,
): Promise<void> {
  const fleet = openFleet(ctx, spec, options);
  if (fleet.provider) return fleet.provider.logs(ctx, spec, machineSpec(fleet, name), options);
  const machine = fleet.machine(name);
  await reportJournal(ctx, options, (argv, exec) => machine.exec(ctx, argv, exec));
}

/** A root shell in a machine, with the terminal connected. Returns its exit code. */
export async function machineShell(ctx: Context, spec: ClusterSpec, name: string): Promise<number> {
  const fleet = openFleet(ctx, spec);
  const machine = machineSpec(fleet, name);
  if (!fleet.provider) {
    const result = await fleet.machine(name).exec(ctx, ['bash', '-l'], { stdio: 'inherit', allowFailure: true });
    return result.exitCode;
  }
  const argv = await fleet.provider.shellArgv(ctx, spec, machine);
  return (await runCommand(ctx, argv, { stdio: 'inherit', allowFailure: true })).exitCode;
}

/** Runs a command on a machine. `capture` false connects the terminal. A non-zero exit code is a result. */
export async function machineExec(
  ctx: Context,
  spec: ClusterSpec,
  name: string,
  argv: readonly string[],
  options: { readonly capture: boolean },
): Promise<ExecResult> {
  const stdio = options.capture ? 'capture' : 'inherit';
  return openFleet(ctx, spec).machine(name).exec(ctx, argv, { stdio, allowFailure: true, timeoutMs: 0 });
}

function machineSpec(fleet: Fleet, name: string): MachineSpec {
  fleet.machine(name);
  const found = fleet.spec.machines.find((machine) => machine.name === name);
  if (found) return found;
  throw new QuorateError('MACHINE_NOT_FOUND', `cluster ${fleet.spec.name} has no machine "${name}"`);
}

function providerOf({ provider, spec }: Fleet): MachineProvider {
  if (provider) return provider;
  throw new QuorateError('SPEC_UNSUPPORTED', `cluster ${spec.name} runs on machines that quorate did not make`, {
    hint: 'switch their power where they are managed',
  });
}
