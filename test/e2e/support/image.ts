// The workload of the tests (Kubernetes' own agnhost), loaded onto the workers as an operator loads an image.
import { join } from 'node:path';
import { inject } from 'vitest';
import { CLUSTER_FILE, mustRun, onMachine, WORKERS } from './cli.ts';

export const AGNHOST = 'registry.k8s.io/e2e-test-images/agnhost:2.63.0';

/** Feeds the cached archive to containerd of each worker through `machine exec`, where it is not there yet. */
export async function loadAgnhost(): Promise<void> {
  const archive = join(inject('kubectl').program, '../../../agnhost/2.63.0/agnhost.oci.tar');
  for (const worker of WORKERS) {
    const { stdout } = await onMachine(worker, `ctr -n k8s.io images list -q name==${AGNHOST}`);
    if (stdout.trim() !== '') continue;
    const words = ['ctr', '-n', 'k8s.io', 'images', 'import', '--local', '-'];
    await mustRun(['machine', 'exec', '-f', CLUSTER_FILE, worker, '--', ...words], { inputFile: archive });
  }
}
