// From one minor version to the next on a cluster of its own: the operator is killed in every phase, a kubelet does not start, a machine
// dies during its own upgrade, and half-way everything goes back. A client reads and writes all the while.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustRun, quorate, start } from '../e2e/support/cli.ts';
import { type LoadReport, loadText, startLoad, targetsOf } from '../e2e/support/load-client.ts';

const FROM = 'v1.35.4';
const TO = 'v1.36.3';
const DEADLINE_MS = 1_200_000;
let directory = '';
let file = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-upgrades-'));
  file = join(directory, 'cluster.yaml');
  await writeFile(file, clusterFile(FROM));
  for (const version of [FROM, TO]) {
    await mustRun(['artifacts', 'pull', '--kubernetes-version', version], { timeoutMs: 3_000_000 });
  }
  await mustRun(['down', '--yes', '-f', file]);
  await mustRun(['up', '--yes', '-f', file], { timeoutMs: DEADLINE_MS });
  for (const target of targetsOf('load')) await mustRun(['-f', file, 'kubectl', 'create', 'configmap', target]);
});

afterAll(async () => {
  await mustRun(['down', '--yes', '-f', file]);
  await rm(directory, { recursive: true, force: true });
});

function clusterFile(version: string): string {
  return `apiVersion: quorate/v1alpha1
kind: Cluster
metadata: { name: upgrades }
spec:
  kubernetesVersion: ${version} # the one that people edit
  controlPlaneEndpoint: 10.96.0.10:6443
  networking: { podSubnet: 10.42.0.0/16, serviceSubnet: 10.43.0.0/16 }
  machines:
    - { name: cp1, role: control-plane, local: {} }
    - { name: cp2, role: control-plane, local: {} }
    - { name: cp3, role: control-plane, local: {} }
    - { name: w1, role: worker, local: {} }
`;
}

const on = (...args: readonly string[]) => mustRun([...args, '-f', file], { timeoutMs: DEADLINE_MS });
const inside = (machine: string, command: string) =>
  mustRun(['machine', 'exec', '-f', file, machine, '--', 'sh', '-c', command]);

async function versions(): Promise<string[]> {
  const { stdout } = await mustRun(['upgrade', '-o', 'json', '-f', file]);
  return (JSON.parse(stdout) as { nodes: { version: string }[] }).nodes.map(({ version }) => version);
}

async function firstToChange(): Promise<string> {
  const { stdout } = await on('plan', '-o', 'json');
  const { phases } = JSON.parse(stdout) as { phases: { id: string; steps: { id: string; machine?: string }[] }[] };
  const steps = phases.find(({ id }) => id === 'roll-control-planes')?.steps ?? [];
  return steps.find(({ id }) => id.endsWith('/roll'))?.machine ?? '';
}

/** Runs `work` under load; the client may find a request failing at first, and loses nothing. */
async function underLoad(name: string, work: () => Promise<void>): Promise<LoadReport> {
  const load = startLoad((await on('kubeconfig')).stdout, 'load');
  let report: LoadReport;
  try {
    await work();
  } finally {
    report = await load.stop();
    process.stdout.write(`${name}, a client through the virtual IP:\n${loadText(report)}\n`);
  }
  const { stdout } = await mustRun(['-f', file, 'kubectl', 'get', 'configmap', ...targetsOf('load'), '-o', 'json']);
  const { items } = JSON.parse(stdout) as { items: { data?: Record<string, string> }[] };
  const data = Object.assign({}, ...items.map((item) => item.data)) as Record<string, string>;
  expect([...report.acknowledged].filter(([key, number]) => Number(data[key] ?? -1) < number)).toEqual([]);
  return report;
}

/** Starts `up` and kills it `afterMs` after a phase has begun. A phase of milliseconds may be over by then, and with it the run. */
async function killIn(phase: string, afterMs: number): Promise<void> {
  const run = start(['up', '--yes', '-f', file, '-o', 'plain']);
  let said = '';
  let hasBegun = false;
  run.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (hasBegun || !said.includes(`${phase}: `)) return;
    hasBegun = true;
    setTimeout(() => run.kill('SIGKILL'), afterMs);
  });
  const { signal, all } = await run;
  expect(hasBegun, `"${phase}" has begun in: ${all}`).toBe(true);
  process.stdout.write(`${signal ?? 'ended'} ${afterMs} ms after the beginning of: ${phase}\n`);
  if (afterMs >= 1_000) expect(signal, all).toBe('SIGKILL');
}

const ANNOUNCE = 'Announce the change';
const PREPARE = 'Prepare the machines';
const ROLL = 'Change the control plane, one machine at a time';
const FORM = 'Form the cluster';
const ROLL_WORKERS = 'Change the workers, some at a time';
const FINISH = 'Finish the change';

describe(`${FROM} to ${TO}`, () => {
  it('skips no minor version', async () => {
    await writeFile(file, clusterFile('v1.34.4'));
    const back = await quorate(['plan', '-f', file]);
    expect(back.exitCode).toBe(3);
    expect(back.stderr).toContain('code: VERSION_SKEW');
  });

  it('goes on after kill -9 while it is announced and prepared', async () => {
    await writeFile(file, clusterFile(TO));
    const report = await underLoad('kill -9 at the beginning', async () => {
      await killIn(ANNOUNCE, 20);
      await killIn(PREPARE, 2_000);
    });
    expect(new Set(await versions())).toEqual(new Set([FROM]));
    expect(report.series['read-new'].failures).toBe(0);
  });

  it('puts a machine back whose kubelet does not start', async () => {
    const victim = await firstToChange();
    // The new kubelet refuses a flag that this file, which is the owner's own, gives every kubelet.
    await inside(
      victim,
      `mkdir -p /etc/default && printf 'KUBELET_EXTRA_ARGS=--no-such-flag\\n' > /etc/default/kubelet`,
    );
    await underLoad('kubelet that does not start', async () => {
      const run = await quorate(['up', '--yes', '-f', file, '-o', 'plain'], { timeoutMs: DEADLINE_MS });
      // Put back or not, it depends on the owner's file that is still there; either way the run stops at this machine.
      expect([7]).toContain(run.exitCode);
      expect(run.stderr).toMatch(/ROLLED_BACK|NODE_NOT_GOOD/);
      expect(run.stderr).toContain(victim);
    });
    await inside(victim, 'rm -f /etc/default/kubelet && systemctl restart kubelet');
    expect((await versions()).filter((version) => version === TO)).toEqual([]);
  });

  it('goes on after kill -9 in the middle of machines, and back again half-way; the quorum is never lost', async () => {
    const report = await underLoad('kill -9 and back', async () => {
      for (const afterMs of [3_000, 15_000, 30_000]) await killIn(ROLL, afterMs);
      await on('upgrade', '--rollback', '--yes');
    });
    expect(new Set(await versions())).toEqual(new Set([FROM]));
    expect(await readFile(file, 'utf8')).toContain(`kubernetesVersion: ${FROM} # the one that people edit`);
    expect(report.series['read-new'].failures).toBe(0);
  });

  it('survives the death of a machine during its own upgrade: the same command finishes', async () => {
    await writeFile(file, clusterFile(TO));
    const victim = await firstToChange();
    await underLoad('death of a machine', async () => {
      const run = start(['up', '--yes', '-f', file, '-o', 'plain']);
      let isSent = false;
      run.all.on('data', (chunk: Buffer) => {
        if (isSent || !chunk.toString().includes(`kube-apiserver of ${victim}`)) return;
        isSent = true;
        void quorate(['machine', 'kill', victim, '--yes', '-f', file]);
      });
      const { exitCode, all } = await run;
      expect(exitCode, all).not.toBe(0);
      // The rest of the way with an operator who is killed in each of the other phases.
      for (const [phase, afterMs] of [
        [FORM, 50],
        [ROLL_WORKERS, 3_000],
        [FINISH, 20],
      ] as const) {
        await killIn(phase, afterMs);
      }
      await on('up', '--yes');
    });
    expect(new Set(await versions())).toEqual(new Set([TO]));
    expect((await on('up', '--yes')).stdout).toContain('nothing to do');
  });

  it('does not go back once every control plane runs the new minor version', async () => {
    const run = await quorate(['upgrade', '--rollback', '--yes', '-f', file], { timeoutMs: DEADLINE_MS });
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toContain('may have stored objects that an older API server cannot read');
  });
});
