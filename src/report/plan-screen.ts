// A plan as people read it before they say yes.
import type { PlanReport, PlanStep } from '../engine/plan.ts';
import { count } from './format.ts';
import type { Theme } from './theme.ts';

/** Phases and steps, machine by machine where a phase does the same on several. */
export function renderPlan(report: PlanReport, theme: Theme): string {
  const { style } = theme;
  const head = `${style.bold(report.cluster)}  Kubernetes ${report.kubernetesVersion} at ${report.endpoint}; ${report.quorum}`;
  const skipped = report.skipped.map(
    ({ name, reason }) => `${style.yellow(theme.glyphs.warning)} ${name} is left out: ${reason.split('\n')[0]}`,
  );
  if (report.changes === 0) return [head, ...skipped, 'nothing to change: the cluster is as specified'].join('\n');
  const phases = report.phases.map((phase) => renderPhase(phase, theme));
  return [head, ...skipped, '', ...phases, '', count(report.changes, 'step')].join('\n');
}

function renderPhase({ title, steps }: PlanReport['phases'][number], theme: Theme): string {
  return [theme.style.cyan(title), ...groupAlike(steps).map((group) => renderGroup(group, theme))].join('\n');
}

/** Steps that differ only in their machine are one line: `cp1, cp2, cp3  write …`. */
function groupAlike(steps: readonly PlanStep[]): (readonly PlanStep[])[] {
  const groups = new Map<string, PlanStep[]>();
  for (const step of steps) {
    // Steps for the cluster as a whole differ in just what stands in parentheses.
    const what = step.machine === undefined ? step.id : step.title.replace(/\(.*\)$/, '');
    const key = [what, step.why, step.disruptive].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  return [...groups.values()];
}

function renderGroup(group: readonly PlanStep[], { style }: Theme): string {
  const [first] = group;
  if (!first) return '';
  const machines = group.flatMap(({ machine }) => (machine === undefined ? [] : [machine])).join(', ');
  const mark = first.disruptive ? style.yellow('~') : style.green('+');
  // Of several machines the first one's: the gate lets them through one at a time and counts anew for each.
  const quorum = first.quorum === undefined ? '' : style.yellow(`  ${first.quorum}`);
  const head = `  ${mark} ${machines === '' ? '' : `${style.bold(machines)}: `}${titleOf(group)}  ${style.dim(first.why)}${quorum}`;
  return [head, ...sharedDetails(group).map((detail) => `      ${style.dim(detail)}`)].join('\n');
}

/** The parts of the step, where every machine has the same ones. */
function sharedDetails(group: readonly PlanStep[]): readonly string[] {
  const lists = new Set(group.map(({ details = [] }) => details.join('\n')));
  return lists.size === 1 ? (group[0]?.details ?? []) : [];
}

/** What is in parentheses is dropped where the machines differ in it: roles, addresses, numbers of files. */
function titleOf(group: readonly PlanStep[]): string {
  const titles = new Set(group.map(({ title }) => title));
  const [title = ''] = titles;
  return titles.size === 1 ? title : title.replace(/ *\(.*\)$/, '');
}
