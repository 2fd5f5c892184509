import { describe, expect, it } from 'vitest';
import { createFakeDriver } from '../../../src/machines/fake/driver.ts';
import { fakeText } from '../../../src/machines/fake/fake-machine.ts';
import type { MachineSpec } from '../../../src/spec/types.ts';
import { recordingContext } from '../../helpers/context.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec({ controlPlanes: 1, workers: 1 });
const cp1 = spec.machines[0] as MachineSpec;

describe('the fake driver', () => {
  it('answers as scripted: first rule first, the machine before the driver', async () => {
    const driver = createFakeDriver({
      power: 'running',
      rules: [
        { when: ['systemctl', 'is-active'], answer: { stdout: 'active\n' } },
        { when: ({ argv }) => argv[0] === 'systemctl', answer: { exitCode: 4, stderr: 'no such unit\n' } },
      ],
    });
    const machine = driver.machine(spec, cp1);
    const ctx = recordingContext();
    expect((await machine.exec(ctx, ['systemctl', 'is-active', 'kubelet'])).stdout).toBe('active\n');
    await expect(machine.exec(ctx, ['systemctl', 'start', 'x'])).rejects.toMatchObject({ code: 'COMMAND_FAILED' });
    driver.inside(spec, 'cp1').rules.push({ when: ['systemctl'], answer: { stdout: 'inactive\n' } });
    expect((await machine.exec(ctx, ['systemctl', 'is-active', 'kubelet'])).stdout).toBe('inactive\n');
  });

  it('lets an answer depend on the command and change the machine', async () => {
    const driver = createFakeDriver({
      power: 'running',
      rules: [
        {
          when: ['touch'],
          answer: ({ argv }, machine) => {
            machine.files.set(argv[1] ?? '', { content: Buffer.alloc(0), mode: 0o644 });
            return {};
          },
        },
      ],
    });
    await driver.machine(spec, cp1).exec(recordingContext(), ['touch', '/x']);
    expect(fakeText(driver.inside(spec, 'cp1'), '/x')).toBe('');
  });

  it('remembers the commands it was given, with their input', async () => {
    const driver = createFakeDriver({ power: 'running' });
    await driver.machine(spec, cp1).exec(recordingContext(), ['cat'], { stdin: 'secret' });
    const [command] = driver.inside(spec, 'cp1').commands;
    expect(command?.argv).toEqual(['cat']);
    expect(Buffer.from(command?.stdin ?? []).toString()).toBe('secret');
  });

  it('fails as ordered, as often as ordered', async () => {
    const driver = createFakeDriver({ power: 'running' });
    const machine = driver.machine(spec, cp1);
    driver.inside(spec, 'cp1').failures.push({ operation: 'writeFiles', code: 'DISK_FULL', times: 2 });
    const write = () => machine.writeFiles(recordingContext(), [{ path: '/a', content: 'a', mode: 0o644 }]);
    await expect(write()).rejects.toMatchObject({ code: 'DISK_FULL' });
    await expect(machine.exec(recordingContext(), ['true'])).resolves.toMatchObject({ exitCode: 0 });
    await expect(write()).rejects.toMatchObject({ code: 'DISK_FULL' });
    await write();
    expect(fakeText(driver.inside(spec, 'cp1'), '/a')).toBe('a');
  });

  it('takes as long as it is told', async () => {
    const driver = createFakeDriver({ power: 'running', latencyMs: 50 });
    const start = Date.now();
    await driver.machine(spec, cp1).exec(recordingContext(), ['true']);
    expect(Date.now() - start).toBeGreaterThanOrEqual(45);
  });

  it('shares nothing between drivers, clusters and machines', async () => {
    const driver = createFakeDriver({ power: 'running' });
    const file = { path: '/a', content: 'a', mode: 0o644 };
    await driver.machine(spec, cp1).writeFiles(recordingContext(), [file]);
    const other = makeSpec({ name: 'other', controlPlanes: 1, workers: 1 });
    expect(driver.inside(other, 'cp1').files.size).toBe(0);
    expect(driver.inside(spec, 'w1').files.size).toBe(0);
    expect(createFakeDriver().inside(spec, 'cp1').files.size).toBe(0);
  });

  it('knows only the machines of the cluster', () => {
    expect(() => createFakeDriver().inside(spec, 'cp9')).toThrow('no machine "cp9"');
  });
});
