// The product as a user has it: the launcher, its output, its exit code.
import { resolve } from 'node:path';
import { execa } from 'execa';

export const ROOT = resolve(import.meta.dirname, '../../..');
const LAUNCHER = resolve(ROOT, 'quorate');
/** The cluster that all scenarios share. */
export const CLUSTER_FILE = resolve(import.meta.dirname, '../clusters/main.yaml');

export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** Runs `quorate ARGS`; never throws for an exit code. */
export async function quorate(args: readonly string[], options: { timeoutMs?: number; input?: string } = {}): Promise<CliResult> {
  const result = await execa(LAUNCHER, args, {
    reject: false,
    timeout: options.timeoutMs ?? 240_000,
    cwd: ROOT,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    env: { NO_COLOR: '1' },
  });
  return {
    exitCode: result.exitCode ?? -1,
    stdout: result.stdout,
    stderr: result.stderr,
    durationMs: Math.round(result.durationMs),
  };
}

/** The same for the shared cluster; fails with all output unless it ends with 0. */
export async function onCluster(...args: readonly string[]): Promise<string> {
  return must([...args, '-f', CLUSTER_FILE]);
}

/** `-o json`, parsed. */
export async function json<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await must([...args, '-f', CLUSTER_FILE, '-o', 'json'])) as T;
}

/** kubectl through the endpoint, from outside the machines. */
export async function kubectl(...args: readonly string[]): Promise<string> {
  return must(['kubectl', '-f', CLUSTER_FILE, '--', ...args]);
}

/** A command on a machine, in a login shell, as the texts in the requirements print it. */
export async function onMachine(machine: string, command: string): Promise<CliResult> {
  return quorate(['machine', 'exec', '-f', CLUSTER_FILE, machine, '--', 'bash', '-lc', command]);
}

/** A process that the test itself ends. */
export function start(args: readonly string[]) {
  return execa(LAUNCHER, args, { reject: false, all: true, cwd: ROOT, stdin: 'ignore', env: { NO_COLOR: '1' } });
}

async function must(args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await quorate(args);
  if (exitCode !== 0) throw new Error(`quorate ${args.join(' ')} ended with ${exitCode}\n${stderr}\n${stdout}`);
  return stdout;
}

