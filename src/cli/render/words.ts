// The words for events, shared by the pretty and the plain renderer.
import type { EventData } from '../../core/events.ts';
import { shellJoin } from '../../core/quote.ts';
import { formatDuration } from '../../core/wait.ts';
import { clock, percent } from '../../report/format.ts';
import type { RunningArtifact } from './view.ts';

const STAGE_WORDS = {
  cache: 'checking',
  bundle: 'unpacking',
  download: 'downloading',
  build: 'building',
  pack: 'packing',
  bake: 'baking',
} as const satisfies Record<EventData['artifact.progress']['stage'], string>;

const SOURCE_WORDS = {
  cache: 'was in the cache',
  bundle: 'taken from the bundle',
  download: 'downloaded',
  build: 'built',
  pack: 'packed',
} as const satisfies Record<EventData['artifact.ready']['source'], string>;

/** `building kubernetes  1m02s, took 4m55s last time` or `downloading etcd  42 %  7s`. */
export function artifactWords(name: string, artifact: RunningArtifact, nowMs: number): string {
  const parts = [`${STAGE_WORDS[artifact.stage]} ${name}`];
  if (artifact.fraction !== undefined) parts.push(percent(artifact.fraction));
  const elapsed = clock(nowMs - artifact.startedMs);
  parts.push(artifact.expectedMs === undefined ? elapsed : `${elapsed}, took ${clock(artifact.expectedMs)} last time`);
  if (artifact.detail !== undefined) parts.push(artifact.detail);
  return parts.join('  ');
}

/** `kubernetes built  4 min 55 s`. */
export function artifactReadyWords({ artifact, source, durationMs }: EventData['artifact.ready']): string {
  return `${artifact} ${SOURCE_WORDS[source]}  ${formatDuration(durationMs)}`;
}

/** `cp1: write the etcd manifest`, or the title alone for a step of the whole cluster. */
export function stepWords(step: { readonly machine?: string; readonly title: string }): string {
  return step.machine === undefined ? step.title : `${step.machine}: ${step.title}`;
}

/** `$ cp1: etcdctl member list  (exit 1, 120 ms)`. */
export function commandWords({ machine, argv, exitCode, durationMs }: EventData['command.finished']): string {
  const where = machine === undefined ? '' : `${machine}: `;
  const line = shellJoin(argv).replace(/\s+/g, ' ');
  const shown = line.length > 200 ? `${line.slice(0, 197)}...` : line;
  return `$ ${where}${shown}  (exit ${exitCode}, ${formatDuration(durationMs)})`;
}
