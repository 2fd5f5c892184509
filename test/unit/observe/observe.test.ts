import { describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import { sleep } from '../../../src/core/wait.ts';
import { createFakeDriver } from '../../../src/machines/fake/driver.ts';
import { createFleet } from '../../../src/machines/fleet.ts';
import { observe } from '../../../src/observe/observe.ts';
import { makeSpec } from '../../helpers/spec.ts';

describe('observe', () => {
  it('asks 64 machines at once and no more, and gives them in the order of the specification', async () => {
    const spec = makeSpec({ workers: 147 });
    const load = { now: 0, most: 0 };
    const answer = async () => {
      load.now += 1;
      load.most = Math.max(load.most, load.now);
      await sleep(5, silentContext());
      load.now -= 1;
      return { stdout: 'fact\thostname\tname\n' };
    };
    const driver = createFakeDriver({ power: 'running', rules: [{ when: ['sh'], answer }] });
    const { machines } = await observe(
      silentContext(),
      createFleet(spec, () => driver),
    );
    expect(load.most).toBe(64);
    expect(Object.keys(machines)).toEqual(spec.machines.map(({ name }) => name));
  });

  it('goes on with the others when a machine does not answer', async () => {
    const spec = makeSpec({ workers: 3 });
    const driver = createFakeDriver({ power: 'running', rules: [{ when: ['sh'], answer: { stdout: '' } }] });
    driver.inside(spec, 'w1').failures.push({ operation: 'exec', code: 'MACHINE_UNREACHABLE' });
    driver.inside(spec, 'w2').power = 'stopped';
    const { machines } = await observe(
      silentContext(),
      createFleet(spec, () => driver),
    );
    const states = Object.values(machines).map(({ name, state }) => `${name} ${state}`);
    expect(states).toEqual(['cp1 running', 'cp2 running', 'cp3 running', 'w1 unreachable', 'w2 stopped', 'w3 running']);
    expect(machines.w1?.error?.code).toBe('MACHINE_UNREACHABLE');
  });
});
