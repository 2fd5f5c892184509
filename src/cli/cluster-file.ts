// Which cluster a command is about.
import { access } from 'node:fs/promises';
import { QuorateError } from '../core/errors.ts';
import { listLocalClusters, readClusterRecord } from '../machines/local/records.ts';
import { demoSpec } from '../spec/init.ts';
import { type LoadedSpec, loadSpec } from '../spec/load.ts';
import { DEFAULT_FILE, type GlobalOptions } from './global-options.ts';

const DEMO_NAME = 'demo';

/**
 * The cluster of -f, of --cluster, of ./cluster.yaml, or the built-in demo. A demo that stands already is read off this host,
 * so that a newer release does not change it unasked. Throws SPEC_NOT_FOUND, SPEC_INVALID, CLUSTER_NOT_FOUND.
 */
export async function findSpec(options: Pick<GlobalOptions, 'file' | 'cluster'>): Promise<LoadedSpec> {
  if (options.cluster !== undefined) return withoutWarnings(await specOnHost(options.cluster));
  if (options.file !== undefined) return loadSpec(options.file);
  if (await exists(DEFAULT_FILE)) return loadSpec(DEFAULT_FILE);
  const standing = await readClusterRecord(DEMO_NAME);
  return withoutWarnings(standing?.spec ?? demoSpec());
}

async function specOnHost(name: string) {
  const record = await readClusterRecord(name);
  if (record) return record.spec;
  const known = (await listLocalClusters()).map(({ spec }) => spec.name);
  throw new QuorateError('CLUSTER_NOT_FOUND', `there is no cluster "${name}" on this host`, {
    hint: known.length > 0 ? `there is: ${known.join(', ')}` : 'create one with: quorate up',
    data: { cluster: name, known },
  });
}

function withoutWarnings(spec: LoadedSpec['spec']): LoadedSpec {
  return { spec, warnings: [] };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
