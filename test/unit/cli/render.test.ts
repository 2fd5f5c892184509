import { describe, expect, it } from 'vitest';
import { finishedLine } from '../../../src/cli/render/finished.ts';
import { renderFrame } from '../../../src/cli/render/frame.ts';
import { makeJsonRenderer } from '../../../src/cli/render/json.ts';
import { makeLiveRegion } from '../../../src/cli/render/live-region.ts';
import { makePlainRenderer } from '../../../src/cli/render/plain.ts';
import { makePrettyRenderer } from '../../../src/cli/render/pretty.ts';
import { EMPTY_VIEW, reduceView } from '../../../src/cli/render/view.ts';
import type { EventCode, EventData, QuorateEvent } from '../../../src/core/events.ts';
import { ASCII_THEME, PLAIN_THEME } from '../../../src/report/theme.ts';

const at = <C extends EventCode>(t: number, code: C, data: EventData[C]) => ({ t, code, data }) as QuorateEvent;
const step = (machine: string, title: string) => ({ phase: 'start', step: `${machine}/${title}`, machine, title });
const failure = { code: 'COMMAND_FAILED', message: 'no space\nmore', hint: '', family: 'command' };

/** A run with everything that the renderers know. */
const RUN: readonly QuorateEvent[] = [
  at(0, 'run.started', { verb: 'up', cluster: 'demo' }),
  at(0, 'warning', { text: 'one control plane only' }),
  at(0, 'phase.started', { phase: 'get', title: 'get artifacts', steps: 1 }),
  at(0, 'artifact.progress', { artifact: 'kubernetes', stage: 'build', elapsedMs: 0, expectedMs: 295_000 }),
  at(0, 'artifact.progress', { artifact: 'etcd', stage: 'download', elapsedMs: 0, fraction: 0.1 }),
  at(7_000, 'artifact.progress', { artifact: 'etcd', stage: 'download', elapsedMs: 7_000, fraction: 0.42 }),
  at(9_000, 'artifact.ready', { artifact: 'etcd', source: 'download', durationMs: 9_000 }),
  at(9_000, 'artifact.ready', { artifact: 'runc', source: 'cache', durationMs: 3 }),
  at(40_000, 'artifact.progress', { artifact: 'kubernetes', stage: 'build', elapsedMs: 40_000, expectedMs: 295_000 }),
  at(62_000, 'artifact.ready', { artifact: 'kubernetes', source: 'build', durationMs: 62_000 }),
  at(62_000, 'phase.finished', { phase: 'get', outcome: 'ok', durationMs: 62_000 }),
  at(62_000, 'phase.started', { phase: 'noop', title: 'nothing to do', steps: 0 }),
  at(62_000, 'phase.finished', { phase: 'noop', outcome: 'ok', durationMs: 1 }),
  at(62_000, 'phase.started', { phase: 'start', title: 'start control plane', steps: 3 }),
  at(62_000, 'step.started', step('cp1', 'write manifests')),
  at(62_100, 'step.finished', { ...step('cp1', 'write manifests'), outcome: 'ok', durationMs: 100 }),
  at(62_100, 'step.started', step('cp1', 'wait for etcd')),
  at(62_200, 'step.started', step('cp2', 'wait for etcd')),
  at(63_000, 'condition.changed', {
    condition: 'etcd members agree on the leader',
    state: 'running',
    detail: 'connection refused',
    elapsedMs: 900,
  }),
  at(64_000, 'condition.changed', {
    condition: 'etcd members agree on the leader',
    state: 'running',
    detail: 'no leader',
    elapsedMs: 1_900,
  }),
  at(66_300, 'command.finished', { machine: 'cp1', argv: ['etcdctl', 'member list'], exitCode: 0, durationMs: 120 }),
  at(66_300, 'condition.changed', { condition: 'etcd members agree on the leader', state: 'ok', elapsedMs: 4_200 }),
  at(66_300, 'step.finished', { ...step('cp1', 'wait for etcd'), outcome: 'ok', durationMs: 4_200 }),
  at(66_300, 'machine.changed', { machine: 'cp2', state: 'stopped' }),
  at(76_200, 'step.finished', {
    ...step('cp2', 'wait for etcd'),
    outcome: 'failed',
    durationMs: 14_000,
    error: failure,
  }),
  at(76_200, 'phase.finished', { phase: 'start', outcome: 'failed', durationMs: 14_200 }),
  at(76_200, 'note', { text: 'cp3 was left out' }),
  at(76_200, 'machine.changed', { machine: 'cp3', state: 'running' }),
  at(76_200, 'run.finished', { outcome: 'failed', durationMs: 76_200 }),
];
const viewAt = (t: number) => RUN.filter((event) => event.t <= t).reduce(reduceView, EMPTY_VIEW);

describe('the picture of what is going on', () => {
  it('shows builds with how long they took last time, and downloads with their share', () => {
    expect(renderFrame(viewAt(7_000), 8_000, { ...PLAIN_THEME, width: 80 }).join('\n')).toMatchInlineSnapshot(`
      "⠋ get artifacts  0 of 1 step · 8s
          building kubernetes  8s, took 4m55s last time
          downloading etcd  42 %  8s"
    `);
  });

  it('shows slow steps by machine, and conditions with the last reason', () => {
    expect(renderFrame(viewAt(64_000), 65_150, { ...PLAIN_THEME, width: 80 }).join('\n')).toMatchInlineSnapshot(`
      "⠙ start control plane  1 of 3 steps · 3s
          cp1: wait for etcd  3s
          cp2: wait for etcd  2s
          waiting for: etcd members agree on the leader  3s (no leader)"
    `);
  });

  it('is ASCII and stays inside a narrow terminal', () => {
    const lines = renderFrame(viewAt(64_000), 65_150, { ...ASCII_THEME, width: 40 });
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "\\ start control plane  1 of 3 steps ...
          cp1: wait for etcd  3s
          cp2: wait for etcd  2s
          waiting for: etcd members agree ..."
    `);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(40);
  });

  it('never gets taller than the terminal', () => {
    const many = Array.from({ length: 40 }, (_, index) =>
      at(0, 'artifact.progress', { artifact: `part${index}`, stage: 'build', elapsedMs: 0 }),
    ).reduce(reduceView, EMPTY_VIEW);
    const lines = renderFrame(many, 1_000, PLAIN_THEME, 8);
    expect(lines).toHaveLength(7);
    expect(lines.at(-1)).toBe('    and 34 more');
  });

  it('is empty when the run has ended', () => {
    expect(renderFrame(viewAt(80_000), 80_000, PLAIN_THEME)).toEqual([]);
  });
});

describe('lines that stay', () => {
  it('tell phases, failures, slow artifacts, warnings and notes', async () => {
    let view = EMPTY_VIEW;
    const lines: string[] = [];
    for (const event of RUN) {
      const line = finishedLine(event, view, PLAIN_THEME, false);
      if (line !== undefined) lines.push(line);
      view = reduceView(view, event);
    }
    expect(lines.join('\n')).toMatchInlineSnapshot(`
      "! one control plane only
        · etcd downloaded  9.0 s
        · kubernetes built  1 min 2 s
      ✓ get artifacts              1 step       1 min 2 s
        ✗ cp2: wait for etcd: no space
      ✗ start control plane        2 machines   14.2 s
      · cp3 was left out
      · cp3 running"
    `);
  });
});

describe('the plain renderer', () => {
  const collect = (debug: boolean) => {
    const out: string[] = [];
    const renderer = makePlainRenderer({ write: (text) => out.push(text) }, PLAIN_THEME, debug);
    for (const event of RUN) renderer.onEvent(event);
    return out.join('');
  };

  it('writes one line an event that matters, without escape codes', () => {
    expect(collect(false)).toMatchInlineSnapshot(`
      "warning: one control plane only
      get artifacts: 1 step
      building kubernetes  0s, took 4m55s last time
      downloading etcd  10 %  0s
      etcd downloaded  9.0 s
      building kubernetes  40s, took 4m55s last time
      kubernetes built  1 min 2 s
      get artifacts: ok, 1 min 2 s
      start control plane: 3 steps
        waiting for: etcd members agree on the leader: connection refused
        ok: etcd members agree on the leader, 4.2 s
        cp1: wait for etcd: ok, 4.2 s
        cp2: wait for etcd: failed: no space
      start control plane: failed, 2 machines, 14.2 s
      cp3 was left out
      cp3: running
      "
    `);
  });

  it('also shows commands with --debug', () => {
    expect(collect(true)).toContain("$ cp1: etcdctl 'member list'  (exit 0, 120 ms)\n");
  });
});

describe('the JSON renderer', () => {
  it('is silent without --debug, and writes every event as a line with it', () => {
    const collect = (debug: boolean) => {
      const out: string[] = [];
      const renderer = makeJsonRenderer({ write: (text) => out.push(text) }, debug);
      for (const event of RUN) renderer.onEvent(event);
      return out;
    };
    expect(collect(false)).toEqual([]);
    expect(collect(true).map((line) => JSON.parse(line))).toEqual(RUN);
  });
});

describe('the live region', () => {
  it('redraws in place, prints above itself, and gives the cursor back', () => {
    const out: string[] = [];
    const region = makeLiveRegion({ write: (text) => out.push(text) });
    region.draw(['one', 'two']);
    region.print('done');
    region.draw(['three']);
    region.clear();
    expect(out).toEqual([
      '\u001b[?25lone\ntwo\n',
      '\u001b[2A\r\u001b[Jdone\none\ntwo\n',
      '\u001b[2A\r\u001b[Jthree\n',
      '\u001b[1A\r\u001b[J\u001b[?25h',
    ]);
  });

  it('writes nothing when there is nothing to clear', () => {
    const out: string[] = [];
    const region = makeLiveRegion({ write: (text) => out.push(text) });
    region.draw([]);
    region.clear();
    expect(out).toEqual([]);
  });

  it('shows the cursor again when the renderer is closed in the middle of a phase', async () => {
    const out: string[] = [];
    const renderer = makePrettyRenderer({ write: (text) => out.push(text), columns: 80 }, PLAIN_THEME, false);
    for (const event of RUN.slice(0, 5)) renderer.onEvent(event);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(out.join('')).toContain('building kubernetes');
    renderer.close();
    renderer.close();
    expect(out.at(-1)?.endsWith('\u001b[?25h')).toBe(true);
  });
});
