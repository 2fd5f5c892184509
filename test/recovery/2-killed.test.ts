// A recovery of the quorum whose operator is killed in the middle: the next one is told so, nothing else changes the cluster meanwhile, and the
// same command ends it.
import { afterAll, describe, expect, it } from 'vitest';
import { CLUSTER_FILE, json, mustRun, onMachine, quorate, start } from '../e2e/support/cli.ts';
import { useHealthyCluster } from '../e2e/support/health.ts';
import { loseForGood, RECOVER_QUORUM } from '../e2e/support/loss.ts';
import { until } from '../e2e/support/wait.ts';

useHealthyCluster();
afterAll(() => mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 900_000 }));

describe('a recovery of the quorum that is killed', () => {
  it('is known as such, and ended by the same command', async () => {
    await loseForGood(['cp2', 'cp3']);
    const run = start(RECOVER_QUORUM);
    await until('a stand-in runs', 120_000, async () => {
      const { exitCode } = await onMachine('cp1', 'systemctl is-active --quiet quorate-stand-in-cp2.service');
      return exitCode === 0 ? true : undefined;
    });
    run.kill('SIGKILL');
    await run;
    const refused = await quorate(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 300_000 });
    expect(refused.stderr).toContain('code: QUORUM_RECOVERY_UNFINISHED');
    const { stdout } = await quorate(['recover', '-o', 'json', '-f', CLUSTER_FILE]);
    expect(JSON.parse(stdout)).toMatchObject({ situations: [{ id: 'quorum-recovery-unfinished' }] });
    await mustRun(RECOVER_QUORUM, { timeoutMs: 900_000 });
    const { quorum } = await json<{ quorum: { voters: number; up: number } }>('status');
    expect(quorum).toMatchObject({ voters: 3, up: 3 });
  });
});
