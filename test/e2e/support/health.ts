import { afterAll, beforeAll } from 'vitest';
import { CLUSTER_FILE, quorate } from './cli.ts';

/** The cluster is healthy within `wait`, or the test fails with the conditions that do not hold. */
export async function expectHealthy(wait = '3m'): Promise<void> {
  const { exitCode, stdout, stderr } = await quorate(['health', '--wait', wait, '-f', CLUSTER_FILE]);
  if (exitCode !== 0) throw new Error(`the cluster is not healthy:\n${stdout}\n${stderr}`);
}

/** Every scenario begins and ends with a healthy cluster. */
export function useHealthyCluster(): void {
  beforeAll(() => expectHealthy());
  afterAll(() => expectHealthy());
}
