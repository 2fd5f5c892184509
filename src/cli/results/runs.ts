import { formatDuration } from '../../core/wait.ts';
import { age, clock } from '../../report/format.ts';
import type { RunOutcome, RunPhase, RunReport, RunStep, RunSummary } from '../../report/run.ts';
import { renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** Runs as a table. `nowMs`: milliseconds since the Unix epoch. */
export function renderRuns(runs: readonly RunSummary[], theme: Theme, nowMs = Date.now()): string {
  if (runs.length === 0) return 'no runs are recorded';
  return renderTable<RunSummary>(
    [
      { header: 'RUN', value: ({ id }) => id },
      { header: 'VERB', value: ({ verb }) => verb },
      { header: 'CLUSTER', value: ({ cluster }) => cluster },
      { header: 'WHEN', value: ({ startedMs }) => `${age(nowMs - startedMs)} ago` },
      { header: 'TOOK', value: ({ durationMs }) => formatDuration(durationMs), align: 'right' },
      { header: 'STEPS', value: ({ steps }) => String(steps), align: 'right' },
      { header: 'OUTCOME', value: ({ outcome }) => outcome, paint: (text, { outcome }) => paint(outcome, text, theme) },
    ],
    runs,
    theme,
  );
}

/** One run: its phases with their steps, and what failed. */
export function renderRun(run: RunReport, theme: Theme): string {
  const { style } = theme;
  const when = `${new Date(run.startedMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const verdict = paint(run.outcome, run.outcome, theme);
  const lines = [
    `run ${style.bold(run.id)}`,
    `quorate ${run.verb}, cluster ${run.cluster}, ${when}: ${verdict} after ${formatDuration(run.durationMs)}`,
    ...(run.phases.length === 0 ? [] : ['']),
    ...run.phases.flatMap((phase) => phaseLines(phase, run.startedMs, theme)),
    ...(run.error === undefined
      ? []
      : ['', `${style.red('error:')} ${run.error.message.replaceAll('\n', '\n  ')}`, `  code: ${run.error.code}`]),
    '',
    style.dim(`log: ${run.path}${run.damagedLines === 0 ? '' : `, ${run.damagedLines} damaged`}`),
  ];
  return lines.join('\n');
}

function phaseLines(phase: RunPhase, runStartedMs: number, theme: Theme): string[] {
  return [spanLine(phase, phase.title, runStartedMs, '', theme), ...phase.steps.flatMap(stepLines)];

  function stepLines(step: RunStep): string[] {
    const title = step.machine === undefined ? step.title : `${step.machine}: ${step.title}`;
    const [first, ...rest] = (step.error?.message ?? '').split('\n');
    const error = step.error === undefined ? [] : [`${step.error.code}: ${first}`, ...rest];
    return [
      spanLine(step, title, runStartedMs, '  ', theme),
      ...error.map((line) => `           ${theme.style.red(line)}`),
    ];
  }
}

/** `✓ +1m02s   Start control planes  12.3 s`. */
function spanLine(
  span: Pick<RunStep, 'outcome' | 'startedMs' | 'durationMs'>,
  title: string,
  runStartedMs: number,
  indent: string,
  theme: Theme,
): string {
  const took = span.durationMs === undefined ? span.outcome : formatDuration(span.durationMs);
  const offset = `+${clock(span.startedMs - runStartedMs)}`.padEnd(7);
  const sign = paint(span.outcome, signOf(span.outcome, theme), theme);
  return `${sign} ${theme.style.dim(offset)} ${indent}${title}  ${theme.style.dim(took)}`;
}

function signOf(outcome: RunOutcome, { glyphs }: Theme): string {
  if (outcome === 'ok') return glyphs.ok;
  if (outcome === 'failed') return glyphs.failed;
  return outcome === 'running' ? glyphs.bullet : glyphs.skipped;
}

function paint(outcome: RunOutcome, text: string, { style }: Theme): string {
  if (outcome === 'ok') return style.green(text);
  return outcome === 'failed' ? style.red(text) : style.yellow(text);
}
