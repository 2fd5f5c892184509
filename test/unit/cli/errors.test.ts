import { describe, expect, it } from 'vitest';
import { errorDocument, renderError, reportError } from '../../../src/cli/error-report.ts';
import { QuorateError } from '../../../src/core/errors.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import { fakeIo } from './harness.ts';

const error = new QuorateError('VIP_TAKEN', '10.87.0.10 answers ARP from 02:00:00:00:00:01\nsecond line', {
  data: { vip: '10.87.0.10' },
});
const quiet = { debug: false };

describe('an error for people', () => {
  it('says what was wrong, what to do next, and its code', () => {
    expect(
      renderError(error, PLAIN_THEME, { ...quiet, logFile: '/var/lib/quorate/runs/x.ndjson' }),
    ).toMatchInlineSnapshot(`
      "error: 10.87.0.10 answers ARP from 02:00:00:00:00:01
        second line
        hint: choose a free address for controlPlaneEndpoint
        log:  /var/lib/quorate/runs/x.ndjson
        code: VIP_TAKEN (exit 3)"
    `);
  });

  it('is no error when the user stopped it', () => {
    expect(renderError(new QuorateError('ABORTED', 'stopped on request'), PLAIN_THEME, quiet)).toMatchInlineSnapshot(`
      "stopped: stopped on request
        hint: the same command continues where this one ended
        code: ABORTED (exit 130)"
    `);
  });

  it('tells the whole chain of causes with --debug', () => {
    const outer = new QuorateError('INTERNAL', 'outer', { cause: new TypeError('inner') });
    expect(renderError(outer, PLAIN_THEME, { debug: true })).toMatch(
      /QuorateError: outer[\s\S]*caused by: TypeError: inner/,
    );
  });
});

describe('reportError', () => {
  it('writes text to standard error and returns the exit code of the family', () => {
    const { io, stdout, stderr } = fakeIo();
    expect(reportError(io, error, { output: 'plain', debug: false, color: true })).toBe(3);
    expect([stdout(), stderr().split('\n')[0]]).toEqual(['', 'error: 10.87.0.10 answers ARP from 02:00:00:00:00:01']);
  });

  it('writes one JSON document to standard output with -o json', () => {
    const { io, stdout, stderr } = fakeIo();
    expect(reportError(io, new Error('boom'), { output: 'json', debug: false, color: true })).toBe(1);
    expect(stderr()).toBe('');
    expect(JSON.parse(stdout()).error).toMatchObject({ code: 'INTERNAL', message: 'boom', exitCode: 1 });
  });

  it('carries the data of the error', () => {
    expect(errorDocument(error, false).error.data).toEqual({ vip: '10.87.0.10' });
  });
});
