// Waiting: what counts as not yet, what ends it, and what is said meanwhile.
import { describe, expect, it } from 'vitest';
import { hasCode, QuorateError } from '../../../src/core/errors.ts';
import { waitFor } from '../../../src/core/wait.ts';
import { recordingContext } from '../../helpers/context.ts';

const OPTIONS = { condition: 'it works', deadlineMs: 1_000, intervalMs: 1 };
/** Gives these answers in turn; an Error is thrown. */
function probe(...answers: readonly (true | string | Error)[]) {
  const left = [...answers];
  return async () => {
    const answer = left.shift() ?? true;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}
const said = (ctx: ReturnType<typeof recordingContext>) =>
  ctx.events.flatMap((event) =>
    event.code === 'condition.changed' ? [`${event.data.state}: ${event.data.detail ?? ''}`] : [],
  );

describe('waiting for a condition', () => {
  it('takes what the probe throws for not yet, and says each new reason once', async () => {
    const ctx = recordingContext();
    await waitFor(ctx, OPTIONS, probe('starting', 'starting', new Error('refused'), true));
    expect(said(ctx)).toEqual(['running: starting', 'running: refused', 'ok: ']);
  });

  it('wants several successes in a row where that was asked for', async () => {
    const ctx = recordingContext();
    let asked = 0;
    const flapping = probe(true, 'down again', true, true);
    await waitFor(ctx, { ...OPTIONS, successes: 2 }, async () => {
      asked += 1;
      return flapping();
    });
    expect(asked).toBe(4);
  });

  it('gives up at its deadline with the last reasons, repeated ones folded', async () => {
    const ctx = recordingContext();
    const run = waitFor(ctx, { ...OPTIONS, deadlineMs: 20, intervalMs: 5 }, async () => 'no route');
    await expect(run).rejects.toMatchObject({ code: 'WAIT_TIMED_OUT', data: { lastError: 'no route' } });
    await expect(run).rejects.toThrow(/waiting for: it works\n {2}\d+ × no route/);
    expect(said(ctx).at(-1)).toBe('failed: no route');
  });

  it('throws at once what waiting does not mend: defects of the request, and what the caller names', async () => {
    const usage = new QuorateError('USAGE', 'wrong');
    const refused = new QuorateError('KUBE_FAILED', 'forbidden');
    const isFinal = (error: unknown) => hasCode(error, 'KUBE_FAILED');
    await expect(waitFor(recordingContext(), OPTIONS, probe(usage))).rejects.toBe(usage);
    await expect(waitFor(recordingContext(), { ...OPTIONS, isFinal }, probe(refused))).rejects.toBe(refused);
    await expect(waitFor(recordingContext(), OPTIONS, probe(refused))).resolves.toBeUndefined();
  });

  it('ends when the run is stopped', async () => {
    const ctx = recordingContext();
    const run = waitFor(ctx, { ...OPTIONS, deadlineMs: 120_000, intervalMs: 60_000 }, probe('not yet'));
    setTimeout(() => ctx.abort.abort(), 10);
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
