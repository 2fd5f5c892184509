// The process's edges, as a value: tests drive the whole CLI with their own.

/** Where text goes: a terminal, a pipe or a test's buffer. */
export interface OutStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What a command reads from and writes to: the process's own streams, or a test's. */
export interface Io {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  /** The result, and nothing else. */
  readonly stdout: OutStream;
  /** Progress, questions, and errors for people. */
  readonly stderr: OutStream;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The real ones. A reader that went away (`quorate status | head -1`) ends quorate quietly instead of with a stack. */
export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(stream === process.stdout ? 0 : process.exitCode);
      throw error;
    });
  }
  return { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env };
}
