import { type Command, InvalidArgumentError, Option } from 'commander';
import { confirmPlan } from '../change.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** The API server compacts to what was five minutes ago; a thousand revisions more hurt nobody who reads a list in pages. */
const DEFAULT_KEEP = 1000;

/** `quorate etcd defrag`: files without holes, one member at a time. */
export function etcdDefragCommand(frame: Frame): Command {
  return newCommand('defrag', {
    summary: 'give unused space of the database files back, one member at a time',
    description:
      'Rewrites the files of members that are larger than 100 MiB and more than 45 % unused; with --force of every member. One at a time, each through the quorum gate: the leader comes last and hands over first, the API server beside a member gets no new connections meanwhile, and the next one is taken when the last has caught up. A member answers nobody while its file is rewritten, about ten seconds a gigabyte.',
    examples: [
      ['quorate etcd defrag', 'where it is worth it'],
      ['quorate etcd defrag --force --yes', 'every member, in a script'],
      ['quorate etcd defrag cp2 --force', 'one of them'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('[members...]', 'names, ids or addresses, as quorate etcd members shows them; default: all')
    .addOption(new Option('--force', 'also members whose files are small or hardly unused'))
    .action(
      verb<{ readonly force?: boolean }>(frame, 'EtcdDefrag', async (session, { args, options }) => {
        const [{ defragMembers }, { renderDefrag }, { renderPlan }] = await Promise.all([
          import('../../actions/etcd-space.ts'),
          import('../results/etcd.ts'),
          import('../../report/plan-screen.ts'),
        ]);
        const report = await defragMembers(session.ctx, await session.spec(), args[0] as string[], {
          confirm: confirmPlan(session, renderPlan),
          force: options.force === true,
        });
        return { data: report, text: (theme) => renderDefrag(report, theme) };
      }),
    );
}

/** `quorate etcd compact`: no history. */
export function etcdCompactCommand(frame: Frame): Command {
  return newCommand('compact', {
    summary: 'forget old revisions',
    description:
      'Forgets all revisions but the last ones, and waits until their space is free inside the files. The API server does the same every five minutes, so that this is needed only after many writes. The files themselves shrink by quorate etcd defrag.',
    examples: [
      ['quorate etcd compact', 'keeps the last 1000 revisions'],
      ['quorate etcd compact --keep 0', 'every byte counts'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(
      new Option('--keep <revisions>', 'how many of the last revisions stay')
        .argParser(parseCount)
        .default(DEFAULT_KEEP),
    )
    .action(
      verb<{ readonly keep: number }>(frame, 'EtcdCompaction', async (session, { options }) => {
        const [{ compact }, { renderCompact }] = await Promise.all([
          import('../../actions/etcd-space.ts'),
          import('../results/etcd.ts'),
        ]);
        const report = await compact(session.ctx, await session.spec(), options.keep);
        return { data: report, text: (theme) => renderCompact(report, theme) };
      }),
    );
}

function parseCount(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It has to be a number, 0 or more.');
}

/** `quorate etcd alarms list|clear`: what etcd is alarmed about, and the remedy. */
export function etcdAlarmsCommand(frame: Frame): Command {
  const alarms = newCommand('alarms', {
    summary: 'show what etcd is alarmed about, and clear it with its cause',
    description:
      'NOSPACE: the file of a member has reached its quota, and the whole cluster is read-only. CORRUPT: the data of a member differs from that of the others. Without a further word it lists them.',
    examples: [
      ['quorate etcd alarms', 'list them'],
      ['quorate etcd alarms clear', 'make room, then take NOSPACE back'],
    ],
  });
  alarms.addCommand(alarmListCommand(frame), { isDefault: true });
  alarms.addCommand(alarmClearCommand(frame));
  return alarms;
}

function alarmListCommand(frame: Frame): Command {
  return newCommand('list', {
    summary: 'list the alarms',
    description: 'Lists the alarms of etcd with the member of each, and the command that helps.',
    examples: [
      ['quorate etcd alarms list', ''],
      ['quorate etcd alarms list -o json', 'as data'],
    ],
    takes: ['cluster'],
  })
    .alias('ls')
    .action(
      verb(frame, 'EtcdAlarmList', async (session) => {
        const [{ listAlarms }, { renderAlarms }] = await Promise.all([
          import('../../actions/etcd.ts'),
          import('../results/etcd.ts'),
        ]);
        const found = await listAlarms(session.ctx, await session.spec());
        return { data: { alarms: found }, text: (theme) => renderAlarms(found, theme) };
      }),
    );
}

function alarmClearCommand(frame: Frame): Command {
  return newCommand('clear', {
    summary: 'make room in etcd, take the alarms back, and see that writes work',
    description:
      'For NOSPACE: forgets the whole history, defragments every member one at a time through the quorum gate, takes the alarm back, and writes and deletes a key to prove that it works. CORRUPT is refused: such a member needs new data, by quorate etcd member replace.',
    examples: [
      ['quorate etcd alarms clear', 'shows what it would do, and asks'],
      ['quorate etcd alarms clear --yes', 'in a script'],
    ],
    takes: ['cluster', 'act'],
  }).action(
    verb(frame, 'EtcdAlarmsCleared', async (session) => {
      const [{ clearAlarms }, { renderClear }, { renderPlan }] = await Promise.all([
        import('../../actions/etcd-space.ts'),
        import('../results/etcd.ts'),
        import('../../report/plan-screen.ts'),
      ]);
      const confirm = confirmPlan(session, renderPlan);
      const report = await clearAlarms(session.ctx, await session.spec(), { confirm });
      return { data: report, text: (theme) => renderClear(report, theme) };
    }),
  );
}
