// A client outside the cluster that asks the endpoint again and again, on a new connection each time.
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ProbeReport {
  readonly requests: number;
  readonly failures: number;
  /** From the last success before a failure to the first of three successes in a row, milliseconds; the longest. */
  readonly longestGapMs: number;
}

const INTERVAL_MS = 100;
const TIMEOUT_MS = 1_000;

/** Starts asking; `stop()` ends it and tells what was seen. Bounded: it ends by itself after ten minutes. */
export function probeEndpoint(url: string): { stop: () => Promise<ProbeReport> } {
  let isRunning = true;
  const seen: { at: number; ok: boolean }[] = [];
  const loop = (async () => {
    const end = Date.now() + 600_000;
    while (isRunning && Date.now() < end) {
      const at = Date.now();
      seen.push({ at, ok: await ask(`${url}/livez`) });
      await sleep(Math.max(0, INTERVAL_MS - (Date.now() - at)));
    }
  })();
  return {
    stop: async () => {
      isRunning = false;
      await loop;
      return report(seen);
    },
  };
}

function ask(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    // The probe measures availability; identity is checked by kubectl in the same scenarios.
    const request = https.get(url, { agent: false, rejectUnauthorized: false, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    const limit = setTimeout(() => request.destroy(new Error('time-out')), TIMEOUT_MS);
    request.on('close', () => clearTimeout(limit));
    request.on('error', () => resolve(false));
  });
}

function report(seen: readonly { at: number; ok: boolean }[]): ProbeReport {
  let longestGapMs = 0;
  let lastGood = seen[0]?.at ?? 0;
  let gapStart: number | undefined;
  for (const [index, { at, ok }] of seen.entries()) {
    if (!ok) {
      gapStart ??= lastGood;
      continue;
    }
    lastGood = at;
    const isSteady = [1, 2].every((step) => seen[index + step]?.ok !== false);
    if (gapStart !== undefined && isSteady) {
      longestGapMs = Math.max(longestGapMs, at - gapStart);
      gapStart = undefined;
    }
  }
  if (gapStart !== undefined) longestGapMs = Math.max(longestGapMs, (seen.at(-1)?.at ?? gapStart) - gapStart);
  return { requests: seen.length, failures: seen.filter(({ ok }) => !ok).length, longestGapMs };
}
