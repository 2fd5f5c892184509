import { setMaxListeners } from 'node:events';
import type { Context } from '../../core/context.ts';
import { abortError, throwIfAborted } from '../../core/wait.ts';

/** A bound on how many run at once; the others wait, first come first served. */
export class Slots {
  #free: number;
  #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Runs `work` once there is a slot. Throws ABORTED while it waits for one. */
  async use<T>(ctx: Pick<Context, 'signal'>, work: () => Promise<T>): Promise<T> {
    throwIfAborted(ctx);
    if (this.#free > 0) this.#free -= 1;
    else await this.#turn(ctx.signal);
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = () => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = () => {
        this.#waiting = this.#waiting.filter((entry) => entry !== admit);
        reject(abortError(signal));
      };
      // One listener for each that waits: not a leak, however many they are.
      setMaxListeners(0, signal);
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(admit);
    });
  }

  #release(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free += 1;
  }
}
