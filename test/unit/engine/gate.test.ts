import { beforeAll, describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { applyPhases } from '../../../src/engine/apply.ts';
import { quorumView } from '../../../src/engine/gate.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import type { Step } from '../../../src/phases/step.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { makeToolbox } from '../../helpers/toolbox.ts';

const spec = makeSpec({ workers: 0 });
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

/** The cluster with the etcd members of these machines silent. */
function silent(...names: string[]): Observed {
  const members = (healthy.etcd?.members ?? []).map((member) => {
    const { status, ...rest } = member;
    return names.includes(member.name) || !status ? rest : member;
  });
  return { ...healthy, etcd: { alarms: [], members } };
}

function restart(machine: string, run: () => void): Step {
  const disruption = { machine, kind: 'restart' as const };
  return {
    id: `${machine}/x`,
    lane: machine,
    machine,
    title: 'restart',
    why: 'test',
    disruption,
    run: async () => run(),
  };
}

const apply = (steps: readonly Step[], seen: () => Observed) =>
  applyPhases(silentContext(), makeToolbox(spec, seen), healthy, [{ id: 'p', title: 'p', plan: () => steps }]);

describe('the quorum gate', () => {
  it('counts a member that does not answer as down', () => {
    expect(quorumView(spec, silent('cp2')).voters).toEqual([
      { name: 'cp1', up: true },
      { name: 'cp2', up: false },
      { name: 'cp3', up: true },
    ]);
  });

  it('knows a member that has never started by its peer address, and a cordoned node as planned down', () => {
    const members = (healthy.etcd?.members ?? []).map((member) =>
      member.name === 'cp3' ? { ...member, name: '' } : member,
    );
    const nodes = (healthy.kube?.nodes ?? []).map((node) => ({ ...node, schedulable: node.name !== 'cp1' }));
    const kube = healthy.kube ?? expect.fail('answers');
    const view = quorumView(spec, { ...healthy, etcd: { alarms: [], members }, kube: { ...kube, nodes } });
    expect(view.voters.map(({ name }) => name)).toEqual(['cp1', 'cp2', 'cp3']);
    expect(view.plannedDown).toEqual(['cp1']);
  });

  it('refuses to restart a second member while one is down', async () => {
    const run = apply([restart('cp1', () => expect.fail('must not run'))], () => silent('cp2'));
    await expect(run).rejects.toMatchObject({ code: 'ETCD_QUORUM_AT_RISK' });
  });

  it('restarts the member that is down already', async () => {
    let isUp = false;
    await apply(
      [
        restart('cp2', () => {
          isUp = true;
        }),
      ],
      () => (isUp ? healthy : silent('cp2')),
    );
    expect(isUp).toBe(true);
  });

  it('takes disruptive steps of different machines one at a time, each after the one before is back', async () => {
    const order: string[] = [];
    let down: string | undefined;
    const steps = ['cp1', 'cp2', 'cp3'].map((name) =>
      restart(name, () => {
        expect(down, 'the one before is back').toBeUndefined();
        order.push(name);
        down = name;
        setTimeout(() => {
          down = undefined;
        }, 30);
      }),
    );
    await apply(steps, () => (down === undefined ? healthy : silent(down)));
    expect(order).toEqual(['cp1', 'cp2', 'cp3']);
  }, 30_000);
});
