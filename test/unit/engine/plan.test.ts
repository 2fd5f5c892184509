// A plan as data: what each disruptive step is told by the gate's arithmetic, and who is left out.
import { beforeAll, describe, expect, it } from 'vitest';
import { makePlan, planReport, skippedMachines } from '../../../src/engine/plan.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import type { Phase, Step } from '../../../src/phases/step.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { facing, planned, withDead } from '../phases/scenario.ts';

const spec = makeSpec();
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

/** The texts of a plan with these disruptions, in order. */
function budget(observed: Observed, ...actions: readonly [kind: 'restart' | 'remove' | 'promote', machine: string][]) {
  const steps = actions.map(([kind, machine], index): Step => {
    const run = async () => {};
    return { id: `${index}`, lane: 'x', title: kind, why: 'test', disruption: { kind, machine }, run };
  });
  const phase: Phase = { id: 'p', title: 'p', plan: () => steps };
  return planReport(spec, observed, [{ phase, steps }]).phases.flatMap((p) => p.steps.map(({ quorum }) => quorum));
}

describe('the quorum budget of a plan', () => {
  it('has every member back before the next one is restarted', () => {
    const text = '3 voters, 1 planned down, tolerance left 0';
    expect(budget(healthy, ['restart', 'cp1'], ['restart', 'cp2'], ['restart', 'cp3'])).toEqual([text, text, text]);
  });

  it('counts members that have joined or left by then', () => {
    expect(budget(healthy, ['promote', 'cp4'], ['promote', 'cp5'], ['remove', 'cp1'], ['restart', 'cp2'])).toEqual([
      '3 voters, 4 with cp4; 4 voters, tolerance left 1',
      '4 voters, 5 with cp5; 5 voters, tolerance left 2',
      '5 voters, 4 after removing cp1; 4 voters, tolerance left 1',
      '4 voters, 1 planned down, tolerance left 0',
    ]);
  });

  it('says what the gate will refuse', () => {
    expect(budget(withDead(healthy, 'cp3'), ['restart', 'cp1'], ['restart', 'cp3'])).toEqual([
      '3 voters, 1 down (cp3): restarting cp1 would leave 1 up, below quorum 2',
      'cp3 is down already, restarting it takes nothing away; 3 voters, 1 down (cp3), tolerance left 0',
    ]);
  });

  it('says that a single voter means an outage', async () => {
    const one = makeSpec({ controlPlanes: 1, workers: 0 });
    const observed = await healthyCluster(
      makeSpec({ controlPlanes: 1, workers: 0, overrides: { kubernetesVersion: 'v1.36.1' } }),
    );
    expect(planned(one, observed).find(({ id }) => id === 'cp1/roll')?.quorum).toBe(
      'cp1 is the only voter: the API is down while it restarts, as agreed',
    );
  });

  it('is absent from steps that take nothing away', () => {
    const steps = planned(makeSpec({ workers: 1 }), facing(makeSpec({ workers: 1 }), healthy));
    expect(steps.length).toBeGreaterThan(0);
    expect(steps.filter(({ disruptive, quorum }) => disruptive || quorum !== undefined)).toEqual([]);
  });
});

describe('the plan of a cluster that is not there yet', () => {
  it('leaves out what only changes living clusters', () => {
    const { etcd: _etcd, kube: _kube, ...rest } = healthy;
    const machines = Object.fromEntries(spec.machines.map(({ name }) => [name, { name, state: 'absent' as const }]));
    const ids = makePlan(spec, { ...rest, machines, apiServers: [] }).map(({ phase }) => phase.id);
    expect(ids).toEqual(['start-machines', 'prepare-machines', 'start-control-plane', 'form-cluster']);
  });
});

describe('machines that do not answer', () => {
  it('are named; those that leave are no omission', () => {
    const smaller = makeSpec({ workers: 1 });
    const observed = facing(smaller, withDead(withDead(healthy, 'w1'), 'w2'));
    expect(skippedMachines(smaller, observed).map(({ name }) => name)).toEqual(['w1']);
  });
});
