import type { Command } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate status`: the whole HA picture on one screen. */
export function statusCommand(frame: Frame): Command {
  return newCommand('status', {
    summary: 'show the whole cluster on one screen',
    description:
      'Shows quorum and how many more failures it survives, etcd members with their leader, API servers behind the load balancers, who holds the virtual IP and the leases, nodes, the days left of certificates, and warnings. It reads only; what does not answer is shown as such.',
    examples: [
      ['quorate status', ''],
      ['watch -n 2 quorate status', 'while something is being broken'],
      ['quorate status -o json', 'as data, for a script'],
    ],
    takes: ['cluster'],
  }).action(
    verb(frame, 'Status', async (session) => {
      const [{ status }, { renderStatus }] = await Promise.all([
        import('../../actions/status.ts'),
        import('../../report/status-screen.ts'),
      ]);
      const report = await status(session.ctx, await session.spec());
      return { data: report, text: (theme) => renderStatus(report, theme) };
    }),
  );
}
