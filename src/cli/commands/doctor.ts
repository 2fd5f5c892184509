import type { Command } from 'commander';
import { FAMILIES } from '../../core/error-codes.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate doctor`: what this host lacks. */
export function doctorCommand(frame: Frame): Command {
  return newCommand('doctor', {
    summary: 'find out what this host lacks, each point with a fix',
    description:
      'Looks at this host before a cluster is built on it (or from it): rights, programs, memory, disk space and latency, kernel, subnets, virtual IP, clock, and where the parts of a cluster can come from. Nothing is changed, but for a scratch file that measures the disk. It ends with 3 when something would make `quorate up` fail.',
    examples: [
      ['quorate doctor', 'for ./cluster.yaml, or the demo cluster'],
      ['quorate doctor -f prod.yaml -o json', 'for a script'],
    ],
    takes: ['cluster'],
  }).action(
    verb(frame, 'Doctor', async (session) => {
      const [{ doctor }, { renderDoctor }] = await Promise.all([
        import('../../actions/doctor.ts'),
        import('../results/doctor.ts'),
      ]);
      const report = await doctor(session.ctx, await session.spec());
      return {
        data: report,
        text: (theme) => renderDoctor(report, theme),
        exitCode: report.verdict === 'failed' ? FAMILIES.precondition : 0,
      };
    }),
  );
}
