import { type Command, Option } from 'commander';
import { FAMILIES } from '../../core/error-codes.ts';
import { parseDuration } from '../duration.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

interface HealthFlags {
  readonly wait?: number | true;
  readonly count?: string;
}

/** --wait alone: nodes become Ready within a minute or two on a busy host. */
const DEFAULT_WAIT_MS = 300_000;

/** `quorate health`: named conditions, one by one. */
export function healthCommand(frame: Frame): Command {
  return newCommand('health', {
    summary: 'check the conditions of a healthy cluster, one by one',
    description:
      'Checks an ordered list of named conditions, from the machines over etcd and the API servers to DNS, and shows what each one saw. It ends with 0 when all hold and with 7 when one does not.',
    examples: [
      ['quorate health', 'look once'],
      ['quorate health --wait 5m', 'until all hold, for at most five minutes'],
      ['quorate health --wait --count 3', 'three times in a row'],
    ],
    takes: ['cluster'],
  })
    .addOption(new Option('--wait [duration]', 'keep looking until all hold (default: 5m)').argParser(parseDuration))
    .addOption(new Option('--count <n>', 'how many looks in a row must find all well').default('1'))
    .action(
      verb<HealthFlags>(frame, 'Health', async (session, { options }) => {
        const [{ health }, { renderHealth }] = await Promise.all([
          import('../../actions/health.ts'),
          import('../results/health.ts'),
        ]);
        const waitMs = options.wait === true ? DEFAULT_WAIT_MS : options.wait;
        const report = await health(session.ctx, await session.spec(), {
          ...(waitMs === undefined ? {} : { waitMs }),
          count: Math.max(1, Number(options.count) || 1),
        });
        const exitCode = report.healthy ? 0 : FAMILIES.kube;
        return { data: report, text: (theme) => renderHealth(report, theme), exitCode };
      }),
    );
}
