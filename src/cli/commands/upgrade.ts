import { type Command, Option } from 'commander';
import { FAMILIES } from '../../core/error-codes.ts';
import { QuorateError } from '../../core/errors.ts';
import type { Theme } from '../../report/theme.ts';
import { changeResult, confirmPlan } from '../change.ts';
import type { Session } from '../session.ts';
import { newCommand } from '../teach.ts';
import { type Frame, type VerbBody, type VerbResult, verb } from '../verb.ts';

interface UpgradeFlags {
  readonly to?: string;
  readonly rollback?: boolean;
  readonly bundle?: string;
}

/** `quorate upgrade`: another version of Kubernetes, one machine at a time, and the way back. */
export function upgradeCommand(frame: Frame): Command {
  return newCommand('upgrade', {
    summary: 'go to another version of Kubernetes, or back',
    description:
      'Without options it shows which versions run and where the cluster can go. With --to it saves a snapshot of etcd, changes the control planes one at a time and the workers behind them, waits after each until it is good again, puts a machine back as it was when it is not, and stops there. The version is written into the cluster file. --rollback returns to the version before, while nothing irreversible has happened.',
    examples: [
      ['quorate upgrade', 'what runs, and where it can go'],
      ['quorate upgrade --to v1.36.3', ''],
      ['quorate upgrade --rollback', 'undo an upgrade that stopped half-way, or the last patch release'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(new Option('--to <version>', 'the version to go to'))
    .addOption(new Option('--rollback', 'return to the version before').conflicts('to'))
    .addOption(new Option('--bundle <dir>', 'a directory with artifacts, asked before the network'))
    .action(verb<UpgradeFlags>(frame, 'Upgrade', carryOut));
}

const carryOut: VerbBody<UpgradeFlags> = async (session, { options }) => {
  const spec = await session.spec({ showWarnings: true });
  if (options.to === undefined && !options.rollback) return showVersions(session);
  const [{ upgrade }, { supportedKubernetesVersions }, { renderPlan }, { renderUp }] = await Promise.all([
    import('../../actions/upgrade.ts'),
    import('../../artifacts/catalog.ts'),
    import('../../report/plan-screen.ts'),
    import('../results/up.ts'),
  ]);
  const known = supportedKubernetesVersions();
  if (options.to !== undefined && !known.includes(options.to)) {
    throw new QuorateError('USAGE', `version ${options.to} is not in this release's catalog`, {
      hint: `choose one of: ${known.join(', ')}`,
    });
  }
  const report = await upgrade(session.ctx, spec, {
    to: options.to ?? 'previous',
    ...(options.bundle === undefined ? {} : { bundleDir: options.bundle }),
    confirm: confirmPlan(session, renderPlan),
  });
  return changeResult(report, renderUp);
};

async function showVersions(session: Session): Promise<VerbResult> {
  const [{ upgradeReport }, { renderUpgrade }] = await Promise.all([
    import('../../actions/upgrade.ts'),
    import('../results/upgrade.ts'),
  ]);
  const report = await upgradeReport(session.ctx, await session.spec());
  const text = (theme: Theme) => renderUpgrade(report, theme);
  return { data: report, text, ...(report.problem === undefined ? {} : { exitCode: FAMILIES.connect }) };
}
