// make bench: quorate against kubeadm, on the same machines, in one run, in turn.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../src/core/command.ts';
import type { Context } from '../src/core/context.ts';
import { silentContext } from '../src/core/context.ts';
import { QuorateError, toQuorateError } from '../src/core/errors.ts';
import { formatDuration } from '../src/core/wait.ts';
import { busyCores, describeHost } from './host.ts';
import { type KubeadmRun, runKubeadm } from './kubeadm.ts';
import { bootMachines, destroyMachines } from './machines.ts';
import { type BenchOptions, parseOptions } from './options.ts';
import { type CliSetup, runUp, runVerb, type UpRun } from './quorate.ts';
import { type Measured, type Round, renderResults, replaceGenerated, type WholeUp } from './report.ts';
import { type BenchCluster, benchCluster } from './spec.ts';

const DOCUMENT = 'docs/benchmarks.md';
// HAProxy and the API server share machines and, by kubeadm's documentation, the address: so it gets a port of its own.
const KUBEADM = benchCluster({ name: 'bench-kubeadm', network: '10.90.0', port: 8443 });
const QUORATE = benchCluster({ name: 'bench-quorate', network: '10.91.0', port: 6443 });

const say = (text: string) => process.stderr.write(`${new Date().toTimeString().slice(0, 8)} ${text}\n`);

/** Runs `work` and takes the cluster down again, however it ends. */
async function onMachines<T>(cluster: BenchCluster, work: () => Promise<T>): Promise<T> {
  // Not the run's own context: that may just have been stopped.
  await destroyMachines(silentContext(), cluster.spec);
  try {
    return await work();
  } finally {
    await destroyMachines(silentContext(), cluster.spec);
  }
}

async function measureKubeadm(ctx: Context): Promise<Measured<KubeadmRun>> {
  return onMachines(KUBEADM, async () => {
    const fleet = await bootMachines(ctx, KUBEADM.spec);
    const busyBefore = await busyCores(ctx);
    const run = await runKubeadm(ctx, fleet);
    say(`kubeadm: finishing line after ${formatDuration(run.finish.totalMs)} ${JSON.stringify(run.finish.firstMs)}`);
    return { ...run, busyBefore };
  });
}

async function measureQuorate(ctx: Context, cli: CliSetup): Promise<Measured<UpRun>> {
  return onMachines(QUORATE, async () => {
    await bootMachines(ctx, QUORATE.spec);
    const busyBefore = await busyCores(ctx);
    return { ...sayUp('quorate', await runUp(ctx, cli, QUORATE.spec)), busyBefore };
  });
}

async function measureWhole(ctx: Context, cli: CliSetup): Promise<WholeUp> {
  return onMachines(QUORATE, async () => {
    const first = sayUp('quorate from nothing', await runUp(ctx, cli, QUORATE.spec));
    const again = await runVerb(ctx, cli, 'up');
    say(`quorate again: ended after ${formatDuration(again.totalMs)}`);
    return { first, again };
  });
}

function sayUp(what: string, run: UpRun): UpRun {
  const { finish, totalMs, peakBytes } = run;
  const memory = `${(peakBytes / 1e6).toFixed(0)} MB`;
  say(
    `${what}: finishing line after ${formatDuration(finish.totalMs)}, ended after ${formatDuration(totalMs)}, ${memory} ${JSON.stringify(finish.firstMs)}`,
  );
  return run;
}

async function bench(ctx: Context, options: BenchOptions, directory: string): Promise<void> {
  const cli: CliSetup = {
    program: join(process.cwd(), 'quorate'),
    file: join(directory, 'cluster.yaml'),
    log: join(process.cwd(), 'dist/bench/up.log'),
  };
  writeFileSync(cli.file, QUORATE.yaml);
  writeFileSync(cli.log, '');
  const host = await describeHost(ctx);
  // Bundles the command line when its source has changed, outside of what is timed.
  await runCommand(ctx, [cli.program, 'version']);
  const wants = (part: BenchOptions['parts'][number]) => options.parts.includes(part);
  const rounds: Round[] = [];
  const wholeUps: WholeUp[] = [];
  for (let i = 0; i < options.rounds; i++) {
    say(`round ${i + 1} of ${options.rounds}`);
    const kubeadm = wants('kubeadm') ? await measureKubeadm(ctx) : undefined;
    const quorate = wants('quorate') ? await measureQuorate(ctx, cli) : undefined;
    if (kubeadm && quorate) rounds.push({ kubeadm, quorate });
    if (wants('whole')) wholeUps.push(await measureWhole(ctx, cli));
  }
  if (rounds.length === 0 || wholeUps.length === 0) return;
  const text = renderResults({ takenAt: new Date(), version: QUORATE.spec.kubernetesVersion, host, rounds, wholeUps });
  process.stdout.write(`${text}\n`);
  if (options.write) writeFileSync(DOCUMENT, replaceGenerated(readFileSync(DOCUMENT, 'utf8'), text));
}

async function main(): Promise<void> {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => controller.abort(new QuorateError('ABORTED', `stopped by ${signal}`)));
  }
  mkdirSync('dist/bench', { recursive: true });
  const directory = mkdtempSync(join(tmpdir(), 'quorate-bench-'));
  try {
    const options = parseOptions(process.argv.slice(2));
    await bench({ ...silentContext(), signal: controller.signal }, options, directory);
  } catch (thrown) {
    const error = toQuorateError(thrown);
    process.stderr.write(`error: ${error.message}\n  hint: ${error.hint}\n`);
    process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
