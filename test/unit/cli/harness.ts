// Drives the whole CLI in this process, with buffers instead of the terminal.
import { Readable } from 'node:stream';
import type { Io } from '../../../src/cli/io.ts';
import { run } from '../../../src/cli/run.ts';

/** What a user would have seen. */
export interface CliResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The terminal that is pretended. */
export interface CliSetup {
  readonly isTTY?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** What is typed. */
  readonly stdin?: string;
}

/** Buffers as the process's edges; `text` reads what has been written. */
export function fakeIo(setup: CliSetup = {}): { io: Io; stdout: () => string; stderr: () => string } {
  const { isTTY = false, env = { LANG: 'C.UTF-8' }, stdin = '' } = setup;
  const [out, err]: [string[], string[]] = [[], []];
  const stream = (buffer: string[]) => ({ write: (text: string) => buffer.push(text), isTTY, columns: 80, rows: 24 });
  const input = Object.assign(Readable.from([stdin]), { isTTY }) as Io['stdin'];
  return {
    io: { stdin: input, stdout: stream(out), stderr: stream(err), env },
    stdout: () => out.join(''),
    stderr: () => err.join(''),
  };
}

/** Runs one command line. */
export async function cli(argv: readonly string[], setup: CliSetup = {}): Promise<CliResult> {
  const { io, stdout, stderr } = fakeIo(setup);
  const exitCode = await run(argv, io);
  return { exitCode, stdout: stdout(), stderr: stderr() };
}
