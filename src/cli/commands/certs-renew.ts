import { type Command, Option } from 'commander';
import { QuorateError } from '../../core/errors.ts';
import { changeResult, confirmPlan } from '../change.ts';
import { parseDays } from '../duration.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

interface RenewFlags {
  readonly all?: boolean;
  readonly machine?: readonly string[];
  readonly within?: number;
}

/** `quorate certs renew`: leaves anew, one machine at a time. */
export function certsRenewCommand(frame: Frame): Command {
  return newCommand('renew', {
    summary: 'issue certificates anew, one machine at a time',
    description:
      'Issues certificates of control planes and etcd members anew, all or the named ones, with fresh keys. After each machine it waits until the new ones are in use and the machine is well. API servers and etcd read theirs again by themselves; controller-manager and scheduler are started anew while another one leads. It works without an API, and with every certificate expired. Kubelets renew their own; one that has missed its time is given a new one and started anew. A kubeconfig that quorate kubeconfig has given out stays as it is.',
    examples: [
      ['quorate certs renew', 'all of them'],
      ['quorate certs renew apiserver etcd-server --machine cp1', 'two of one machine'],
      ['quorate certs renew --within 90d', 'what ends within three months'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('[names...]', 'as quorate certs list shows them')
    .addOption(new Option('--all', 'every certificate, as without names'))
    .addOption(new Option('--machine <names...>', 'only of these machines'))
    .addOption(new Option('--within <days>', 'only those that end within this time: 30d').argParser(parseDays))
    .action(
      verb<RenewFlags>(frame, 'CertificateRenewal', async (session, { args, options }) => {
        const [{ renew }, { renderPlan }, { renderRenewal }] = await Promise.all([
          import('../../actions/certs.ts'),
          import('../../report/plan-screen.ts'),
          import('../results/certs.ts'),
        ]);
        const names = args[0] as readonly string[];
        const { all, machine, within } = options;
        if (all && names.length > 0) throw new QuorateError('USAGE', 'either names or --all, not both');
        const choice = {
          ...(names.length === 0 ? {} : { names }),
          ...(machine === undefined ? {} : { machines: machine }),
          ...(within === undefined ? {} : { withinDays: within }),
        };
        const confirm = confirmPlan(session, renderPlan);
        return changeResult(await renew(session.ctx, await session.spec(), choice, { confirm }), renderRenewal);
      }),
    );
}
