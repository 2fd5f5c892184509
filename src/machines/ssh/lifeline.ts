// Standard input of a remote command: what the command reads, and then a line that stays open until it ends. When this
// process dies, however that happens, the kernel closes it, and the other end notices (remote-command.ts).
import { randomBytes } from 'node:crypto';
import { constants, createReadStream, openSync, rmSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';

/** What a command may be given to read (core/command.ts). */
export type Input = string | Uint8Array | { readonly file: string };

/** Bytes of an input. Throws what stat(2) says of a file. */
export function inputBytes(input: Input = ''): number {
  if (typeof input === 'string') return Buffer.byteLength(input);
  return input instanceof Uint8Array ? input.length : statSync(input.file).size;
}

/** The line of one command. Whoever opens it has to close it, however the command ends. */
export class Lifeline {
  /** A FIFO to be opened for reading before `feed`. */
  readonly path: string;
  readonly #socket: Socket;
  #failure: unknown;

  private constructor(path: string) {
    this.path = path;
    // Read and write: a FIFO with no reader yet could not be opened for writing alone.
    const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#socket.on('error', (error) => this.#fail(error));
  }

  /** Makes one in `directory`, which has to be this user's alone. */
  static async open(ctx: Context, directory: string): Promise<Lifeline> {
    const path = `${directory}/${randomBytes(6).toString('hex')}.in`;
    await runCommand({ ...ctx, emit: () => {} }, ['mkfifo', '-m', '600', path]);
    return new Lifeline(path);
  }

  /** Writes the first `bytes` of the input, and keeps the line open. The reader has opened it by now: the name can go. */
  feed(input: Input, bytes: number): void {
    rmSync(this.path, { force: true });
    if (bytes === 0) return;
    if (typeof input === 'string' || input instanceof Uint8Array) {
      this.#socket.write(input);
      return;
    }
    const file = createReadStream(input.file, { end: bytes - 1, highWaterMark: 1024 * 1024 });
    file.on('error', (error) => this.#fail(error));
    file.on('end', () => {
      if (file.bytesRead < bytes) this.#fail(new Error(`${input.file} became shorter while it was read`));
    });
    this.#socket.on('close', () => file.destroy());
    file.pipe(this.#socket, { end: false });
  }

  /** Lets go: a command that still runs is ended. Throws what went wrong with the input. */
  close(): void {
    rmSync(this.path, { force: true });
    this.#socket.destroy();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
    this.#socket.destroy();
  }
}
