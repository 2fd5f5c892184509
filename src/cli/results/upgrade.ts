import type { UpgradeReport } from '../../actions/upgrade.ts';
import { renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** Which versions run, and where the cluster can go from there. */
export function renderUpgrade(report: UpgradeReport, theme: Theme): string {
  const { style, glyphs } = theme;
  const versions = new Map<string, string[]>();
  for (const { name, version } of report.nodes) versions.set(version, [...(versions.get(version) ?? []), name]);
  const nodes = [...versions].map(([version, names]) => `  ${version}  ${names.join(', ')}`);
  const warn = (text: string) => `${style.yellow(glyphs.warning)} ${text}`;
  const warnings = [
    ...(report.problem === undefined ? [] : [warn(`${report.problem}; look at: quorate status`)]),
    ...(report.upgradingTo === undefined ? [] : [warn(`an upgrade to ${report.upgradingTo} has begun and not ended`)]),
    ...(report.rollingBackTo === undefined
      ? []
      : [warn(`the way back to ${report.rollingBackTo} has begun and not ended`)]),
  ];
  const back =
    report.previous === undefined ? [] : [`back     quorate upgrade --rollback returns to ${report.previous}`];
  const targets = renderTable(
    [
      {
        header: 'VERSION',
        value: ({ version }) => version,
        paint: (text, { ok }) => (ok ? style.green(text) : style.dim(text)),
      },
      { header: 'FROM HERE', value: ({ reason }) => reason },
    ],
    report.targets,
    theme,
    '  ',
  );
  return [
    `${style.bold(report.cluster)}  Kubernetes ${report.version ?? 'unknown'}; its file says ${report.wanted}`,
    ...warnings,
    ...(nodes.length === 0 ? [] : [style.cyan('Nodes'), ...nodes]),
    style.cyan('Versions of this release'),
    targets,
    ...back,
  ].join('\n');
}
