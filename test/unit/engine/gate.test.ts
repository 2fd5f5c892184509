import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { applyPhases } from '../../../src/engine/apply.ts';
import { quorumView, runThroughGate } from '../../../src/engine/gate.ts';
import { withLeaving } from '../../../src/machines/fleet.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import type { Step } from '../../../src/phases/step.ts';
import { recordingContext } from '../../helpers/context.ts';
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

const noop = () => {};

function restart(machine: string, run: () => void | Promise<void>): Step {
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

  it('does not stop the only API server that answers, though etcd would survive it', async () => {
    const only = (name: string) => ({
      ...healthy,
      apiServers: healthy.apiServers.map((server) => ({ ...server, ready: server.machine === name })),
    });
    const run = apply([restart('cp1', () => expect.fail('must not run'))], () => only('cp1'));
    await expect(run).rejects.toMatchObject({ code: 'API_SERVERS_AT_RISK' });
    let ran = 0;
    await apply(
      [
        restart('cp2', () => {
          ran += 1;
        }),
      ],
      () => only('cp1'),
    );
    expect(ran).toBe(1);
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
    // A step returns only when its member is back: here after 20 ms, during which the others wait.
    const steps = ['cp1', 'cp2', 'cp3'].map((name) =>
      restart(name, async () => {
        expect(down, 'the one before is back').toBeUndefined();
        order.push(name);
        down = name;
        await sleep(20);
        down = undefined;
      }),
    );
    await apply(steps, () => (down === undefined ? healthy : silent(down)));
    expect(order).toEqual(['cp1', 'cp2', 'cp3']);
  });

  it('starts no further disruptive step once one has failed', async () => {
    const steps = [
      restart('cp1', () => {
        throw new Error('did not come back');
      }),
      restart('cp2', () => expect.fail('must not run')),
    ];
    await expect(apply(steps, () => healthy)).rejects.toThrow('did not come back');
  });

  it('says in a note what it has counted', async () => {
    const ctx = recordingContext();
    const tools = makeToolbox(spec, () => healthy);
    await runThroughGate(ctx, tools, restart('cp1', noop), { machine: 'cp1', kind: 'restart' });
    expect(ctx.events.filter(({ code }) => code === 'note')).toMatchObject([
      { data: { text: 'cp1: 3 voters, 1 planned down, tolerance left 0' } },
    ]);
  });

  it('counts members of machines that leave by their own names', () => {
    const smaller = makeSpec({ controlPlanes: 1, workers: 0 });
    const leaving = spec.machines.filter(({ name }) => name !== 'cp1');
    const members = (healthy.etcd?.members ?? []).map((member) => ({ ...member, name: '' }));
    const view = quorumView(withLeaving(smaller, leaving), { ...healthy, etcd: { alarms: [], members } });
    expect(view.voters.map(({ name }) => name)).toEqual(['cp1', 'cp2', 'cp3']);
  });

  it('tells learners from voters', () => {
    const members = (healthy.etcd?.members ?? []).map((member) => ({ ...member, isLearner: member.name === 'cp3' }));
    const view = quorumView(spec, { ...healthy, etcd: { alarms: [], members } });
    expect(view.voters.map(({ name }) => name)).toEqual(['cp1', 'cp2']);
    expect(view.learners).toEqual(['cp3']);
  });

  it('asks etcd again before it believes that it is gone, and then lets nothing through', async () => {
    const { etcd: _gone, ...mute } = healthy;
    const about = { machine: 'cp1', kind: 'restart' } as const;
    let asked = 0;
    let ran = 0;
    const once = makeToolbox(spec, () => (asked++ === 0 ? mute : healthy));
    const never = makeToolbox(spec, () => mute);
    const count = restart('cp1', () => {
      ran += 1;
    });
    await Promise.all([
      runThroughGate(silentContext(), once, count, about),
      expect(runThroughGate(silentContext(), never, count, about)).rejects.toMatchObject({ code: 'ETCD_UNAVAILABLE' }),
    ]);
    expect({ asked, ran }).toEqual({ asked: 2, ran: 1 });
  });

  it('stops asking when the run is stopped', async () => {
    const { etcd: _gone, ...mute } = healthy;
    const ctx = recordingContext();
    const tools = makeToolbox(spec, () => mute);
    const run = runThroughGate(ctx, tools, restart('cp1', noop), { machine: 'cp1', kind: 'restart' });
    ctx.abort.abort();
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
