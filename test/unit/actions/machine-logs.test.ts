// `machine logs` of machines that others own: their journal, read over the machine's own connection.
import { describe, expect, it } from 'vitest';
import { machineLogs } from '../../../src/actions/machines.ts';
import { createFakeDriver } from '../../../src/machines/fake/driver.ts';
import type { FakeRule } from '../../../src/machines/fake/fake-machine.ts';
import { recordingContext } from '../../helpers/context.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();

/** Machines without a provider, as those over SSH, whose journal is what `rules` say. */
function hosts(...rules: readonly FakeRule[]) {
  const { provider, ...driver } = createFakeDriver({ rules, power: 'running' });
  const ctx = recordingContext();
  const lines = () => ctx.events.flatMap((event) => (event.code === 'note' ? [event.data.text] : []));
  return { ctx, lines, driver, provider, drivers: () => driver, commands: () => driver.inside(spec, 'cp1').commands };
}

const journal = (stdout: string, runMs = 0): FakeRule => ({ when: ['journalctl'], answer: { stdout, runMs } });

describe('machine logs of a host that quorate did not make', () => {
  it('is its journal, a line at a time, as many as were asked for', async () => {
    const { ctx, lines, drivers, commands } = hosts(journal('kubelet: one\nkubelet: two'));
    await machineLogs(ctx, spec, 'cp1', { lines: 7, follow: false, drivers });
    expect(lines()).toEqual(['kubelet: one', 'kubelet: two']);
    expect(commands().map(({ argv }) => argv)).toEqual([['journalctl', '--no-pager', '--quiet', '--lines=7']]);
  });

  it('follows past every deadline until it is stopped', async () => {
    const { ctx, drivers, commands } = hosts(journal('', 3_600_000));
    const run = machineLogs(ctx, spec, 'cp1', { lines: 50, follow: true, drivers });
    await expect.poll(() => commands().length).toBe(1);
    expect(commands()[0]?.argv).toContain('--follow');
    ctx.abort.abort();
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('says which machine does not answer, and which there is not', async () => {
    const { ctx, provider, drivers } = hosts(journal(''));
    await provider.stop(ctx, spec, spec.machines[0] ?? expect.fail('is there'));
    const options = { lines: 50, follow: false, drivers };
    await expect(machineLogs(ctx, spec, 'cp1', options)).rejects.toMatchObject({ code: 'MACHINE_UNREACHABLE' });
    await expect(machineLogs(ctx, spec, 'cp9', options)).rejects.toMatchObject({ code: 'MACHINE_NOT_FOUND' });
  });
});
