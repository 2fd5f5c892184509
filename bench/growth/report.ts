// The curve as text: the same Markdown on the terminal and in docs/benchmarks.md.
import { table } from '../report.ts';
import { median, worst } from '../statistics.ts';
import type { Act, Sized } from './run.ts';

/** 500 machines, seconds: the project's own goal. */
const LIMIT_S = 30;
const LIMIT_MACHINES = 500;
/** How much more a machine may cost in the largest cluster than in the smallest one. */
const LIMIT_FACTOR = 1.5;
/** Peak resident memory, MB: the project's own goal. */
const LIMIT_MB = 200;

const VERB_NAMES = { read: 'read cluster.yaml', plan: 'plan', up: 'up, nothing to do', status: 'status' } as const;
type Measure = keyof typeof VERB_NAMES;
const MEASURES = Object.keys(VERB_NAMES) as Measure[];

const timesOf = (acts: readonly Act[]) => acts.map(({ ms }) => ms);
const peakOf = (acts: readonly Act[]) => worst(acts.map(({ peakBytes }) => peakBytes)) / 1e6;
const seconds = (ms: number) => (ms / 1000).toFixed(2);

/** Both tables and how they grow. */
export function renderGrowth(sizes: readonly Sized[]): string {
  const cell = (acts: readonly Act[]) => `${seconds(median(timesOf(acts)))} (${seconds(worst(timesOf(acts)))})`;
  const header = ['machines', ...MEASURES.map((name) => `${VERB_NAMES[name]}, s`), 'peak RSS, MB'];
  const rows = sizes.map(({ machines, acts }) => [
    String(machines),
    ...MEASURES.map((name) => cell(acts[name])),
    worst(MEASURES.map((name) => peakOf(acts[name]))).toFixed(0),
  ]);
  return `${table(header, rows)}\n\n${factorTable(sizes)}`;
}

function factorTable(sizes: readonly Sized[]): string {
  const [first, last] = [sizes[0], sizes.at(-1)];
  if (first === undefined || last === undefined || first === last) return '';
  const span = `from ${first.machines} to ${last.machines}`;
  const rows = MEASURES.map((name) => [
    VERB_NAMES[name],
    factorOf(first, last, name).toFixed(2),
    ...sizes.slice(1).map((size, i) => marginalMs(sizes[i] ?? first, size, name).toFixed(1)),
  ]);
  const steps = sizes.slice(1).map((size, i) => `one more machine, ${sizes[i]?.machines} to ${size.machines}, ms`);
  return table(['', `time per machine, ${span}, times`, ...steps], rows);
}

/** Time per machine in the larger cluster, by that in the smaller one. Medians. */
function factorOf(small: Sized, large: Sized, name: Measure): number {
  const perMachine = ({ machines, acts }: Sized) => median(timesOf(acts[name])) / machines;
  return perMachine(large) / perMachine(small);
}

/** What each further machine costs between two sizes, milliseconds: without the fixed costs, which hide a curve. */
function marginalMs(small: Sized, large: Sized, name: Measure): number {
  const time = ({ acts }: Sized) => median(timesOf(acts[name]));
  return (time(large) - time(small)) / (large.machines - small.machines);
}

/** What is worse than it may be. */
export function violations(sizes: readonly Sized[]): string[] {
  const [first, last] = [sizes[0], sizes.at(-1)];
  if (first === undefined || last === undefined) return ['nothing was measured'];
  const slow = sizes.flatMap(({ machines, acts }) =>
    MEASURES.filter((name) => machines <= LIMIT_MACHINES && worst(timesOf(acts[name])) > LIMIT_S * 1000).map(
      (name) => `${VERB_NAMES[name]} takes over ${LIMIT_S} s with ${machines} machines`,
    ),
  );
  const steep = MEASURES.filter((name) => factorOf(first, last, name) > LIMIT_FACTOR).map(
    (name) => `${VERB_NAMES[name]}: time per machine grows by ${factorOf(first, last, name).toFixed(2)}`,
  );
  const large = sizes.flatMap(({ machines, acts }) =>
    MEASURES.filter((name) => machines <= LIMIT_MACHINES && peakOf(acts[name]) > LIMIT_MB).map(
      (name) => `${VERB_NAMES[name]} takes over ${LIMIT_MB} MB with ${machines} machines`,
    ),
  );
  return [...slow, ...steep, ...large];
}

/** The line of a cluster that runs. */
export function renderReal(machines: number, acts: Readonly<Record<'plan' | 'status', readonly Act[]>>): string {
  const cell = (list: readonly Act[]) => `${seconds(median(timesOf(list)))} (${seconds(worst(timesOf(list)))})`;
  const peak = worst([peakOf(acts.plan), peakOf(acts.status)]).toFixed(0);
  return table(
    ['machines', 'quorate plan, s', 'quorate status, s', 'peak RSS, MB'],
    [[`${machines} (real)`, cell(acts.plan), cell(acts.status), peak]],
  );
}
