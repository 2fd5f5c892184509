// One picture of what is going on, as lines. Pure: view + time + theme in, text out.
import { clock, count } from '../../report/format.ts';
import { truncate } from '../../report/style.ts';
import type { Theme } from '../../report/theme.ts';
import type { RunningPhase, RunView } from './view.ts';
import { artifactWords, stepWords } from './words.ts';

/** Steps that are over sooner are not worth a line of their own: it would only flicker. */
const SHOW_STEP_AFTER_MS = 800;
/** A picture that is taller than the terminal cannot be redrawn. */
const MAX_LINES = 12;

/** The lines of the live region, each one shorter than the terminal is wide. Empty when nothing is going on. */
export function renderFrame(view: RunView, nowMs: number, theme: Theme, rows = 24): readonly string[] {
  const spinner = theme.glyphs.spinner[Math.floor(nowMs / 100) % theme.glyphs.spinner.length] ?? '';
  const isNested = view.phases.size > 0;
  const lead = isNested ? '    ' : `${theme.style.cyan(spinner)} `;
  const lines = [
    ...[...view.phases.values()].flatMap((phase) => phaseLines(phase, nowMs, theme, spinner)),
    ...[...view.artifacts].map(([name, artifact]) => `${lead}${artifactWords(name, artifact, nowMs)}`),
    ...[...view.conditions].map(([name, { detail, startedMs }]) => {
      const reason = detail === undefined ? '' : theme.style.dim(` (${firstLine(detail)})`);
      return `${lead}waiting for: ${name}  ${clock(nowMs - startedMs)}${reason}`;
    }),
  ];
  const room = Math.max(1, Math.min(MAX_LINES, rows - 1));
  const shown = lines.length > room ? [...lines.slice(0, room - 1), `    and ${lines.length - room + 1} more`] : lines;
  // One column is left free: a character in the last one makes some terminals wrap.
  return shown.map((line) => truncate(line, theme.width - 1, theme.glyphs.ellipsis));
}

function phaseLines(phase: RunningPhase, nowMs: number, { style, glyphs }: Theme, spinner: string): string[] {
  const progress = phase.totalSteps > 0 ? `${phase.doneSteps} of ${count(phase.totalSteps, 'step')}` : '';
  const about = [progress, clock(nowMs - phase.startedMs)].filter((text) => text !== '').join(` ${glyphs.bullet} `);
  const head = `${style.cyan(spinner)} ${style.bold(phase.title)}  ${style.dim(about)}`;
  const slow = [...phase.steps.values()].filter((step) => nowMs - step.startedMs >= SHOW_STEP_AFTER_MS);
  return [head, ...slow.map((step) => `    ${stepWords(step)}  ${style.dim(clock(nowMs - step.startedMs))}`)];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
