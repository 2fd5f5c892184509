// What the commands that change a cluster share: the plan before the question, and the result behind it.
import type { ChangeReport } from '../actions/carry-out.ts';
import { FAMILIES } from '../core/error-codes.ts';
import type { PlanReport } from '../engine/plan.ts';
import type { Theme } from '../report/theme.ts';
import type { Session } from './session.ts';
import type { VerbResult } from './verb.ts';

/** Shows the plan and asks; with --yes it does neither. */
export function confirmPlan(
  session: Session,
  renderPlan: (plan: PlanReport, theme: Theme) => string,
): (plan: PlanReport) => Promise<void> {
  return async (plan) => {
    if (!session.options.yes) session.show((theme) => renderPlan(plan, theme));
    await session.confirm(`Do this to cluster ${plan.cluster}?`);
  };
}

/** The report as a result. With machines left out it ends with an exit code of its own: done, as far as it could be. */
export function changeResult(report: ChangeReport, render: (report: ChangeReport, theme: Theme) => string): VerbResult {
  return {
    data: report,
    text: (theme) => render(report, theme),
    ...(report.skipped.length === 0 ? {} : { exitCode: FAMILIES.incomplete }),
  };
}
