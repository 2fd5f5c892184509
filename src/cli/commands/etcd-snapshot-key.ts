import { type Command, Option } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate etcd snapshot key show|create`: who can open backups. */
export function snapshotKeyCommand(frame: Frame): Command {
  const key = newCommand('key', {
    summary: 'who can open backups',
    description:
      'Backups are sealed to public keys (age recipients). Control planes hold those only; the identity that opens backups lies with the operator, and can travel with them behind a passphrase.',
    examples: [
      ['quorate etcd snapshot key show', ''],
      ['quorate etcd snapshot key create --passphrase-file pass.txt', 'archive and passphrase are enough then'],
    ],
  });
  for (const make of [showCommand, createCommand]) key.addCommand(make(frame));
  return key;
}

function showCommand(frame: Frame): Command {
  return newCommand('show', {
    summary: 'show who can open backups, and whether this host can',
    description:
      'Shows the recipients that backups are sealed to, where their identities lie on this host, and whether labels carry one behind a passphrase. Secrets are not shown.',
    examples: [['quorate etcd snapshot key show', '']],
    takes: ['cluster'],
  }).action(
    verb(frame, 'SnapshotKey', async (session) => {
      const [{ showKey }, { renderKey }] = await Promise.all([
        import('../../actions/show-key.ts'),
        import('../results/backups.ts'),
      ]);
      const report = await showKey(session.ctx, await session.spec());
      return { data: report, text: (theme) => renderKey(report, theme) };
    }),
  );
}

function createCommand(frame: Frame): Command {
  return newCommand('create', {
    summary: 'see to it that this host can open backups',
    description:
      'Makes an identity on this host where there is none that opens the backups, and adds it to the recipients on the control planes. With a passphrase the identity, locked with it, goes into the label of every backup from now on. Backups that exist stay sealed as they are.',
    examples: [
      ['quorate etcd snapshot key create', ''],
      ['quorate etcd snapshot key create --passphrase-file pass.txt', ''],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(new Option('--passphrase-file <file>', 'lock the identity with this passphrase, and let it travel'))
    .action(
      verb<{ readonly passphraseFile?: string }>(frame, 'SnapshotKeyCreation', async (session, { options }) => {
        const [{ setSealingKey }, { readPassphrase }, { renderKeyCreated }] = await Promise.all([
          import('../../actions/backup-key.ts'),
          import('../../actions/open-backup.ts'),
          import('../results/backups.ts'),
        ]);
        const { passphraseFile } = options;
        const spec = await session.spec();
        await session.confirm(`Change who can open the backups of ${spec.name} from now on?`);
        const report = await setSealingKey(
          session.ctx,
          spec,
          passphraseFile === undefined ? {} : { passphrase: await readPassphrase(session.ctx, passphraseFile) },
        );
        return { data: report, text: (theme) => renderKeyCreated(report, theme) };
      }),
    );
}
