// One line an event that matters, for log files and pipes: no cursor movements, nothing twice.
import type { EventData, QuorateEvent } from '../../core/events.ts';
import { formatDuration } from '../../core/wait.ts';
import { count } from '../../report/format.ts';
import type { Theme } from '../../report/theme.ts';
import type { OutStream } from '../io.ts';
import type { Renderer } from './renderer.ts';
import { EMPTY_VIEW, type RunView, reduceView } from './view.ts';
import { artifactReadyWords, artifactWords, commandWords, stepWords } from './words.ts';

/** Steps and artifacts that are over sooner get no line of their own. */
const SLOW_MS = 1000;
/** How often a long build says that it is still alive. */
const HEARTBEAT_MS = 30_000;

/** For a pipe or a log file. */
export function makePlainRenderer(out: OutStream, theme: Theme, debug: boolean): Renderer {
  let view = EMPTY_VIEW;
  const lastSaid = new Map<string, number>();
  return {
    onEvent(event) {
      const line = isDue(event, view, lastSaid) ? plainLine(event, view, theme, debug) : undefined;
      view = reduceView(view, event);
      if (line !== undefined) out.write(`${line}\n`);
    },
    print: (text) => out.write(text.endsWith('\n') ? text : `${text}\n`),
    pause: () => {},
    close: () => {},
  };
}

/** Progress that repeats is said when it begins, when its stage changes, and every half minute. */
function isDue(event: QuorateEvent, view: RunView, lastSaid: Map<string, number>): boolean {
  if (event.code === 'condition.changed') {
    return event.data.state !== 'running' || !view.conditions.has(event.data.condition);
  }
  if (event.code !== 'artifact.progress') return true;
  const key = `${event.data.artifact} ${event.data.stage}`;
  const said = lastSaid.get(key);
  if (said !== undefined && event.t - said < HEARTBEAT_MS) return false;
  lastSaid.set(key, event.t);
  return true;
}

/** The line for an event, given the view before it. */
export function plainLine(event: QuorateEvent, before: RunView, theme: Theme, debug: boolean): string | undefined {
  switch (event.code) {
    case 'phase.started':
      return event.data.steps === 0 ? undefined : `${event.data.title}: ${count(event.data.steps, 'step')}`;
    case 'phase.finished':
      return phaseLine(event.data, before);
    case 'step.finished':
      return stepLine(event.data);
    case 'condition.changed':
      return conditionLine(event.data);
    case 'artifact.progress': {
      const { artifact, elapsedMs, ...rest } = event.data;
      if (rest.stage === 'cache') return undefined;
      return artifactWords(artifact, { ...rest, startedMs: event.t - elapsedMs }, event.t);
    }
    case 'artifact.ready':
      return event.data.source === 'cache' ? undefined : artifactReadyWords(event.data);
    case 'machine.changed':
      if (before.phases.size > 0) return undefined;
      return `${event.data.machine}: ${event.data.state}${tail(event.data.detail)}`;
    case 'warning':
      return theme.style.yellow(`warning: ${event.data.text}`);
    case 'note':
      return event.data.text;
    case 'command.finished':
      return debug ? theme.style.dim(commandWords(event.data)) : undefined;
    default:
      return undefined;
  }
}

function phaseLine(data: EventData['phase.finished'], before: RunView): string | undefined {
  const phase = before.phases.get(data.phase);
  if (data.outcome === 'skipped' || phase?.totalSteps === 0) return undefined;
  const machines = phase && phase.machines.size > 0 ? `, ${count(phase.machines.size, 'machine')}` : '';
  return `${phase?.title ?? data.phase}: ${data.outcome}${machines}, ${formatDuration(data.durationMs)}`;
}

function stepLine(data: EventData['step.finished']): string | undefined {
  if (data.outcome === 'failed') return `  ${stepWords(data)}: failed${tail(data.error?.message.split('\n', 1)[0])}`;
  return data.durationMs < SLOW_MS
    ? undefined
    : `  ${stepWords(data)}: ${data.outcome}, ${formatDuration(data.durationMs)}`;
}

function conditionLine({ condition, state, detail, elapsedMs }: EventData['condition.changed']): string | undefined {
  // Without a reason it has only just begun, and mostly is over at once.
  if (state === 'running')
    return detail === undefined ? undefined : `  waiting for: ${condition}${tail(detail?.split('\n', 1)[0])}`;
  if (state === 'failed') return `  gave up waiting for: ${condition}${tail(detail?.split('\n', 1)[0])}`;
  return elapsedMs < SLOW_MS ? undefined : `  ${state}: ${condition}, ${formatDuration(elapsedMs)}`;
}

function tail(detail: string | undefined): string {
  return detail === undefined || detail === '' ? '' : `: ${detail}`;
}
