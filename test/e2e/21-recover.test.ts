// The quorum is lost: for a while, and for good. `quorate recover` says which of these it is and what to do; what it says is done here, word
// for word, as the runbooks have it.
import { afterAll, describe, expect, it } from 'vitest';
import { CLUSTER, CLUSTER_FILE, json, mustRun, onCluster, onMachine, quorate } from './support/cli.ts';
import { expectHealthy, useHealthyCluster } from './support/health.ts';
import { get, kubectl } from './support/kubectl.ts';
import { loseForGood, RECOVER_QUORUM } from './support/loss.ts';
import { until } from './support/wait.ts';
import { startWriting, type WriteReport } from './support/writer.ts';

useHealthyCluster();
afterAll(() => mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 }));

interface Diagnosis {
  readonly situations: readonly { readonly id: string; readonly command: string }[];
}

/** What it says, whatever the exit code; that says whether something has happened. */
async function diagnose(): Promise<Diagnosis> {
  const { stdout, exitCode } = await quorate(['recover', '-o', 'json', '-f', CLUSTER_FILE]);
  const diagnosis = JSON.parse(stdout) as Diagnosis;
  expect(exitCode).toBe(diagnosis.situations.length === 0 ? 0 : 6);
  return diagnosis;
}

/** Carries out what it proposes, with the options that a test needs. */
async function follow(command: string, ...more: readonly string[]) {
  const [program, ...words] = command.split(' ');
  expect(program).toBe('quorate');
  return mustRun([...words, ...more, '-f', CLUSTER_FILE], { timeoutMs: 600_000 });
}

async function expectKept(name: string, { acknowledged }: WriteReport): Promise<void> {
  const { data = {} } = await get<{ data?: Record<string, string> }>('configmap', name);
  expect(acknowledged.length).toBeGreaterThan(10);
  expect(acknowledged.filter((number) => !(`w${number}` in data))).toEqual([]);
}

/** From the start of the recovery to the promotion of the last member, by its journal. */
async function timeToVoters(): Promise<number> {
  interface Run {
    readonly verb: string;
    readonly startedMs: number;
    readonly phases: readonly { readonly steps: readonly { id: string; startedMs: number; durationMs: number }[] }[];
  }
  const { stdout } = await mustRun(['runs', 'show', '--cluster', CLUSTER, '-o', 'json']);
  const run = JSON.parse(stdout) as Run;
  expect(run.verb).toBe('recover quorum');
  const promoted = run.phases.flatMap(({ steps }) => steps).filter(({ id }) => id.endsWith('/member'));
  expect(promoted).toHaveLength(2);
  return Math.max(...promoted.map(({ startedMs, durationMs }) => startedMs + durationMs)) - run.startedMs;
}

describe('recover', () => {
  it('finds nothing in a healthy cluster', async () => {
    expect((await diagnose()).situations).toEqual([]);
  });

  it('switches machines on again when that is all it takes', async () => {
    await onCluster('machine', 'kill', 'cp2', 'cp3', '--yes');
    const [situation] = (await diagnose()).situations;
    expect(situation).toMatchObject({ id: 'quorum-lost-machines-down', command: 'quorate machine start cp2 cp3' });
    await follow(situation?.command ?? '');
    await expectHealthy();
  });
});

describe('a quorum that is lost for good', () => {
  it('is back with three voters within two minutes, and with every write that was acknowledged', async () => {
    await kubectl(['create', 'configmap', 'survivor']);
    const writer = await startWriting('survivor', 20);
    await until('writes are acknowledged', 20_000, async () =>
      (await onMachine('cp1', 'true')).exitCode === 0 ? true : undefined,
    );
    // Both at once, the leader perhaps among them: cp1 may not know yet that its last entries are committed.
    await loseForGood(['cp2', 'cp3']);
    const report = await writer.stop();
    const [situation] = (await diagnose()).situations;
    expect(situation).toMatchObject({
      id: 'quorum-lost-for-good',
      command: 'quorate recover quorum --survivor cp1 --lost cp2,cp3',
    });
    // Nothing is destroyed without the name of the cluster: --yes is not enough.
    const unsaid = await quorate([
      'recover',
      'quorum',
      '--survivor',
      'cp1',
      '--lost',
      'cp2,cp3',
      '--yes',
      '-f',
      CLUSTER_FILE,
    ]);
    expect(unsaid.stderr).toContain('code: CONFIRMATION_NEEDED');
    const { durationMs } = await follow(situation?.command ?? '', '--confirm', CLUSTER);
    const votersMs = await timeToVoters();
    process.stdout.write(
      `quorum lost for good: three voters after ${votersMs} ms, a healthy cluster after ${durationMs} ms\n`,
    );
    const { quorum } = await json<{ quorum: { voters: number; up: number } }>('status');
    expect(quorum).toMatchObject({ voters: 3, up: 3 });
    await expectKept('survivor', report);
    expect((await diagnose()).situations).toEqual([]);
    const left = await onMachine(
      'cp1',
      'ls /etc/quorate/stand-in /var/lib/quorate/stand-in; nft list table inet quorate_stand_in',
    );
    expect(left.exitCode).not.toBe(0);
    await kubectl(['delete', 'configmap', 'survivor']);
    expect(votersMs).toBeLessThan(120_000);
  });

  it('is not declared lost while a majority is there', async () => {
    const run = await quorate(RECOVER_QUORUM);
    expect(run.exitCode).toBe(6);
    expect(run.stderr).toContain('code: ETCD_QUORUM_AT_RISK');
  });
});
