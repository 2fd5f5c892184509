import type { DoctorReport } from '../../actions/doctor.ts';
import type { Theme } from '../../report/theme.ts';

/** The preflight for people: every point on a line, evidence beside it, the fix below. */
export function renderDoctor({ checks, cluster, verdict }: DoctorReport, { style, glyphs }: Theme): string {
  const signs = {
    ok: style.green(glyphs.ok),
    warning: style.yellow(glyphs.warning),
    failed: style.red(glyphs.failed),
    skipped: style.dim(glyphs.skipped),
  } as const;
  const lines = checks.flatMap(({ state, title, evidence, fix }) => [
    `${signs[state]} ${title}  ${style.dim(evidence)}`,
    ...(fix === undefined ? [] : [`    fix: ${fix}`]),
  ]);
  return [...lines, '', closing(checks, cluster, verdict)].join('\n');
}

function closing(checks: DoctorReport['checks'], cluster: string, verdict: DoctorReport['verdict']): string {
  const count = (state: string) => checks.filter((check) => check.state === state).length;
  const counts = `${count('ok')} ok, ${count('warning')} warnings, ${count('failed')} failed, ${count('skipped')} skipped`;
  if (verdict === 'failed') return `cluster ${cluster} cannot be built like this: ${counts}`;
  return `cluster ${cluster} can be built: ${counts}`;
}
