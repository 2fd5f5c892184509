import { type Command, Option } from 'commander';
import { QuorateError } from '../../core/errors.ts';
import type { Session } from '../session.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** Fits on a terminal with what was typed before. */
const DEFAULT_LINES = 20;

/** `quorate runs list|show`: what was done to the clusters of this host. */
export function runsCommand(frame: Frame): Command {
  const runs = newCommand('runs', {
    summary: 'see what earlier runs did, step by step',
    description:
      'Every run that changes a cluster leaves a journal on this host; the newest 200 are kept. They are for people: nothing is decided from them.',
    examples: [
      ['quorate runs list', ''],
      ['quorate runs show', 'the last one'],
    ],
  });
  for (const make of [listCommand, showCommand]) runs.addCommand(make(frame));
  return runs;
}

const CLUSTER = () => new Option('--cluster <name>', 'only runs of this cluster');

function listCommand(frame: Frame): Command {
  return newCommand('list', {
    summary: 'show the runs on this host, the newest first',
    description:
      'Lists the runs on this host: what was called, when, how long it took, how many steps it did, and how it ended. A run that was killed is shown as interrupted; the same command continues it.',
    examples: [
      ['quorate runs list', ''],
      ['quorate runs list --cluster demo -n 5', ''],
      ['quorate runs list -o json', 'as data'],
    ],
  })
    .alias('ls')
    .addOption(CLUSTER())
    .addOption(new Option('-n, --lines <n>', 'how many').default(DEFAULT_LINES).argParser(parseLines))
    .action(
      verb<{ readonly lines: number }>(frame, 'RunList', async (session, { options }) => {
        const [{ listRuns }, { renderRuns }] = await Promise.all([
          import('../../actions/runs.ts'),
          import('../results/runs.ts'),
        ]);
        const runs = await listRuns({ ...clusterOf(session), limit: options.lines });
        return { data: { runs }, text: (theme) => renderRuns(runs, theme) };
      }),
    );
}

function showCommand(frame: Frame): Command {
  return newCommand('show', {
    summary: 'show one run with its phases, steps and failures',
    description:
      'Shows a run: its phases and steps with times and outcomes, and the error of what failed. Without a name the newest one.',
    examples: [
      ['quorate runs show', 'the last one'],
      ['quorate runs show 20261120T193000', 'the beginning of its name is enough'],
    ],
  })
    .argument('[run]', 'its name, as quorate runs list shows it')
    .addOption(CLUSTER())
    .action(
      verb(frame, 'Run', async (session, { args }) => {
        const [{ showRun }, { renderRun }] = await Promise.all([
          import('../../actions/runs.ts'),
          import('../results/runs.ts'),
        ]);
        const run = await showRun(args[0] as string | undefined, clusterOf(session));
        return { data: run, text: (theme) => renderRun(run, theme) };
      }),
    );
}

function clusterOf({ options: { cluster } }: Session): { cluster?: string } {
  return cluster === undefined ? {} : { cluster };
}

function parseLines(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new QuorateError('USAGE', `"${text}" is not a number of lines`, { hint: 'write it as 20' });
}
