// Lines that stay: what an event leaves behind on the terminal once it is over.
import type { EventData, Outcome, QuorateEvent } from '../../core/events.ts';
import { formatDuration } from '../../core/wait.ts';
import { count } from '../../report/format.ts';
import type { Theme } from '../../report/theme.ts';
import type { RunView } from './view.ts';
import { artifactReadyWords, commandWords, stepWords } from './words.ts';

/** Artifacts that came sooner (cache hits) are not worth a line. */
const SLOW_ARTIFACT_MS = 1000;
/** Finished phases line up below each other: no title is longer, and there are fewer than a hundred machines. */
const TITLE_WIDTH = 25;
const WORK_WIDTH = 11;

/**
 * The line that an event leaves behind, given the view before it; undefined for events that only change the picture.
 */
export function finishedLine(event: QuorateEvent, before: RunView, theme: Theme, debug: boolean): string | undefined {
  const { style, glyphs } = theme;
  switch (event.code) {
    case 'phase.finished':
      return phaseLine(event.data, before, theme);
    case 'step.finished':
      if (event.data.outcome !== 'failed') return undefined;
      return `  ${style.red(glyphs.failed)} ${stepWords(event.data)}${errorTail(event.data)}`;
    case 'artifact.ready':
      if (event.data.source === 'cache' || event.data.durationMs < SLOW_ARTIFACT_MS) return undefined;
      return `  ${style.dim(glyphs.bullet)} ${artifactReadyWords(event.data)}`;
    case 'machine.changed':
      // Within a phase its steps already tell.
      if (before.phases.size > 0) return undefined;
      return `${style.dim(glyphs.bullet)} ${event.data.machine} ${event.data.state}${tail(event.data.detail)}`;
    case 'warning':
      return `${style.yellow(`${glyphs.warning} ${event.data.text}`)}`;
    case 'note':
      return `${style.dim(glyphs.bullet)} ${event.data.text}`;
    case 'command.finished':
      return debug ? style.dim(commandWords(event.data)) : undefined;
    default:
      return undefined;
  }
}

function phaseLine(data: EventData['phase.finished'], before: RunView, theme: Theme): string | undefined {
  const phase = before.phases.get(data.phase);
  if (data.outcome === 'skipped' || phase?.totalSteps === 0) return undefined;
  const machines = phase?.machines.size ?? 0;
  const work = machines > 0 ? count(machines, 'machine') : count(phase?.totalSteps ?? 0, 'step');
  const about = theme.style.dim(`${work.padEnd(WORK_WIDTH)}  ${formatDuration(data.durationMs)}`);
  return `${outcomeSign(data.outcome, theme)} ${(phase?.title ?? data.phase).padEnd(TITLE_WIDTH)}  ${about}`;
}

function outcomeSign(outcome: Outcome, { style, glyphs }: Theme): string {
  switch (outcome) {
    case 'ok':
      return style.green(glyphs.ok);
    case 'failed':
      return style.red(glyphs.failed);
    case 'skipped':
      return style.dim(glyphs.skipped);
    case 'aborted':
      return style.yellow(glyphs.failed);
  }
}

function errorTail(data: EventData['step.finished']): string {
  return tail(data.error?.message.split('\n', 1)[0]);
}

function tail(detail: string | undefined): string {
  return detail === undefined ? '' : `: ${detail}`;
}
