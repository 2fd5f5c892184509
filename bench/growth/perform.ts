// One verb as its command runs it: the actions themselves, their events into a journal, the screen drawn. It must find nothing to do.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { plan } from '../../src/actions/plan.ts';
import { status } from '../../src/actions/status.ts';
import { up } from '../../src/actions/up.ts';
import type { Context } from '../../src/core/context.ts';
import { EventBus } from '../../src/core/events.ts';
import { Redactor } from '../../src/core/redact.ts';
import { createJournal } from '../../src/engine/journal.ts';
import type { MachineDriver } from '../../src/machines/machine.ts';
import { renderStatus } from '../../src/report/status-screen.ts';
import { PLAIN_THEME } from '../../src/report/theme.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';
import type { Verb } from './options.ts';

/** Runs a verb against machines of `driver`; milliseconds that it took. Throws RangeError when it found something to do. */
export async function perform(
  verb: Verb,
  spec: ClusterSpec,
  driver: MachineDriver,
  directory: string,
): Promise<number> {
  const runs = join(directory, 'runs');
  mkdirSync(runs, { recursive: true });
  const bus = new EventBus();
  const redactor = new Redactor();
  const journal = createJournal(redactor, runs);
  bus.subscribe(journal.onEvent);
  const ctx: Context = { emit: bus.emit, signal: new AbortController().signal, redactor };
  const start = performance.now();
  const findings = await ACTS[verb](ctx, spec, driver);
  await journal.close();
  const ms = performance.now() - start;
  if (findings.length > 0) throw new RangeError(`${verb} found: ${findings.slice(0, 5).join('; ')}`);
  return ms;
}

/** Each verb; what it found that should not be. */
const ACTS: Readonly<Record<Verb, (ctx: Context, spec: ClusterSpec, driver: MachineDriver) => Promise<string[]>>> = {
  plan: async (ctx, spec, driver) => {
    const { phases, skipped } = await plan(ctx, spec, { drivers: () => driver });
    return [
      ...phases.flatMap(({ steps }) => steps.map(({ id, why }) => `${id}: ${why}`)),
      ...skipped.map(({ name, reason }) => `${name}: ${reason}`),
    ];
  },
  up: async (ctx, spec, driver) => {
    const confirm = async () => {
      throw new RangeError('up has something to do');
    };
    const { conditions } = await up(ctx, spec, { confirm, drivers: () => driver });
    return conditions.filter(({ state }) => state === 'failed').map(({ title, detail }) => `${title}: ${detail}`);
  },
  status: async (ctx, spec, driver) => {
    const report = await status(ctx, spec, { drivers: () => driver });
    renderStatus(report, PLAIN_THEME);
    return report.warnings.map(({ title, detail }) => `${title}: ${detail}`);
  },
};
