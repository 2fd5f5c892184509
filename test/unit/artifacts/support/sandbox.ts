import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { Context } from '../../../../src/core/context.ts';
import { EventBus, type QuorateEvent } from '../../../../src/core/events.ts';
import { Redactor } from '../../../../src/core/redact.ts';

/** A cache directory of its own for each test of the file, and a directory for other files. */
export function useSandbox(): { dir: string } {
  const sandbox = { dir: '' };
  const before = process.env.QUORATE_CACHE_DIR;
  beforeEach(async () => {
    sandbox.dir = await mkdtemp(join(tmpdir(), 'quorate-artifacts-'));
    process.env.QUORATE_CACHE_DIR = join(sandbox.dir, 'cache');
  });
  afterEach(async () => {
    if (before === undefined) delete process.env.QUORATE_CACHE_DIR;
    else process.env.QUORATE_CACHE_DIR = before;
    await rm(sandbox.dir, { recursive: true, force: true });
  });
  return sandbox;
}

/** A context that keeps its events. */
export function recordingContext(): { ctx: Context; events: QuorateEvent[]; abort: (reason?: unknown) => void } {
  const bus = new EventBus();
  const events: QuorateEvent[] = [];
  bus.subscribe((event) => events.push(event));
  const controller = new AbortController();
  const ctx = { emit: bus.emit, signal: controller.signal, redactor: new Redactor() };
  return { ctx, events, abort: (reason) => controller.abort(reason) };
}
