import { parseArgs } from 'node:util';
import { QuorateError } from '../src/core/errors.ts';

export interface BenchOptions {
  /** How often kubeadm and quorate are run, in alternation. */
  readonly rounds: number;
  readonly parts: readonly Part[];
  /** false: print the results only. */
  readonly write: boolean;
}

export type Part = 'kubeadm' | 'quorate' | 'whole';
const PARTS: readonly Part[] = ['kubeadm', 'quorate', 'whole'];

export const USAGE = `Usage: make bench [ARGS="options"]

  --rounds N    kubeadm and quorate in turn, N times (default 1)
  --only PARTS  some of kubeadm,quorate,whole; nothing is written then
  --no-write    print the results, leave docs/benchmarks.md alone
`;

/** Throws USAGE. */
export function parseOptions(argv: readonly string[]): BenchOptions {
  let values: { rounds?: string; only?: string; write?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...argv],
      allowNegative: true,
      options: { rounds: { type: 'string' }, only: { type: 'string' }, write: { type: 'boolean' } },
    }));
  } catch (cause) {
    throw new QuorateError('USAGE', (cause as Error).message, { hint: USAGE });
  }
  const rounds = Number(values.rounds ?? 1);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new QuorateError('USAGE', `--rounds ${values.rounds} is not a whole number above zero`, { hint: USAGE });
  }
  const wanted = values.only?.split(',') ?? PARTS;
  const unknown = wanted.find((part) => !PARTS.includes(part as Part));
  if (unknown !== undefined)
    throw new QuorateError('USAGE', `--only ${unknown}: there is no such part`, { hint: USAGE });
  const parts = PARTS.filter((part) => wanted.includes(part));
  return { rounds, parts, write: values.write !== false && parts.length === PARTS.length };
}
