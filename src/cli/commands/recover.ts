import { type Command, Option } from 'commander';
import { FAMILIES } from '../../core/error-codes.ts';
import { changeResult } from '../change.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

interface QuorumFlags {
  readonly survivor: string;
  readonly lost: readonly string[];
  readonly confirm?: string;
}

/** `quorate recover`: what has happened, and the way out. */
export function recoverCommand(frame: Frame): Command {
  const recover = newCommand('recover', {
    summary: 'what has happened to the cluster, and which command is the way out',
    description:
      'Looks at machines, members and data, says which situation it is, what was seen, and the one command that gets out of it, with what that will do. It changes nothing by itself, and never acts on a lost quorum unless told so in full. Ends with 6 when something has happened.',
    examples: [
      ['quorate recover', ''],
      ['quorate recover -o json', 'for a script that pages somebody'],
      ['quorate recover quorum --survivor cp1 --lost cp2,cp3', 'when two of three are gone for good'],
    ],
    takes: ['cluster'],
  }).action(
    verb(frame, 'Diagnosis', async (session) => {
      const [{ diagnose }, { renderDiagnosis }] = await Promise.all([
        import('../../actions/recover.ts'),
        import('../results/recover.ts'),
      ]);
      const diagnosis = await diagnose(session.ctx, await session.spec());
      return {
        data: diagnosis,
        text: (theme) => renderDiagnosis(diagnosis, theme),
        ...(diagnosis.situations.length === 0 ? {} : { exitCode: FAMILIES.etcd }),
      };
    }),
  );
  return recover.addCommand(quorumCommand(frame));
}

function quorumCommand(frame: Frame): Command {
  return newCommand('quorum', {
    summary: 'recover a quorum that is lost for good, from a member that is left',
    description:
      'For members that will never come back with their data. Ends what is left of them, gives the survivor a majority with empty stand-ins on its own machine, so that it keeps every write on its disk, removes the lost ones from etcd, and lets new members join until the cluster is as cluster.yaml says. Asks for the name of the cluster before anything is destroyed.',
    examples: [
      ['quorate recover quorum --survivor cp1 --lost cp2,cp3', ''],
      ['quorate recover quorum --survivor cp1 --lost cp2,cp3 --confirm demo', 'without a question'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(
      new Option('--survivor <machine>', 'the machine whose member is left and knows most').makeOptionMandatory(),
    )
    .addOption(
      new Option('--lost <machines>', 'those that will never come back with their data: cp2,cp3')
        .argParser((text: string) => text.split(',').filter(Boolean))
        .makeOptionMandatory(),
    )
    .addOption(new Option('--confirm <name>', 'the name of the cluster, to agree beforehand'))
    .action(
      verb<QuorumFlags>(frame, 'QuorumRecovery', async (session, { options }) => {
        const [{ recoverLostQuorum }, { renderPlan }, { renderUp }] = await Promise.all([
          import('../../actions/recover.ts'),
          import('../../report/plan-screen.ts'),
          import('../results/up.ts'),
        ]);
        const spec = await session.spec();
        const { survivor, lost, confirm: given } = options;
        const report = await recoverLostQuorum(session.ctx, spec, {
          survivor,
          lost,
          confirm: async (plan) => {
            session.show((theme) => renderPlan(plan, theme));
            const question = `What is left of ${lost.join(', ')} will be destroyed. Type the name of the cluster to go on:`;
            await session.confirmName(question, spec.name, given);
          },
        });
        return changeResult(report, renderUp);
      }),
    );
}
