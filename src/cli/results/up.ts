import type { ChangeReport } from '../../actions/carry-out.ts';
import { formatDuration } from '../../core/wait.ts';
import { count } from '../../report/format.ts';
import type { Theme } from '../../report/theme.ts';

/** How `up` ended, and the commands that a reader would type next. */
export function renderUp(report: ChangeReport, { style, glyphs }: Theme): string {
  const took = style.dim(formatDuration(report.durationMs));
  const left = report.skipped.map(({ name, reason }) =>
    style.yellow(`${glyphs.warning} ${name} was left out: ${reason}`),
  );
  const bad = report.conditions.filter(({ state }) => state === 'failed');
  const unwell = bad.map(({ title, detail }) => style.yellow(`${glyphs.warning} not so: ${title} (${detail})`));
  if (report.changes === 0) {
    return [
      `${style.green(glyphs.ok)} cluster ${report.cluster} is as its file says: nothing to do  ${took}`,
      ...left,
      ...unwell,
    ].join('\n');
  }
  const verdict = bad.length === 0 ? 'is up and healthy' : 'is up, with machines missing';
  return [
    `${style.green(glyphs.ok)} cluster ${report.cluster} ${verdict} at ${report.endpoint}  ${count(report.changes, 'step')}, ${took}`,
    ...left,
    ...unwell,
    '',
    'next:',
    `  ${style.bold('quorate status')}             the whole cluster on one screen`,
    `  ${style.bold('quorate kubectl get nodes')}  kubectl of the right version`,
    `  ${style.bold('quorate kubeconfig --merge')} a context in your own kubeconfig`,
  ].join('\n');
}
