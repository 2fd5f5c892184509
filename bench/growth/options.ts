import { parseArgs } from 'node:util';

/** The verbs that are measured. */
export const VERBS = ['plan', 'up', 'status'] as const;
export type Verb = (typeof VERBS)[number];

/** What the bench is asked to do. */
export interface GrowthOptions {
  /** Numbers of machines, ascending. */
  readonly sizes: readonly number[];
  readonly runs: number;
  /** The results go into docs/benchmarks.md too. */
  readonly write: boolean;
  /** cluster.yaml of a cluster that runs: it is measured instead of fakes. */
  readonly real?: string;
  /** A directory for CPU profiles of every process. */
  readonly profile?: string;
}

export const USAGE =
  'usage: bench-growth [--sizes 10,100,500] [--runs 3] [--no-write] [--profile DIRECTORY]\n       bench-growth --real CLUSTER.YAML [--runs 3] [--no-write]';

/** Reads the command line. Throws RangeError or TypeError for what cannot be meant. */
export function parseOptions(args: readonly string[]): GrowthOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      sizes: { type: 'string', default: '10,100,500' },
      runs: { type: 'string', default: '3' },
      'no-write': { type: 'boolean', default: false },
      real: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const numbers = [values.runs, ...values.sizes.split(',')].map(Number);
  const [runs = 0, ...sizes] = numbers;
  if (numbers.some((n) => !Number.isInteger(n) || n < 1) || Math.min(...sizes) < 4) {
    throw new RangeError(`--runs and --sizes are whole numbers, sizes of 4 or more\n${USAGE}`);
  }
  const { real, profile } = values;
  return {
    sizes: sizes.sort((a, b) => a - b),
    runs,
    write: !values['no-write'],
    ...(real === undefined ? {} : { real }),
    ...(profile === undefined ? {} : { profile }),
  };
}

/** What a process of the bench does for it: `read` parses cluster.yaml, the others are verbs. */
export function performanceOf(args: readonly string[]): { verb: Verb | 'read'; directory: string } | undefined {
  const [flag, word, directory] = args;
  if (flag !== '--perform' || directory === undefined) return undefined;
  const verb = ['read' as const, ...VERBS].find((known) => known === word);
  return verb === undefined ? undefined : { verb, directory };
}
