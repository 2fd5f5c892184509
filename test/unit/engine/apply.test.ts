import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { QuorateError } from '../../../src/core/errors.ts';
import { EventBus, type QuorateEvent } from '../../../src/core/events.ts';
import { applyPhases } from '../../../src/engine/apply.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import type { Phase, Step } from '../../../src/phases/step.ts';
import { absentCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { makeToolbox } from '../../helpers/toolbox.ts';

const spec = makeSpec({ controlPlanes: 0, workers: 0 });
const observed = absentCluster(spec);
const tools = makeToolbox(spec, () => observed);

function step(lane: string, id: string, run: () => Promise<void> | void, extra: Partial<Step> = {}): Step {
  return { id: `${lane}/${id}`, lane, title: id, why: 'test', run: async () => run(), ...extra };
}
const phase = (id: string, plan: Phase['plan']): Phase => ({ id, title: id, plan });

describe('applying phases', () => {
  it('runs lanes in parallel and the steps of a lane in order', async () => {
    const log: string[] = [];
    const slow = (text: string) => async () => {
      log.push(`${text}…`);
      await sleep(20);
      log.push(text);
    };
    const steps = [step('a', '1', slow('a1')), step('b', '1', slow('b1')), step('a', '2', slow('a2'))];
    const result = await applyPhases(silentContext(), tools, observed, [phase('p', () => steps)]);
    expect(result.steps).toBe(3);
    expect(log.slice(0, 2)).toEqual(['a1…', 'b1…']);
    expect(log.indexOf('a2…')).toBeGreaterThan(log.indexOf('a1'));
  });

  it('plans each phase again from what the one before it left', async () => {
    let isDone = false;
    const seen: boolean[] = [];
    const phases = [
      phase('first', () => [
        step('x', 'work', () => {
          isDone = true;
        }),
      ]),
      phase('second', () => {
        seen.push(isDone);
        return isDone ? [] : [step('x', 'never', () => {})];
      }),
    ];
    const result = await applyPhases(silentContext(), tools, observed, phases);
    expect(seen).toEqual([true]);
    expect(result.phases.map(({ id }) => id)).toEqual(['first']);
  });

  it('lets running steps end when one fails, starts no further ones, and throws the failure', async () => {
    const log: string[] = [];
    const steps = [
      step('a', 'fails', () => {
        throw new QuorateError('COMMAND_FAILED', 'broken');
      }),
      step('b', 'runs', async () => {
        await sleep(20);
        log.push('b ended');
      }),
      step('b', 'next', () => {
        log.push('b went on');
      }),
    ];
    const later = phase('later', () => [step('c', 'x', () => void log.push('later phase'))]);
    const run = applyPhases(silentContext(), tools, observed, [phase('p', () => steps), later]);
    await expect(run).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    expect(log).toEqual(['b ended']);
  });

  it('tries again when a connection breaks, and only then', async () => {
    let connects = 0;
    const flaky = step('a', 'connect', () => {
      connects += 1;
      if (connects === 1) throw new QuorateError('MACHINE_UNREACHABLE', 'still booting');
    });
    await applyPhases(silentContext(), tools, observed, [phase('p', () => [flaky])]);
    expect(connects).toBe(2);
    let commands = 0;
    const broken = step('a', 'command', () => {
      commands += 1;
      throw new QuorateError('COMMAND_FAILED', 'no');
    });
    await expect(applyPhases(silentContext(), tools, observed, [phase('p', () => [broken])])).rejects.toThrow('no');
    expect(commands).toBe(1);
  });

  it('stops between phases when the run is aborted', async () => {
    const controller = new AbortController();
    const ctx = { ...silentContext(), signal: controller.signal };
    const first = phase('first', () => [step('a', 'x', () => controller.abort())]);
    const second = phase('second', () => [step('a', 'y', () => expect.fail('must not run'))]);
    await expect(applyPhases(ctx, tools, observed, [first, second])).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('looks again when a phase plans from what the last look left out', async () => {
    // The initial observation knows etcd; a look at the machines alone, after the first phase, does not.
    const living: Observed = { ...observed, etcd: { members: [], alarms: [] } };
    const looks: boolean[] = [];
    const look = (id: string, needs: NonNullable<Phase['needs']>): Phase => ({
      ...phase(id, (_spec, seen) => {
        looks.push(seen === living);
        return [];
      }),
      needs,
    });
    const first = phase('first', () => [step('a', 'x', () => {})]);
    await applyPhases(silentContext(), tools, living, [
      look('before', ['etcd']),
      first,
      look('after', ['etcd', 'kube']),
    ]);
    expect(looks).toEqual([true, false]);
  });

  it('tells every step and phase as events', async () => {
    const bus = new EventBus();
    const events: QuorateEvent[] = [];
    bus.subscribe((event) => events.push(event));
    const one = phase('p', () => [step('a', 'x', () => {})]);
    await applyPhases({ ...silentContext(), emit: bus.emit }, tools, observed, [one]);
    expect(events.map(({ code }) => code)).toEqual([
      'phase.started',
      'step.started',
      'step.finished',
      'phase.finished',
    ]);
  });
});
