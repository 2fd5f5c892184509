import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requiredArtifacts } from '../artifacts/catalog.ts';
import { listArtifacts } from '../artifacts/list.ts';
import { runCommand } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { kubeconfigText } from './kubeconfig.ts';

/** Runs kubectl against the cluster with the terminal connected; returns its exit code. Throws COMMAND_NOT_FOUND. */
export async function kubectl(ctx: Context, spec: ClusterSpec, args: readonly string[]): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'quorate-kubectl-'));
  try {
    const kubeconfig = join(dir, 'config');
    await writeFile(kubeconfig, await kubeconfigText(ctx, spec), { mode: 0o600 });
    const result = await runCommand(ctx, [await kubectlPath(spec), ...args], {
      stdio: 'inherit',
      allowFailure: true,
      env: { KUBECONFIG: kubeconfig },
    });
    return result.exitCode;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** The pinned kubectl of the cluster's version from the cache, else the one on the PATH. */
async function kubectlPath(spec: ClusterSpec): Promise<string> {
  const wanted = requiredArtifacts(spec.kubernetesVersion).filter(({ name }) => name === 'kubectl');
  const [cached] = await listArtifacts(wanted);
  return cached?.state === 'cached' && cached.path !== undefined ? cached.path : 'kubectl';
}
