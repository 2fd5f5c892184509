import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { withProgress } from '../../../src/artifacts/progress.ts';
import { recordingContext } from './support/sandbox.ts';

describe('progress', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('reports at once, then twice a second whatever happens, with the newest state', async () => {
    const { ctx, events } = recordingContext();
    const done = withProgress(ctx, 'kubelet', 'build', { expectedMs: 9_000, detail: 'start' }, async (update) => {
      for (let step = 0; step < 100; step++) {
        update({ detail: `step ${step}` });
        await vi.advanceTimersByTimeAsync(20);
      }
    });
    await done;
    expect(events).toHaveLength(1 + 2_000 / 500);
    expect(events[0]?.data).toMatchObject({ elapsedMs: 0, expectedMs: 9_000, detail: 'start' });
    expect(events.at(-1)?.data).toMatchObject({ elapsedMs: 2_000, detail: 'step 99' });
  });

  it('is silent after the work ended, also when it failed', async () => {
    const { ctx, events } = recordingContext();
    const failing = withProgress(ctx, 'kubelet', 'build', {}, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(events).toHaveLength(1);
  });
});
