// `quorate certs rotate-ca|rotate-sa-key|rotate-encryption-key`: each in stages, with a plan and a question before every one.
import { type Command, Option } from 'commander';
import type { RotateOptions } from '../../actions/rotate.ts';
import type { PlanReport } from '../../engine/plan.ts';
import type { RotationStage } from '../../pki/rotation.ts';
import { parseDuration } from '../duration.ts';
import type { Session } from '../session.ts';
import { newCommand } from '../teach.ts';
import { type Frame, type VerbResult, verb } from '../verb.ts';

interface RotateFlags {
  readonly until?: RotationStage;
  readonly rollback?: boolean;
  readonly restartWorkloads?: boolean;
  readonly finish?: boolean;
  readonly minAge?: number;
}

/** `quorate certs rotate-ca` */
export function rotateCaCommand(frame: Frame): Command {
  return newCommand('rotate-ca', {
    summary: 'replace all three certificate authorities, in stages, while the cluster serves',
    description:
      "Replaces the cluster's, etcd's and the front proxy's authorities. First everything trusts the old and the new ones (trust), then every certificate is issued by the new ones (reissue), then nothing trusts the old ones any more (distrust). Each stage shows its plan, asks, and is rolled out one machine at a time. A run that was ended continues with the same command; before the last stage --rollback puts the old authorities back. After the first and the second stage everyone needs a new kubeconfig.",
    examples: [
      ['quorate certs rotate-ca --until trust', 'the first stage; then hand out kubeconfigs'],
      ['quorate certs rotate-ca', 'go on, to the end'],
      ['quorate certs rotate-ca --rollback', 'back to the old authorities, before the last stage has begun'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(new Option('--until <stage>', 'stop behind this stage').choices(['trust', 'reissue', 'distrust']))
    .addOption(new Option('--rollback', 'put the old authorities back').conflicts(['until', 'restartWorkloads']))
    .addOption(
      new Option('--restart-workloads', "also restart others' workloads that have read the authorities before"),
    )
    .action(
      verb<RotateFlags>(frame, 'Rotation', (session, { options }) =>
        carryOut(session, {
          kind: 'authorities',
          direction: options.rollback ? 'rollback' : 'forward',
          ...(options.until === undefined ? {} : { until: options.until }),
          ...(options.restartWorkloads ? { restartWorkloads: true } : {}),
        }),
      ),
    );
}

/** `quorate certs rotate-sa-key` */
export function rotateSaKeyCommand(frame: Frame): Command {
  return newCommand('rotate-sa-key', {
    summary: 'replace the key that signs service account tokens',
    description:
      'First every API server verifies tokens of the old and of the new key, then they sign with the new one. Pods get new tokens within an hour; --finish then drops the old key, and is refused before. A run that was ended continues with the same command; while nothing is signed with the new key, --rollback drops that one instead.',
    examples: [
      ['quorate certs rotate-sa-key', 'verify with both, sign with the new one'],
      ['quorate certs rotate-sa-key --finish', 'an hour later: forget the old one'],
    ],
    takes: ['cluster', 'act'],
  })
    .addOption(new Option('--finish', 'forget the old key').conflicts('rollback'))
    .addOption(new Option('--rollback', 'drop the new key, while it has signed nothing'))
    .addOption(
      new Option(
        '--min-age <duration>',
        'how long the new key must have signed before --finish (default 1h; less only when every pod has begun anew)',
      ).argParser(parseDuration),
    )
    .action(
      verb<RotateFlags>(frame, 'Rotation', (session, { options }) =>
        carryOut(session, {
          kind: 'service-account',
          direction: options.rollback ? 'rollback' : options.finish ? 'finish' : 'forward',
          ...(options.minAge === undefined ? {} : { minAgeMs: options.minAge }),
        }),
      ),
    );
}

/** `quorate certs rotate-encryption-key` */
export function rotateEncryptionKeyCommand(frame: Frame): Command {
  return newCommand('rotate-encryption-key', {
    summary: 'replace the key that Secrets are encrypted with in etcd, and encrypt them again',
    description:
      "Adds a new key on every API server, makes it the one that writes, writes every Secret again, looks at etcd's raw bytes to see that none is encrypted with the old key, and drops that one. API servers read the configuration again by themselves, within a minute; nothing is restarted. A run that was ended continues with the same command.",
    examples: [['quorate certs rotate-encryption-key', 'all of it; about four minutes']],
    takes: ['cluster', 'act'],
  })
    .addOption(new Option('--rollback', 'drop the new key, while nothing is written with it'))
    .action(
      verb<RotateFlags>(frame, 'Rotation', (session, { options }) =>
        carryOut(session, { kind: 'encryption', direction: options.rollback ? 'rollback' : 'forward' }),
      ),
    );
}

async function carryOut(session: Session, options: Omit<RotateOptions, 'confirm'>): Promise<VerbResult> {
  const [{ rotate }, { renderPlan }, { renderRotation }] = await Promise.all([
    import('../../actions/rotate.ts'),
    import('../../report/plan-screen.ts'),
    import('../results/rotation.ts'),
  ]);
  const confirm = async (plan: PlanReport, stage: string) => {
    if (!session.options.yes) session.show((theme) => renderPlan(plan, theme));
    await session.confirm(`Stage "${stage}" on cluster ${plan.cluster}: do this?`);
  };
  const report = await rotate(session.ctx, await session.spec(), { ...options, confirm });
  // `kind` says what the document is.
  const { kind: rotation, ...data } = report;
  return { data: { rotation, ...data }, text: (theme) => renderRotation(report, theme) };
}
