// One cluster for all scenarios. QUORATE_E2E_KEEP=1 leaves it standing, which makes the next run of one file quick.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { BEFORE_VERSION, CLUSTER, CLUSTER_FILE, mustRun } from './support/cli.ts';
import { clustersOnHost, kernelSettings } from './support/host-state.ts';

interface ArtifactList {
  readonly artifacts: readonly { readonly artifact: { readonly name: string }; readonly path?: string }[];
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  project.provide('clustersBefore', await clustersOnHost());
  project.provide('settingsBefore', await kernelSettings());
  await mustRun(['artifacts', 'pull', '--with-tests', '-f', CLUSTER_FILE], { timeoutMs: 2_400_000 });
  const isUpgraded = project.name === 'e2e' && (await hasFormerVersion());
  project.provide('isUpgraded', isUpgraded);
  const directory = await mkdtemp(join(tmpdir(), 'quorate-e2e-'));
  await buildCluster(directory, isUpgraded);
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, (await mustRun(['kubeconfig', '-f', CLUSTER_FILE])).stdout, { mode: 0o600 });
  project.provide('kubectl', { program: await pathOf('kubectl'), kubeconfig });
  return async () => {
    await rm(directory, { recursive: true, force: true });
    // 99-down has looked for what is left; this is for runs of single files.
    if (process.env.QUORATE_E2E_KEEP === undefined) await mustRun(['down', '--yes', '-f', CLUSTER_FILE]);
  };
}

/**
 * Whether the former version is at hand. Building a second Kubernetes takes as long as a fifth of the whole suite: where its artifacts do not lie in the cache, the upgrade is
 * shown by `make test-upgrades` only, which sets QUORATE_E2E_UPGRADE and so has them built.
 */
async function hasFormerVersion(): Promise<boolean> {
  const of = ['--kubernetes-version', BEFORE_VERSION];
  if (process.env.QUORATE_E2E_UPGRADE !== undefined) {
    await mustRun(['artifacts', 'pull', ...of], { timeoutMs: 2_400_000 });
    return true;
  }
  const { stdout } = await mustRun(['artifacts', 'list', ...of, '-o', 'json']);
  const { artifacts } = JSON.parse(stdout) as { artifacts: readonly { readonly state: string }[] };
  return artifacts.every(({ state }) => state === 'cached');
}

/**
 * In the tier e2e the shared cluster begins a patch release earlier: the first scenario upgrades it, and all others find one that has been upgraded.
 * One that is left from a run with QUORATE_E2E_KEEP stays as it is.
 */
async function buildCluster(directory: string, isUpgraded: boolean): Promise<void> {
  if (!isUpgraded || (await clustersOnHost()).includes(CLUSTER)) {
    await mustRun(['up', '--yes', '-f', CLUSTER_FILE], { timeoutMs: 600_000 });
    return;
  }
  const before = join(directory, 'before.yaml');
  const text = await readFile(CLUSTER_FILE, 'utf8');
  await writeFile(before, text.replace(/kubernetesVersion: .*/, `kubernetesVersion: ${BEFORE_VERSION}`));
  await mustRun(['up', '--yes', '-f', before], { timeoutMs: 600_000 });
}

async function pathOf(name: string): Promise<string> {
  const list = JSON.parse(
    (await mustRun(['artifacts', 'list', '--with-tests', '-f', CLUSTER_FILE, '-o', 'json'])).stdout,
  ) as ArtifactList;
  const path = list.artifacts.find(({ artifact }) => artifact.name === name)?.path;
  if (path === undefined) throw new Error(`the cache has no ${name}`);
  return path;
}
