// What was done on this host: reads the journals that runs leave behind. Reads only.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { QuorateError } from '../core/errors.ts';
import type { QuorateEvent } from '../core/events.ts';
import { isStillRunning } from '../core/process.ts';
import { JOURNAL_SUFFIX, runsDir } from '../engine/journal.ts';
import { type RunJournal, type RunReport, type RunSummary, runReport, runSummary, startOf } from '../report/run.ts';

/** Which runs. */
export interface RunChoice {
  /** Only those of this cluster. */
  readonly cluster?: string;
  /** Where the journals lie; default: that of this host. */
  readonly dir?: string;
}

/** The ids of all runs, newest first. Without a directory there are none. */
export async function runIds({ cluster, dir = runsDir() }: RunChoice = {}): Promise<string[]> {
  // A cheap guess from the name; `a-demo` ends like `demo`, so that the first event decides.
  const ending = `${cluster === undefined ? '' : `-${cluster}`}${JOURNAL_SUFFIX}`;
  const names = (await namesIn(dir)).filter((name) => name.endsWith(ending));
  return names.map((name) => name.slice(0, -JOURNAL_SUFFIX.length)).sort((a, b) => (a < b ? 1 : -1));
}

async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The newest runs, at most `limit` of them. */
export async function listRuns(choice: RunChoice & { readonly limit: number }): Promise<readonly RunSummary[]> {
  const runs: RunSummary[] = [];
  for (const id of await runIds(choice)) {
    if (runs.length >= choice.limit) break;
    const report = await readRun(id, choice);
    if (report) runs.push(runSummary(report));
  }
  return runs;
}

/** One run, by its id or the beginning of it; without one the newest. Throws RUN_NOT_FOUND. */
export async function showRun(wanted: string | undefined, choice: RunChoice = {}): Promise<RunReport> {
  const { dir = runsDir() } = choice;
  const ids = (await runIds(choice)).filter((id) => wanted === undefined || id.startsWith(wanted));
  const exact = ids.filter((id) => id === wanted);
  if (wanted !== undefined && exact.length === 0 && ids.length > 1) {
    throw new QuorateError('RUN_NOT_FOUND', `"${wanted}" is the beginning of ${ids.length} runs: ${ids.join(', ')}`);
  }
  for (const id of exact.length > 0 ? exact : ids) {
    const report = await readRun(id, choice);
    if (report) return report;
  }
  const what = wanted === undefined ? 'no run' : `no run "${wanted}"`;
  const whose = choice.cluster === undefined ? '' : ` of cluster ${choice.cluster}`;
  throw new QuorateError('RUN_NOT_FOUND', `${what}${whose} is recorded in ${dir}`);
}

/** Undefined when the file holds no run, or one of another cluster, or was pruned meanwhile. */
async function readRun(id: string, { cluster, dir = runsDir() }: RunChoice): Promise<RunReport | undefined> {
  const path = join(dir, `${id}${JOURNAL_SUFFIX}`);
  const text = await readFile(path, 'utf8').catch(() => '');
  const journal: RunJournal = { id, path, ...parseLines(text) };
  const start = startOf(journal);
  if (start === undefined || (cluster !== undefined && start.data.cluster !== cluster)) return undefined;
  const { pid } = start.data;
  return runReport(journal, pid !== undefined && (await isStillRunning(pid, start.t)));
}

/** A process that was killed leaves half a line; what stands before it counts. */
function parseLines(text: string): { events: QuorateEvent[]; damagedLines: number } {
  const lines = text.split('\n').filter((line) => line !== '');
  const events = lines.flatMap((line) => parseEvent(line) ?? []);
  return { events, damagedLines: lines.length - events.length };
}

function parseEvent(line: string): QuorateEvent | undefined {
  try {
    const value = JSON.parse(line) as Partial<QuorateEvent> | null;
    return typeof value?.code === 'string' && typeof value.t === 'number' ? (value as QuorateEvent) : undefined;
  } catch {
    return undefined;
  }
}
