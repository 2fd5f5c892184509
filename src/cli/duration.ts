import { QuorateError } from '../core/errors.ts';

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/** Milliseconds of 500ms, 30s, 10m, 1h or 1h30m. Throws USAGE that names the text. */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const total = parts.reduce(
    (sum, [, number, unit]) => sum + Number(number) * UNIT_MS[unit as keyof typeof UNIT_MS],
    0,
  );
  if (parts.map(([whole]) => whole).join('') !== text || total <= 0) {
    throw new QuorateError('USAGE', `"${text}" is not a duration`, { hint: 'write it as 30s, 10m or 1h30m' });
  }
  return total;
}

/** Days of 30d, or of any duration. Throws USAGE that names the text. */
export function parseDays(text: string): number {
  const [, days] = /^(\d+)d$/.exec(text) ?? [];
  if (days !== undefined) return Number(days);
  try {
    return parseDuration(text) / 86_400_000;
  } catch {
    throw new QuorateError('USAGE', `"${text}" is not a number of days`, { hint: 'write it as 30d' });
  }
}
