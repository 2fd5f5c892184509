import { type Command, Option } from 'commander';
import type { StoredArchive } from '../../backup/store.ts';
import { FAMILIES } from '../../core/error-codes.ts';
import { QuorateError } from '../../core/errors.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';
import { type KeyFlags, keyFiles, keyOptions, WHICH } from './etcd-snapshot-options.ts';

const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS, w: 7 * DAY_MS };

/** Milliseconds of 30m, 12h, 7d or 4w, as etcd.snapshots.retention is written. Throws USAGE that names the text. */
export function parseAge(text: string): number {
  const [, number, unit = ''] = /^([1-9]\d*)([mhdw])$/.exec(text) ?? [];
  if (number !== undefined) return Number(number) * (UNIT_MS[unit] ?? 0);
  throw new QuorateError('USAGE', `"${text}" is not an age`, { hint: 'write it as 12h, 7d or 4w' });
}

function parseKeep(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new QuorateError('USAGE', `"${text}" is not a number of backups to keep`, { hint: 'one at least: --keep 1' });
}

interface PruneFlags {
  readonly olderThan?: number;
  readonly keep?: number;
}

/** `quorate etcd snapshot prune` */
export function pruneCommand(frame: Frame): Command {
  return newCommand('prune', {
    summary: 'remove old backups everywhere',
    description:
      'Removes backups from control planes and bucket: those older than --older-than (without options: the retention of cluster.yaml), and those beyond the newest --keep. The newest one always stays. It shows what goes, and asks. It ends with 12 when a place could not be reached.',
    examples: [
      ['quorate etcd snapshot prune', 'what the retention of cluster.yaml says'],
      ['quorate etcd snapshot prune --older-than 7d', ''],
      ['quorate etcd snapshot prune --keep 10 --yes', 'in a script'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(new Option('--older-than <age>', 'age beyond which backups go: 12h, 7d, 4w').argParser(parseAge))
    .addOption(new Option('--keep <n>', 'how many of the newest stay').argParser(parseKeep))
    .action(
      verb<PruneFlags>(frame, 'SnapshotPrune', async (session, { options }) => {
        const [{ pruneBackups }, { renderPruned }] = await Promise.all([
          import('../../actions/backups.ts'),
          import('../results/backups.ts'),
        ]);
        const spec = await session.spec();
        const { keep } = options;
        const age = options.olderThan ?? (keep === undefined ? parseAge(spec.etcd.snapshots.retention) : undefined);
        const report = await pruneBackups(session.ctx, spec, {
          ...(age === undefined ? {} : { olderThanMs: age }),
          ...(keep === undefined ? {} : { keep }),
          confirm: async (archives) => {
            session.show(() => `to be removed:\n${archives.map(pruneLine).join('\n')}`);
            await session.confirm(
              `Remove ${archives.length === 1 ? 'this backup' : `these ${archives.length} backups`}?`,
            );
          },
        });
        const exitCode = report.problems.length === 0 ? 0 : FAMILIES.incomplete;
        return { data: report, text: (theme) => renderPruned(report, theme), exitCode };
      }),
    );
}

function pruneLine({ name, places }: StoredArchive): string {
  return `  ${name}  (${places.join(', ')})`;
}

/** `quorate etcd snapshot fetch` */
export function fetchCommand(frame: Frame): Command {
  return newCommand('fetch', {
    summary: 'copy a backup to this host',
    description:
      'Copies a backup and its label to this host, from the control plane that made it, another one, or the bucket, whichever has it whole. The bucket alone is enough: no machine of the cluster needs to exist.',
    examples: [
      ['quorate etcd snapshot fetch latest', 'into this directory'],
      ['quorate etcd snapshot fetch demo-20261121T114500Z-cp1 --to /srv/backups', ''],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('<backup>', 'a name as quorate etcd snapshot list shows it, or latest')
    .addOption(new Option('--to <dir>', 'the directory').default('.'))
    .action(
      verb<{ readonly to: string }>(frame, 'SnapshotFetch', async (session, { args, options }) => {
        const [{ fetchBackup }, { renderFetched }] = await Promise.all([
          import('../../actions/backups.ts'),
          import('../results/backups.ts'),
        ]);
        const report = await fetchBackup(session.ctx, await session.spec(), args[0] as string, options.to);
        return { data: report, text: (theme) => renderFetched(report, theme) };
      }),
    );
}

/** `quorate etcd snapshot rehearse` */
export function rehearseCommand(frame: Frame): Command {
  const command = newCommand('rehearse', {
    summary: 'restore a backup beside the cluster, and check it',
    description:
      "Restores a backup into an etcd and an API server on loopback of this host, compares keys, revisions and etcd's own hash with what the living cluster had, reads objects and Secrets through the API, and removes it all again. It says how long a restore takes and how much would be lost, leaves the result on the control planes for status, and ends with 8 when a check fails. It asks nothing: a timer can run it. The cluster is not touched. It needs about 1 GB of memory and three times the snapshot's size of disk.",
    examples: [
      ['quorate etcd snapshot rehearse', 'the newest one'],
      ['quorate etcd snapshot rehearse ./demo-20261121T114500Z-cp1.tar.age --identity key.txt', ''],
    ],
    takes: ['cluster', 'act'],
  }).argument('[backup]', WHICH, 'latest');
  for (const option of keyOptions()) command.addOption(option);
  return command.action(
    verb<KeyFlags>(frame, 'SnapshotRehearsal', async (session, { args, options }) => {
      const [{ rehearseBackup }, { renderRehearsal }] = await Promise.all([
        import('../../actions/rehearse.ts'),
        import('../results/backups.ts'),
      ]);
      const report = await rehearseBackup(session.ctx, await session.spec(), args[0] as string, keyFiles(options));
      const exitCode = report.outcome === 'ok' ? 0 : FAMILIES['drill-failed'];
      return { data: report, text: (theme) => renderRehearsal(report, theme), exitCode };
    }),
  );
}
