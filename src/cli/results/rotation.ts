import type { RotateReport } from '../../actions/rotate.ts';
import { formatDuration } from '../../core/wait.ts';
import { count } from '../../report/format.ts';
import type { Theme } from '../../report/theme.ts';

const NAMES: Readonly<Record<RotateReport['kind'], string>> = {
  authorities: 'the three authorities',
  'service-account': 'the service account key',
  encryption: 'the encryption key',
};

/** What was done, where it stands, and what people have to do now. */
export function renderRotation(report: RotateReport, theme: Theme): string {
  const { style, glyphs } = theme;
  const took = style.dim(formatDuration(report.durationMs));
  const stages = report.stages.map(
    ({ stage, steps, durationMs }) => `  ${stage.padEnd(9)} ${count(steps, 'step')}, ${formatDuration(durationMs)}`,
  );
  const verdict =
    report.stages.length === 0
      ? `rotation of ${NAMES[report.kind]}: nothing to do in this direction`
      : `rotation of ${NAMES[report.kind]}: ${report.state === undefined ? 'ended' : `at its stage "${report.state}"`}`;
  return [
    `${style.green(glyphs.ok)} ${verdict}  ${took}`,
    ...stages,
    ...behindLines(report, theme),
    ...nextLines(report, theme),
  ].join('\n');
}

function behindLines({ behind }: RotateReport, { style, glyphs }: Theme): readonly string[] {
  if (behind === undefined || behind.workloads.length + behind.pods.length === 0) return [];
  const names = [
    ...behind.workloads.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`),
    ...behind.pods,
  ];
  return [
    style.yellow(`${glyphs.warning} started before the new authorities, and may have to be restarted before reissue:`),
    ...names.map((name) => `    ${name}`),
  ];
}

function nextLines({ kind, state, stages }: RotateReport, { style }: Theme): readonly string[] {
  const lines = hints(kind, state, stages.at(-1)?.stage);
  return lines.length === 0 ? [] : ['', 'next:', ...lines.map(([what, why]) => `  ${style.bold(what)}  ${why}`)];
}

function hints(
  kind: RotateReport['kind'],
  state: RotateReport['state'],
  last: RotateReport['state'],
): readonly (readonly [string, string])[] {
  const kubeconfig = (why: string) => ['quorate kubeconfig --merge', why] as const;
  if (kind === 'authorities') {
    if (state === 'trusted') {
      return [
        kubeconfig('for everyone, before the next stage: it trusts both authorities'),
        ['quorate certs rotate-ca', 'go on'],
      ];
    }
    if (state === 'reissued') {
      return [
        kubeconfig('for everyone, before the last stage: its certificate is of the new authority'),
        ['quorate certs rotate-ca', 'go on: no way back from there'],
      ];
    }
    return last === 'distrust' ? [kubeconfig('for everyone: others are refused now')] : [];
  }
  if (state === 'signed') return [['quorate certs rotate-sa-key --finish', 'in an hour: forget the old key']];
  return [];
}
