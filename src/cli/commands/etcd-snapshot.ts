import { type Command, Option } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';
import { snapshotKeyCommand } from './etcd-snapshot-key.ts';
import { type KeyFlags, keyFiles, keyOptions, WHICH } from './etcd-snapshot-options.ts';
import { fetchCommand, pruneCommand, rehearseCommand } from './etcd-snapshot-use.ts';

/** `quorate etcd snapshot …`: backups of everything that it takes to build the cluster again. */
export function snapshotCommand(frame: Frame): Command {
  const snapshot = newCommand('snapshot', {
    summary: 'backups: make, list, verify, fetch, rehearse them',
    description:
      'A backup is one sealed file with a snapshot of etcd, the keys and the configuration of the control plane. Control planes make them on schedule (etcd.snapshots in cluster.yaml); these commands look at them, make one now, and prove that one brings the cluster back.',
    examples: [
      ['quorate etcd snapshot save', 'a backup, now'],
      ['quorate etcd snapshot list', ''],
      ['quorate etcd snapshot rehearse', 'restore the newest one beside the cluster, and check it'],
    ],
  });
  const makers = [saveCommand, listCommand, statusCommand, verifyCommand, pruneCommand, fetchCommand, rehearseCommand];
  for (const make of [...makers, snapshotKeyCommand]) snapshot.addCommand(make(frame));
  return snapshot;
}

function saveCommand(frame: Frame): Command {
  return newCommand('save', {
    summary: 'make a backup now',
    description:
      'Starts the unit that makes backups (quorate-backup.service) on a healthy control plane and waits until it has ended. The backup lies there, and in the bucket where there is one; --to copies it to this host too. Nothing is disturbed by it.',
    examples: [
      ['quorate etcd snapshot save', ''],
      ['quorate etcd snapshot save --machine cp2 --to .', 'by cp2, and a copy here'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(new Option('--machine <name>', 'the control plane that makes it'))
    .addOption(new Option('--to <dir>', 'copy it to this directory'))
    .action(
      verb<{ readonly machine?: string; readonly to?: string }>(frame, 'SnapshotSave', async (session, { options }) => {
        const [{ saveBackup }, { renderSave }] = await Promise.all([
          import('../../actions/save-backup.ts'),
          import('../results/backups.ts'),
        ]);
        const { timeoutMs } = session.options;
        const report = await saveBackup(session.ctx, await session.spec(), {
          ...(options.machine === undefined ? {} : { machine: options.machine }),
          ...(options.to === undefined ? {} : { outputDir: options.to }),
          ...(timeoutMs === undefined ? {} : { deadlineMs: timeoutMs }),
        });
        return { data: report, text: (theme) => renderSave(report, theme) };
      }),
    );
}

function listCommand(frame: Frame): Command {
  return newCommand('list', {
    summary: 'show the backups and where they lie',
    description:
      'Lists the backups on control planes and in the bucket, the newest first. What cannot be reached is said, and does not fail the list; no key is needed.',
    examples: [
      ['quorate etcd snapshot list', ''],
      ['quorate etcd snapshot list -o json', 'as data'],
    ],
    takes: ['cluster'],
  })
    .alias('ls')
    .action(
      verb(frame, 'SnapshotList', async (session) => {
        const [{ listBackups }, { renderBackups }] = await Promise.all([
          import('../../actions/backups.ts'),
          import('../results/backups.ts'),
        ]);
        const list = await listBackups(session.ctx, await session.spec());
        return { data: list, text: (theme) => renderBackups(list, theme) };
      }),
    );
}

function statusCommand(frame: Frame): Command {
  const command = newCommand('status', {
    summary: 'show what is known of a backup',
    description:
      'Shows the label of a backup: when and where it was taken, versions, revision, how many objects of which kind, where it lies and who can open it. No key is needed, unless it is a file without its label.',
    examples: [
      ['quorate etcd snapshot status', 'the newest one'],
      ['quorate etcd snapshot status demo-20261121T114500Z-cp1', ''],
    ],
    takes: ['cluster'],
  }).argument('[backup]', WHICH, 'latest');
  for (const option of keyOptions()) command.addOption(option);
  return command.action(
    verb<KeyFlags>(frame, 'SnapshotStatus', async (session, { args, options }) => {
      const [{ backupStatus }, { renderBackupStatus }] = await Promise.all([
        import('../../actions/backups.ts'),
        import('../results/backups.ts'),
      ]);
      const spec = await session.spec();
      const status = await backupStatus(session.ctx, spec, args[0] as string, keyFiles(options));
      return { data: status, text: (theme) => renderBackupStatus(status, theme) };
    }),
  );
}

function verifyCommand(frame: Frame): Command {
  const command = newCommand('verify', {
    summary: 'open a backup and check all of it',
    description:
      'Fetches a backup where it is not on this host, opens it, and checks it fully: seal, label, every file, cluster, version of etcd, and the snapshot itself. It ends with 0 when it is whole, else with the code of what is wrong (10: damaged, 3: no key, another cluster or version). rehearse proves more: that it brings the cluster back.',
    examples: [
      ['quorate etcd snapshot verify', 'the newest one'],
      ['quorate etcd snapshot verify --all', 'every one that can be reached'],
      ['quorate etcd snapshot verify ./demo-20261121T114500Z-cp1.tar.age --identity key.txt', ''],
    ],
    takes: ['cluster'],
  })
    .argument('[backup]', WHICH, 'latest')
    .addOption(new Option('--all', 'every backup, one after the other'));
  for (const option of keyOptions()) command.addOption(option);
  return command.action(
    verb<KeyFlags & { readonly all?: boolean }>(frame, 'SnapshotVerify', async (session, { args, options }) => {
      const [{ verifyBackups }, { renderVerification }] = await Promise.all([
        import('../../actions/verify-backups.ts'),
        import('../results/backups.ts'),
      ]);
      const wanted = options.all === true ? undefined : (args[0] as string);
      const report = await verifyBackups(session.ctx, await session.spec(), wanted, keyFiles(options));
      const { exitCode, ...data } = report;
      return { data, text: (theme) => renderVerification(report, theme), exitCode };
    }),
  );
}
