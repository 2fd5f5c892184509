// The same verbs against a cluster that runs, as its owner calls them: the launcher, in a process of its own, watched from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { loadSpec } from '../../src/spec/load.ts';
import { peakMemory } from '../memory.ts';
import { renderReal } from './report.ts';
import type { Act } from './run.ts';

const MEMORY_POLL_MS = 20;

/** Measures `plan` and `status` of the cluster of `file`, `runs` times each. Throws RangeError when the cluster is not as it should be. */
export async function measureReal(file: string, runs: number): Promise<string> {
  const { spec } = await loadSpec(file);
  // Bundles the command line when its source has changed, outside of what is timed.
  await runCli(['version']);
  const acts = { plan: [] as Act[], status: [] as Act[] };
  for (let run = 0; run < runs; run++) {
    acts.plan.push(await measure('plan', file));
    acts.status.push(await measure('status', file));
  }
  return renderReal(spec.machines.length, acts);
}

/** The fields of both documents that tell whether the cluster is as it should be (docs/json.md). */
interface Document {
  readonly changes?: number;
  readonly skipped?: readonly unknown[];
  readonly warnings?: readonly { readonly title: string; readonly detail: string }[];
}

async function measure(verb: 'plan' | 'status', file: string): Promise<Act> {
  const { output, ...act } = await runCli([verb, '--file', file, '--output', 'json']);
  const { changes = 0, skipped = [], warnings = [] } = JSON.parse(output) as Document;
  const problems = [
    ...(changes > 0 ? [`there are ${changes} steps to do`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} machines do not answer`] : []),
    ...warnings.map(({ title, detail }) => `not so: ${title}: ${detail}`),
  ];
  if (problems.length > 0) throw new RangeError(`${verb} of ${file}: ${problems.join('; ')}`);
  return act;
}

async function runCli(args: readonly string[]): Promise<Act & { readonly output: string }> {
  const start = performance.now();
  const child = spawn(join(process.cwd(), 'quorate'), args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakMemory(child.pid));
  }, MEMORY_POLL_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearInterval(timer);
  if (code !== 0) throw new RangeError(`quorate ${args[0]} ended with exit code ${code}`);
  return { ms: performance.now() - start, peakBytes, output };
}
