import type { HealthReport } from '../../actions/health.ts';
import { renderConditions } from '../../report/health-screen.ts';
import type { Theme } from '../../report/theme.ts';

/** Every condition on a line, and the verdict. */
export function renderHealth({ cluster, conditions, healthy }: HealthReport, theme: Theme): string {
  const failures = conditions.filter(({ state }) => state === 'failed').length;
  const verdict = healthy
    ? theme.style.green(`cluster ${cluster} is healthy`)
    : theme.style.red(`cluster ${cluster} is not healthy: ${failures} of ${conditions.length} conditions do not hold`);
  return `${renderConditions(conditions, theme)}\n\n${verdict}`;
}
