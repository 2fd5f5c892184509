// The plan as people read it: what is folded into one line, and what is said below it. Whole plans are in test/golden/plan.
import { describe, expect, it } from 'vitest';
import type { PlanReport, PlanStep } from '../../../src/engine/plan.ts';
import { renderPlan } from '../../../src/report/plan-screen.ts';
import { makeStyle } from '../../../src/report/style.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';

const step = (fields: Partial<PlanStep>): PlanStep => ({
  id: 'x',
  title: 'do it',
  why: 'it differs',
  disruptive: false,
  ...fields,
});

function report(...steps: PlanStep[]): PlanReport {
  return {
    cluster: 'demo',
    kubernetesVersion: 'v1.36.3',
    endpoint: 'https://10.88.0.10:6443',
    quorum: '3 voters, quorum 2, tolerates 1 failure',
    changes: steps.length,
    phases: [{ id: 'p', title: 'Change it', steps }],
    skipped: [],
  };
}

/** The lines below the phase's title. */
const lines = (...steps: PlanStep[]) =>
  renderPlan(report(...steps), PLAIN_THEME)
    .split('\n')
    .slice(3, -2);
const roll = (machine: string, fields: Partial<PlanStep> = {}) => step({ id: `${machine}/roll`, machine, ...fields });

describe('the screen of a plan', () => {
  it('says that there is nothing to do', () => {
    expect(renderPlan({ ...report(), phases: [] }, PLAIN_THEME)).toBe(
      'demo  Kubernetes v1.36.3 at https://10.88.0.10:6443; 3 voters, quorum 2, tolerates 1 failure\nnothing to change: the cluster is as specified',
    );
  });

  it('counts one step as one', () => {
    expect(
      renderPlan(report(step({})), PLAIN_THEME)
        .split('\n')
        .at(-1),
    ).toBe('1 step');
  });

  it('shows the parts of a step below it, one a line', () => {
    expect(lines(roll('cp1', { details: ['install kubelet', 'write static pods'] }))).toEqual([
      '  + cp1: do it  it differs',
      '      install kubelet',
      '      write static pods',
    ]);
  });

  it('shows them for several machines only where all have the same', () => {
    expect(lines(roll('cp1', { details: ['a', 'b'] }), roll('cp2', { details: ['a', 'b'] }))).toEqual([
      '  + cp1, cp2: do it  it differs',
      '      a',
      '      b',
    ]);
    expect(lines(roll('cp1', { details: ['a', 'b'] }), roll('cp2', { details: ['a'] }))).toEqual([
      '  + cp1, cp2: do it  it differs',
    ]);
    expect(lines(roll('cp1'), roll('cp2', { details: ['a'] }))).toEqual(['  + cp1, cp2: do it  it differs']);
  });

  it('says what the quorum gate will, of several machines what it says of the first', () => {
    const disruptive = (quorum: string) => ({ disruptive: true, quorum });
    expect(lines(roll('cp4', disruptive('4 voters')), roll('cp5', disruptive('5 voters')))).toEqual([
      '  ~ cp4, cp5: do it  it differs  4 voters',
    ]);
  });

  it('folds machines that differ in what stands in parentheses, and drops it', () => {
    expect(lines(roll('cp1', { title: 'boot it (worker)' }), roll('cp2', { title: 'boot it (etcd)' }))).toEqual([
      '  + cp1, cp2: boot it  it differs',
    ]);
  });

  it('never folds steps for the cluster as a whole into one', () => {
    const apply = (id: string, what: string) => step({ id, title: `apply 1 object (${what})` });
    expect(lines(apply('a', 'with kube-proxy'), apply('b', 'ConfigMap'))).toEqual([
      '  + apply 1 object (with kube-proxy)  it differs',
      '  + apply 1 object (ConfigMap)  it differs',
    ]);
  });

  it('dims the parts', () => {
    const text = renderPlan(report(roll('cp1', { details: ['a part'] })), { ...PLAIN_THEME, style: makeStyle(true) });
    expect(text).toContain('      \u001b[2ma part\u001b[22m');
  });

  it('names who is left out, in one line', () => {
    const text = renderPlan({ ...report(step({})), skipped: [{ name: 'w2', reason: 'no route\nmore' }] }, PLAIN_THEME);
    expect(text.split('\n')[1]).toBe('! w2 is left out: no route');
  });
});
