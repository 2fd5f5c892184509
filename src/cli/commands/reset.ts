import type { Command } from 'commander';
import { FAMILIES } from '../../core/error-codes.ts';
import { confirmPlan } from '../change.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate reset MACHINE`: out of the cluster, and everything of the cluster off it. */
export function resetCommand(frame: Frame): Command {
  return newCommand('reset', {
    summary: 'take a machine out of the cluster and clean it',
    description:
      'Moves its pods elsewhere, removes its member from etcd if the others keep their quorum by it, removes its node, and removes everything of the cluster from it: a machine that quorate made is destroyed, from a host of others everything of the cluster goes, and Debian packages stay. cluster.yaml still names it: the next apply makes it join anew.',
    examples: [
      ['quorate reset worker2', ''],
      ['quorate machine replace cp2', 'the same, and a new one at once'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('<machine>', 'its name')
    .action(
      verb(frame, 'Reset', async (session, { args }) => {
        const [{ resetMachine }, { renderPlan }] = await Promise.all([
          import('../../actions/replace.ts'),
          import('../../report/plan-screen.ts'),
        ]);
        const name = args[0] as string;
        const confirm = confirmPlan(session, renderPlan);
        const report = await resetMachine(session.ctx, await session.spec(), name, { confirm });
        const isSilent = report.skipped.some((machine) => machine.name === name);
        return {
          data: report,
          ...(isSilent ? { exitCode: FAMILIES.incomplete } : {}),
          text: ({ style, glyphs }) =>
            isSilent
              ? `${style.yellow(glyphs.warning)} ${name} has left cluster ${report.cluster}; it did not answer, so what is on its disk stays there`
              : `${style.green(glyphs.ok)} ${name} has left cluster ${report.cluster} and is clean`,
        };
      }),
    );
}
