// A machine that exists in memory: files, power, scripted answers to commands. For tests of everything above machines/.
import type { ErrorCode } from '../../core/error-codes.ts';
import type { MachineSpec } from '../../spec/types.ts';
import type { PowerState } from '../machine.ts';

/** A file on a fake machine. */
export interface FakeFile {
  readonly content: Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** A command that a fake machine was given, in the order of `FakeMachine.commands`. */
export interface FakeCommand {
  readonly argv: readonly string[];
  readonly stdin: Uint8Array;
  readonly env: Readonly<Record<string, string>>;
}

/** What a fake command says and how it ends. */
export interface FakeAnswer {
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string;
  /** Default 0. */
  readonly exitCode?: number;
  /** How long it runs, milliseconds, on top of the machine's latency. Default 0. */
  readonly runMs?: number;
}

/** One line of the table of scripted answers. The first rule whose `when` fits answers. */
export interface FakeRule {
  /** The argv's first words (`['systemctl', 'restart']`), or a question about the whole command. */
  readonly when: readonly string[] | ((command: FakeCommand, machine: FakeMachine) => boolean);
  readonly answer: FakeAnswer | ((command: FakeCommand, machine: FakeMachine) => FakeAnswer | Promise<FakeAnswer>);
}

/** An operation that can be made to fail. */
export type FakeOperation =
  | 'exec'
  | 'writeFiles'
  | 'readFile'
  | 'upload'
  | 'create'
  | 'start'
  | 'stop'
  | 'kill'
  | 'destroy';

/** A failure that a test orders: the operation throws `code` instead of doing anything. */
export interface FakeFailure {
  readonly operation: FakeOperation;
  readonly code: ErrorCode;
  readonly message?: string;
  /** How many times it fails; default 1. Infinity: until it is taken away. */
  readonly times?: number;
}

/** The inside of one fake machine. Tests read and change every field. */
export interface FakeMachine {
  readonly spec: MachineSpec;
  power: PowerState;
  /** Delay of every operation, milliseconds. */
  latencyMs: number;
  readonly files: Map<string, FakeFile>;
  readonly commands: FakeCommand[];
  /** Answers of this machine only; they come before those of the driver. */
  readonly rules: FakeRule[];
  /** Failures to come, in order. */
  readonly failures: FakeFailure[];
  /** How often it was started. */
  boots: number;
  /** Aborts when the machine loses its power: running commands end with MACHINE_UNREACHABLE. */
  powered: AbortController;
  /** What it said last, for `logs`. */
  readonly console: string[];
}

/** A machine that was never made. */
export function newFakeMachine(spec: MachineSpec, latencyMs: number): FakeMachine {
  return {
    spec,
    power: 'absent',
    latencyMs: spec.fake?.latencyMs ?? latencyMs,
    files: new Map(),
    commands: [],
    rules: [],
    failures: [],
    boots: 0,
    powered: new AbortController(),
    console: [],
  };
}

/** Takes the next failure of an operation off the list; undefined when it should succeed. */
export function takeFailure(machine: FakeMachine, operation: FakeOperation): FakeFailure | undefined {
  const index = machine.failures.findIndex((failure) => failure.operation === operation);
  const failure = machine.failures[index];
  if (failure === undefined) return undefined;
  const times = (failure.times ?? 1) - 1;
  if (times > 0) machine.failures[index] = { ...failure, times };
  else machine.failures.splice(index, 1);
  return failure;
}

/** Text of a file on a fake machine, for assertions. */
export function fakeText(machine: FakeMachine, path: string): string | undefined {
  const file = machine.files.get(path);
  return file === undefined ? undefined : Buffer.from(file.content).toString('utf8');
}
