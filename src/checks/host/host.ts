// This host as the checks see it: a few ways to look, so that tests can put any host in its place.
import { access, readFile, statfs } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { findProgram } from '../../machines/local/probes.ts';

/** How a command ended, as far as a check needs it. */
export interface Ran {
  /** 127 when there is no such program. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What checks may ask of a host. No way of looking throws, but on Ctrl-C: what cannot be seen is an answer. */
export interface Host {
  readonly isRoot: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A small text file, or undefined where there is none or it cannot be read. */
  read(path: string): Promise<string | undefined>;
  /** Runs argv; never throws but on Ctrl-C. */
  run(ctx: Context, argv: readonly string[], timeoutMs?: number): Promise<Ran>;
  /** Where a program is, searched on the PATH and in the sbin directories; undefined when it is not installed. */
  which(program: string): Promise<string | undefined>;
  /** Whether anybody is at an address: accepts or refuses a TCP connection within a second. */
  answers(ctx: Context, address: string, port: number): Promise<boolean>;
  /** Free bytes of the file system that `path`, or its nearest existing parent, is on. */
  freeBytes(path: string): Promise<number>;
}

/** The host this process runs on. */
export function thisHost(): Host {
  return {
    isRoot: process.getuid?.() === 0,
    env: process.env,
    read: (path) => readFile(path, 'utf8').catch(() => undefined),
    run: runQuietly,
    which: findProgram,
    answers,
    freeBytes: async (path) => {
      const { bavail, bsize } = await statfs(await nearestExisting(path));
      return bavail * bsize;
    },
  };
}

const NOT_FOUND = 127;
const CONNECT_TIMEOUT_MS = 1000;

async function runQuietly(ctx: Context, argv: readonly string[], timeoutMs = 10_000): Promise<Ran> {
  try {
    return await runCommand(ctx, argv, { allowFailure: true, timeoutMs, env: { LC_ALL: 'C' } });
  } catch (error) {
    if (ctx.signal.aborted) throw error;
    return { exitCode: NOT_FOUND, stdout: '', stderr: error instanceof Error ? error.message : String(error) };
  }
}

function answers({ signal }: Context, address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, signal });
    const end = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'ECONNREFUSED'));
  });
}

/** The path itself, or the closest directory above it that exists. */
export async function nearestExisting(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (at === dirname(at)) return at;
    const exists = await access(at).then(
      () => true,
      () => false,
    );
    if (exists) return at;
  }
}
