// The run journal: the events of one run as NDJSON. It is for people and for later reports; nothing is decided from it.
import { createWriteStream, mkdirSync, readdirSync, rmSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { QuorateEvent } from '../core/events.ts';
import { stateDir } from '../core/paths.ts';
import type { Redactor } from '../core/redact.ts';

/** Runs of some months; at some hundred KiB each they stay far below what one machine's disk takes. */
const KEPT_FILES = 200;
/** Ending of a journal's file name; what stands before it is the id of the run. */
export const JOURNAL_SUFFIX = '.ndjson';

/** Where the journals of all clusters lie. */
export function runsDir(): string {
  return join(stateDir(), 'runs');
}

/** Writes the events of one run to a file. */
export interface Journal {
  onEvent(event: QuorateEvent): void;
  close(): Promise<void>;
  /** The file, once a run has begun. */
  location(): string | undefined;
}

/** Starts its file with `run.started`, so that verbs which only read leave none. Mode 0600; every line is redacted. */
export function createJournal(redactor: Redactor, dir: string = runsDir()): Journal {
  let stream: WriteStream | undefined;
  let path: string | undefined;
  let isBroken = false;
  return {
    onEvent: (event) => {
      if (event.code === 'run.started') {
        try {
          path = openFile(dir, event.t, event.data.verb, event.data.cluster);
          stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
          // A full disk must not end the run that is to mend it.
          stream.on('error', () => {
            isBroken = true;
          });
          prune(dir, path);
        } catch {
          isBroken = true;
        }
      }
      if (stream && !isBroken) stream.write(`${redactor.redact(JSON.stringify(event))}\n`);
    },
    close: () =>
      new Promise((resolve) => {
        if (stream && !isBroken) stream.end(() => resolve());
        else resolve();
      }),
    location: () => (isBroken ? undefined : path),
  };
}

/** 20261120T193000.123Z-up-demo.ndjson: sorts by time. */
function openFile(dir: string, t: number, verb: string, cluster: string): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const stamp = new Date(t).toISOString().replace(/[-:]/g, '');
  return join(dir, `${stamp}-${verb.replace(/\W+/g, '-')}-${cluster}${JOURNAL_SUFFIX}`);
}

/** Removes the oldest journals (their names sort by time), never the one that was just begun. */
function prune(dir: string, own: string): void {
  const names = readdirSync(dir).filter((name) => name.endsWith(JOURNAL_SUFFIX));
  const others = names.filter((name) => join(dir, name) !== own).sort();
  for (const name of others.slice(0, -(KEPT_FILES - 1))) rmSync(join(dir, name), { force: true });
}
