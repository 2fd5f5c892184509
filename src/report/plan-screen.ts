// A plan as people read it before they say yes.
import type { PlanReport } from '../engine/plan.ts';
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
function groupAlike(steps: PlanReport['phases'][number]['steps']): PlanReport['phases'][number]['steps'][] {
  const groups = new Map<string, PlanReport['phases'][number]['steps'][number][]>();
  for (const step of steps) {
    const key = [step.title.replace(/\(.*\)$/, ''), step.why, step.disruptive].join('\n');
    groups.set(key, [...(groups.get(key) ?? []), step]);
  }
  return [...groups.values()];
}

function renderGroup(group: PlanReport['phases'][number]['steps'], { style }: Theme): string {
  const [first] = group;
  if (!first) return '';
  const machines = group.flatMap(({ machine }) => (machine === undefined ? [] : [machine])).join(', ');
  const mark = first.disruptive ? style.yellow('~') : style.green('+');
  const disruption = first.disruptive ? style.yellow('  one at a time, through the quorum gate') : '';
  return `  ${mark} ${machines === '' ? '' : `${style.bold(machines)}: `}${titleOf(group)}  ${style.dim(first.why)}${disruption}`;
}

/** What is in parentheses is dropped where the machines differ in it: roles, addresses, numbers of files. */
function titleOf(group: PlanReport['phases'][number]['steps']): string {
  const titles = new Set(group.map(({ title }) => title));
  const [title = ''] = titles;
  return titles.size === 1 ? title : title.replace(/ *\(.*\)$/, '');
}
