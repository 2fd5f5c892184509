import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `probe` returns a value other than undefined; fails with the last error or `what`. */
export async function until<T>(what: string, deadlineMs: number, probe: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + deadlineMs;
  let last: unknown = 'nothing seen';
  do {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    await sleep(200);
  } while (Date.now() < end);
  throw new Error(
    `gave up after ${deadlineMs} ms waiting until ${what}: ${last instanceof Error ? last.message : last}`,
  );
}
