// quorate as its user runs it: the command line in a process of its own, watched from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { openFleet } from '../src/actions/cluster.ts';
import type { Context } from '../src/core/context.ts';
import { QuorateError } from '../src/core/errors.ts';
import type { ClusterSpec } from '../src/spec/types.ts';
import { type Finish, watchFinish } from './finish-line.ts';
import { peakMemory } from './memory.ts';

const MEMORY_POLL_MS = 50;

export interface CommandRun {
  /** Until the command had ended. */
  readonly totalMs: number;
  /** Peak resident memory of its process, bytes (VmHWM of proc(5)). */
  readonly peakBytes: number;
}

export interface UpRun extends CommandRun {
  readonly finish: Finish;
}

/** How the command line is called. */
export interface CliSetup {
  /** The program: `./quorate` of the checkout. */
  readonly program: string;
  /** cluster.yaml */
  readonly file: string;
  /** What it prints goes here. */
  readonly log: string;
}

/** `quorate up`, and when the cluster that it builds crosses the finishing line. */
export async function runUp(ctx: Context, cli: CliSetup, spec: ClusterSpec): Promise<UpRun> {
  const start = Date.now();
  const running = runVerb(ctx, cli, 'up');
  const finishing = watchFinish(ctx, openFleet(ctx, spec), start);
  finishing.catch(() => {});
  const run = await running;
  return { ...run, finish: await finishing };
}

/** One verb with `--yes`, to its end. Throws COMMAND_FAILED, ABORTED. */
export async function runVerb(ctx: Context, cli: CliSetup, verb: string): Promise<CommandRun> {
  const start = Date.now();
  const log = openSync(cli.log, 'a', 0o600);
  const child = spawn(cli.program, [verb, '--yes', '--file', cli.file, '--output', 'plain'], {
    stdio: ['ignore', log, log],
  });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const stop = () => child.kill('SIGINT');
  ctx.signal.addEventListener('abort', stop);
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakMemory(child.pid ?? 0));
  }, MEMORY_POLL_MS);
  try {
    const [code] = await ended;
    const totalMs = Date.now() - start;
    if (ctx.signal.aborted) throw new QuorateError('ABORTED', 'stopped on request');
    if (code === 0) return { totalMs, peakBytes };
    throw new QuorateError('COMMAND_FAILED', `quorate ${verb} ended with exit code ${code}; it printed ${cli.log}`);
  } finally {
    clearInterval(timer);
    ctx.signal.removeEventListener('abort', stop);
  }
}
