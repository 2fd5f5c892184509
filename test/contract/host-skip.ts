import { isRoot, missingTools } from '../../src/machines/local/probes.ts';

/** Why this host cannot make local machines; undefined when it can. */
export async function whyNoLocalMachines(): Promise<string | undefined> {
  if (!isRoot()) return 'not root';
  const missing = (await missingTools()).map(({ tool }) => tool);
  return missing.length === 0 ? undefined : `not installed: ${missing.join(', ')}`;
}
