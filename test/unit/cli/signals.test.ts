import { describe, expect, it } from 'vitest';
import { abortOnSignals } from '../../../src/cli/signals.ts';

describe('a command that shows what comes until Ctrl-C', () => {
  it('is stopped by it, and leaves no handler behind', () => {
    const before = process.listenerCount('SIGHUP');
    const { signal, remove } = abortOnSignals();
    expect(process.listenerCount('SIGINT')).toBeGreaterThan(0);
    // Not SIGINT: the test runner listens to that one.
    process.emit('SIGHUP', 'SIGHUP');
    expect(signal.reason).toMatchObject({ code: 'ABORTED' });
    remove();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});
