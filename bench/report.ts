// The results as text: the same Markdown on the terminal and in docs/benchmarks.md.
import { CONDITION_TITLES, CONDITIONS, type Finish } from './finish-line.ts';
import type { HostFacts } from './host.ts';
import type { KubeadmRun } from './kubeadm.ts';
import type { CommandRun, UpRun } from './quorate.ts';
import { median, worst } from './statistics.ts';

/** A run, and how many cores were busy with other things when it began. */
export type Measured<T> = T & { readonly busyBefore: number };

/** kubeadm and quorate, one after the other. */
export interface Round {
  readonly kubeadm: Measured<KubeadmRun>;
  readonly quorate: Measured<UpRun>;
}

/** The whole of `up`: from no machines at all, and again with nothing to do. */
export interface WholeUp {
  readonly first: UpRun;
  readonly again: CommandRun;
}

export interface Results {
  readonly takenAt: Date;
  readonly version: string;
  readonly host: HostFacts;
  readonly rounds: readonly Round[];
  readonly wholeUps: readonly WholeUp[];
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** All of it. */
export function renderResults(results: Results): string {
  return [
    `Taken ${results.takenAt.toISOString().slice(0, 16).replace('T', ' ')} UTC with \`make bench\`, Kubernetes ${results.version}.`,
    table(['this host', ''], results.host),
    '**Time to HA**, seconds until the finishing line; both on machines that were booted and held binaries and images:',
    roundsTable(results.rounds),
    'When each condition was first seen, seconds (median of the rounds):',
    conditionsTable(results.rounds),
    "When the operator's commands had ended, kubeadm, seconds (median of the rounds):",
    stepsTable(results.rounds),
    '**All of `quorate up`**, artifacts cached, and the memory of the process:',
    wholeTable(results),
  ].join('\n\n');
}

function roundsTable(rounds: readonly Round[]): string {
  const row = (name: string, kubeadm: number, quorate: number, busy = '') => [
    name,
    seconds(kubeadm),
    seconds(quorate),
    `${(kubeadm / quorate).toFixed(2)}×`,
    busy,
  ];
  const busyOf = (round: Round) => `${round.kubeadm.busyBefore.toFixed(1)} / ${round.quorate.busyBefore.toFixed(1)}`;
  const kubeadm = rounds.map((round) => round.kubeadm.finish.totalMs);
  const quorate = rounds.map((round) => round.quorate.finish.totalMs);
  return table(
    ['', 'kubeadm', 'quorate', 'times faster', 'cores busy otherwise, kubeadm / quorate'],
    [
      ...rounds.map((round, i) => row(`round ${i + 1}`, kubeadm[i] ?? 0, quorate[i] ?? 0, busyOf(round))),
      row('median', median(kubeadm), median(quorate)),
      row('worst', worst(kubeadm), worst(quorate)),
    ],
  );
}

function conditionsTable(rounds: readonly Round[]): string {
  const of = (finishes: readonly Finish[], name: (typeof CONDITIONS)[number]) =>
    seconds(median(finishes.map(({ firstMs }) => firstMs[name])));
  const kubeadm = rounds.map((round) => round.kubeadm.finish);
  const quorate = rounds.map((round) => round.quorate.finish);
  const rows = CONDITIONS.map((name) => [CONDITION_TITLES[name], of(kubeadm, name), of(quorate, name)]);
  return table(['', 'kubeadm', 'quorate'], rows);
}

function stepsTable(rounds: readonly Round[]): string {
  const names = rounds[0]?.kubeadm.steps.map(({ name }) => name) ?? [];
  const rows = names.map((name, i) => [
    name,
    seconds(median(rounds.map(({ kubeadm }) => kubeadm.steps[i]?.atMs ?? Number.NaN))),
  ]);
  return table(['', 'ended at'], rows);
}

function wholeTable({ rounds, wholeUps }: Results): string {
  const row = (name: string, runs: readonly (CommandRun & { readonly finish?: Finish })[]) => {
    const finishes = runs.flatMap(({ finish }) => (finish ? [finish.totalMs] : []));
    const totals = runs.map(({ totalMs }) => totalMs);
    return [
      name,
      finishes.length === 0 ? '' : `${seconds(median(finishes))} (${seconds(worst(finishes))})`,
      `${seconds(median(totals))} (${seconds(worst(totals))})`,
      megabytes(worst(runs.map(({ peakBytes }) => peakBytes))),
    ];
  };
  return table(
    ['median (worst)', 'finishing line, s', 'command ended, s', 'peak RSS, MB'],
    [
      row(
        'on booted machines',
        rounds.map(({ quorate }) => quorate),
      ),
      row(
        'from nothing',
        wholeUps.map(({ first }) => first),
      ),
      row(
        'again, nothing to do',
        wholeUps.map(({ again }) => again),
      ),
    ],
  );
}

/** A Markdown table; all columns but the first one are figures. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = header.map((_, i) => (i === 0 ? '---' : '---:'));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

/** The document with a new generated part, between `<!-- PART:begin -->` and `<!-- PART:end -->`. Throws when it has lost those. */
export function replaceGenerated(document: string, generated: string, part = 'bench'): string {
  const [first, last] = [`<!-- ${part}:begin -->`, `<!-- ${part}:end -->`];
  const begin = document.indexOf(first);
  const end = document.indexOf(last);
  if (begin < 0 || end < begin) throw new RangeError(`docs/benchmarks.md needs the lines ${first} and ${last}`);
  return `${document.slice(0, begin + first.length)}\n\n${generated}\n\n${document.slice(end)}`;
}
