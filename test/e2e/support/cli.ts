// The product as a user has it: the launcher, its output, its exit code.
import { resolve } from 'node:path';
import { execa } from 'execa';

export const ROOT = resolve(import.meta.dirname, '../../..');
export const LAUNCHER = resolve(ROOT, 'quorate');
/** The cluster that all scenarios share. */
export const CLUSTER_FILE = resolve(import.meta.dirname, '../clusters/main.yaml');
export const CLUSTER = 'e2e';
/** The version that the shared cluster is built at; the first scenario upgrades it to that of its file. */
export const BEFORE_VERSION = 'v1.36.1';
export const VERSION = 'v1.36.3';
export const ENDPOINT = 'https://10.89.0.10:6443';
export const CONTROL_PLANES = ['cp1', 'cp2', 'cp3'] as const;
export const WORKERS = ['w1', 'w2'] as const;
export const ADDRESSES = {
  cp1: '10.89.0.11',
  cp2: '10.89.0.12',
  cp3: '10.89.0.13',
  w1: '10.89.0.21',
  w2: '10.89.0.22',
} as const;

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

export interface CliOptions {
  readonly timeoutMs?: number;
  readonly inputFile?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the launcher: `unshare -n`, `setpriv …`. */
  readonly under?: readonly string[];
}

/** Runs `quorate ARGS`; never throws for an exit code. */
export async function quorate(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const [program = '', ...rest] = [...(options.under ?? []), LAUNCHER, ...args];
  const result = await execa(program, rest, {
    reject: false,
    timeout: options.timeoutMs ?? 240_000,
    cwd: ROOT,
    ...(options.inputFile === undefined ? { stdin: 'ignore' as const } : { inputFile: options.inputFile }),
    env: { NO_COLOR: '1', ...options.env },
  });
  return {
    exitCode: result.exitCode ?? -1,
    stdout: result.stdout,
    stderr: result.stderr,
    durationMs: Math.round(result.durationMs),
  };
}

/** The same; fails with all output unless it ends with 0. */
export async function mustRun(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const result = await quorate(args, options);
  if (result.exitCode === 0) return result;
  throw new Error(`quorate ${args.join(' ')} ended with ${result.exitCode}\n${result.stderr}\n${result.stdout}`);
}

/** A verb on the shared cluster; its standard output. */
export async function onCluster(...args: readonly string[]): Promise<string> {
  return (await mustRun([...args, '-f', CLUSTER_FILE])).stdout;
}

/** `-o json` on the shared cluster, parsed. */
export async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await onCluster(...args, '-o', 'json')) as T;
}

/** A command on a machine, in a login shell, as the texts in the requirements print it. */
export async function onMachine(machine: string, command: string): Promise<CliResult> {
  return quorate(['machine', 'exec', '-f', CLUSTER_FILE, machine, '--', 'bash', '-lc', command]);
}

/** The same; its standard output, or a failure with everything that it said. */
export async function mustOnMachine(machine: string, command: string): Promise<string> {
  return (await mustRun(['machine', 'exec', '-f', CLUSTER_FILE, machine, '--', 'bash', '-lc', command])).stdout;
}

/** A process that the test itself ends. The launcher becomes the node process, so a signal reaches it. */
export function start(args: readonly string[]) {
  return execa(LAUNCHER, args, { reject: false, all: true, cwd: ROOT, stdin: 'ignore', env: { NO_COLOR: '1' } });
}
