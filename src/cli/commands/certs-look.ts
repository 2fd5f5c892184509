import { type Command, Option } from 'commander';
import { FAMILIES } from '../../core/error-codes.ts';
import { parseDays } from '../duration.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

interface ListFlags {
  readonly machine?: readonly string[];
  readonly expiringWithin?: number;
}

/** `quorate certs list`: every certificate of every machine. */
export function certsListCommand(frame: Frame): Command {
  return newCommand('list', {
    summary: 'show every certificate of every machine, and what is served',
    description:
      'Lists certificates on disk, those embedded in kubeconfigs and those of kubelets: who signed each, when it ends, and whether the ports that it is for present it or still an older one. With -o json also names, serial numbers and fingerprints. It needs no API, and leaves out machines that do not answer.',
    examples: [
      ['quorate certs list', ''],
      ['quorate certs list --expiring-within 60d', 'what ends soon'],
      ['quorate certs list --machine cp1 -o json', 'as data'],
    ],
    takes: ['cluster'],
  })
    .alias('ls')
    .addOption(new Option('--machine <names...>', 'only of these machines'))
    .addOption(new Option('--expiring-within <days>', 'only those that end within this time: 30d').argParser(parseDays))
    .action(
      verb<ListFlags>(frame, 'CertificateList', async (session, { options }) => {
        const [{ listCertificates }, { renderCertificates }] = await Promise.all([
          import('../../actions/certs.ts'),
          import('../results/certs.ts'),
        ]);
        const { machine, expiringWithin } = options;
        const list = await listCertificates(session.ctx, await session.spec(), {
          ...(machine === undefined ? {} : { machines: machine }),
          ...(expiringWithin === undefined ? {} : { withinDays: expiringWithin }),
        });
        return { data: list, text: (theme) => renderCertificates(list, theme) };
      }),
    );
}

/** `quorate certs check`: conditions one by one, and a verdict. */
export function certsCheckCommand(frame: Frame): Command {
  return newCommand('check', {
    summary: 'say what is wrong with certificates, or will be soon',
    description:
      'Checks that no certificate has ended or ends soon, that each is of the right authority, subject and names, that what is served is what lies on disk, that machines share the same authorities, and that the last renewal by a timer did not fail. It ends with 0 when all hold and with 7 when one does not. It needs no API.',
    examples: [
      ['quorate certs check', ''],
      ['quorate certs check -o json', 'for monitoring'],
    ],
    takes: ['cluster'],
  }).action(
    verb(frame, 'CertificateCheck', async (session) => {
      const [{ checkAllCertificates }, { renderCertificateCheck }] = await Promise.all([
        import('../../actions/certs.ts'),
        import('../results/certs.ts'),
      ]);
      const report = await checkAllCertificates(session.ctx, await session.spec());
      const exitCode = report.good ? 0 : FAMILIES.kube;
      return { data: report, text: (theme) => renderCertificateCheck(report, theme), exitCode };
    }),
  );
}
