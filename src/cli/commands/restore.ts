import { type Command, Option } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';
import { type KeyFlags, keyFiles, keyOptions, WHICH } from './etcd-snapshot-options.ts';

interface RestoreFlags extends KeyFlags {
  readonly confirm?: string;
  readonly writeSpec?: string;
  readonly bundle?: string;
}

/** `quorate restore ARCHIVE`: the cluster as a backup has it. */
export function restoreCommand(frame: Frame): Command {
  const restore = newCommand('restore', {
    summary: 'replace the state of the cluster by that of a backup',
    description:
      'For a cluster that is lost, or so wrong that its past is worth more than its present. Opens and checks the backup before anything is touched; ends what is left of the old control plane; puts the same snapshot on every member, new machines and other addresses included, above every revision that anybody has seen; compares what is there with the backup before anybody may write; lets API servers, kubelets, kube-proxy and pod network begin anew; and proves it. What was written after the backup is gone. Asks for the name of the cluster.',
    examples: [
      ['quorate restore latest', 'the newest backup, from a control plane or the bucket'],
      ['quorate restore ./demo-20261121T060000Z-cp1.tar.age --identity key.txt', 'a file at hand'],
      ['quorate restore latest --confirm demo', 'without a question'],
      ['quorate restore ARCHIVE --write-spec cluster.yaml', 'only write the cluster.yaml that is in it'],
    ],
    takes: ['cluster', 'act'],
  }).argument('<archive>', WHICH);
  for (const option of keyOptions()) restore.addOption(option);
  return restore
    .addOption(new Option('--confirm <name>', 'the name of the cluster, to agree beforehand'))
    .addOption(new Option('--write-spec <file>', 'write the cluster.yaml of the backup there, and restore nothing'))
    .addOption(new Option('--bundle <dir>', 'a directory with artifacts, asked before the network'))
    .action(
      verb<RestoreFlags>(frame, 'Restore', async (session, { args, options }) => {
        const startedMs = Date.now();
        const [{ restoreBackup, writeArchivedSpec }, { renderPlan }, { renderRestore, renderSpecWritten }] =
          await Promise.all([
            import('../../actions/restore-backup.ts'),
            import('../../report/plan-screen.ts'),
            import('../results/restore.ts'),
          ]);
        const spec = await session.spec();
        const wanted = args[0] as string;
        const { writeSpec, confirm: given, bundle } = options;
        if (writeSpec !== undefined) {
          const written = await writeArchivedSpec(session.ctx, spec, wanted, keyFiles(options), writeSpec);
          return { data: written, text: (theme) => renderSpecWritten(written, theme) };
        }
        const report = await restoreBackup(session.ctx, spec, wanted, {
          keys: keyFiles(options),
          startedMs,
          ...(bundle === undefined ? {} : { bundleDir: bundle }),
          confirm: async (plan) => {
            session.show((theme) => renderPlan(plan, theme));
            const question = `The state of cluster ${spec.name} will be replaced. Type its name to go on:`;
            await session.confirmName(question, spec.name, given);
          },
        });
        return { data: report, text: (theme) => renderRestore(report, theme) };
      }),
    );
}
