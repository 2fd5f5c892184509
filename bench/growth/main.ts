// make bench-growth: what looking and an apply with nothing to do cost, as machines grow.
import { readFileSync, writeFileSync } from 'node:fs';
import { silentContext } from '../../src/core/context.ts';
import { busyCores, describeHost } from '../host.ts';
import { replaceGenerated } from '../report.ts';
import { type GrowthOptions, parseOptions } from './options.ts';
import { measureReal } from './real.ts';
import { renderGrowth, violations } from './report.ts';
import { measureSize, type Sized } from './run.ts';

const DOCUMENT = 'docs/benchmarks.md';

/** Measures what the arguments ask for, prints it and writes it into the document; the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  if (options.real === undefined) return measureFakes(options);
  const text = await measureReal(options.real, options.runs);
  publish(`${stamp('make bench-growth ARGS="--real FILE"')} ${options.runs} runs.\n\n${text}`, 'growth-real', options);
  return 0;
}

async function measureFakes(options: GrowthOptions): Promise<number> {
  const ctx = silentContext();
  const busy = (await busyCores(ctx)).toFixed(1);
  const sizes: Sized[] = [];
  for (const size of options.sizes) {
    process.stderr.write(`${size} machines\n`);
    sizes.push(await measureSize(size, options));
  }
  const host = await describeHost(ctx);
  const where = host
    .slice(0, 3)
    .map(([name, value]) => `${name} ${value}`)
    .join('; ');
  publish(
    `${stamp('make bench-growth')} ${options.runs} runs; ${where}; ${busy} cores busy otherwise when it began.\n\n${renderGrowth(sizes)}`,
    'growth',
    options,
  );
  const problems = violations(sizes);
  for (const problem of problems) process.stderr.write(`too much: ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

function stamp(command: string): string {
  return `Taken ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC with \`${command}\`.`;
}

function publish(text: string, part: string, { write }: GrowthOptions): void {
  process.stdout.write(`${text}\n`);
  if (write) writeFileSync(DOCUMENT, replaceGenerated(readFileSync(DOCUMENT, 'utf8'), text, part));
}
