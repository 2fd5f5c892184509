import { chmod, chown, mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { readOperatorKubeconfig } from '../kube/connect.ts';
import { contextName } from '../pki/kubeconfig.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';

/** kubeadm's kubeconfig for people: bound by RBAC, unlike super-admin.conf. */
const ADMIN_KUBECONFIG = '/etc/kubernetes/admin.conf';

interface Kubeconfig {
  apiVersion: 'v1';
  kind: 'Config';
  clusters: { name: string; cluster: Record<string, unknown> }[];
  contexts: { name: string; context: Record<string, unknown> }[];
  users: { name: string; user: Record<string, unknown> }[];
  'current-context'?: string;
}

/** Where kubectl looks: the first file of KUBECONFIG, else ~/.kube/config. */
export function defaultKubeconfigPath(env: NodeJS.ProcessEnv = process.env): string {
  const first = env.KUBECONFIG?.split(':').find((path) => path !== '');
  return first ?? join(env.HOME ?? homedir(), '.kube', 'config');
}

/** The cluster's kubeconfig text, through the endpoint, with names that do not clash with other clusters'. */
export async function kubeconfigText(ctx: Context, spec: ClusterSpec): Promise<string> {
  const text = await readOperatorKubeconfig(ctx, openFleet(ctx, spec), ADMIN_KUBECONFIG);
  const source = parseKubeconfig(text, ADMIN_KUBECONFIG);
  const name = contextName(spec.name);
  const cluster = { ...source.clusters[0]?.cluster, server: spec.endpoint.url };
  const config: Kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: source.users[0]?.user ?? {} }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  return stringify(config);
}

/** Adds or replaces the cluster in a kubeconfig file and makes it current; the other entries stay. Mode 0600, atomic. */
export async function mergeKubeconfig(path: string, text: string): Promise<{ path: string; context: string }> {
  const own = parseKubeconfig(text, 'the cluster');
  const existing = await readIfThere(path);
  const base = existing.trim() === '' ? undefined : parseKubeconfig(existing, path);
  const merged: Kubeconfig = {
    ...(base ?? own),
    clusters: mergeByName(base?.clusters, own.clusters),
    users: mergeByName(base?.users, own.users),
    contexts: mergeByName(base?.contexts, own.contexts),
    'current-context': own['current-context'] ?? '',
  };
  await writePrivately(path, stringify(merged));
  return { path, context: own['current-context'] ?? '' };
}

/** Takes the cluster out of a kubeconfig file again, where it is in one. */
export async function removeFromKubeconfig(path: string, clusterName: string): Promise<boolean> {
  const existing = await readIfThere(path);
  if (!existing.includes(contextName(clusterName))) return false;
  const base = parseKubeconfig(existing, path);
  const name = contextName(clusterName);
  const without = <T extends { name: string }>(entries: T[]) => entries.filter((entry) => entry.name !== name);
  const { 'current-context': current, ...rest } = base;
  await writePrivately(
    path,
    stringify({
      ...rest,
      clusters: without(base.clusters),
      users: without(base.users),
      contexts: without(base.contexts),
      'current-context': current === name ? '' : current,
    }),
  );
  return true;
}

/** Empty where there is no such file. Any other failure is thrown: what cannot be read must not be replaced. */
async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Replaces the file atomically; a link stays a link, and the file keeps its owner. */
async function writePrivately(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const target = await realpath(path).catch(() => path);
  const owner = await stat(target).catch(() => undefined);
  const temporary = `${target}.${process.pid}.tmp`;
  await writeFile(temporary, content, { mode: 0o600 });
  await chmod(temporary, 0o600);
  if (owner) await chown(temporary, owner.uid, owner.gid);
  await rename(temporary, target);
}

function mergeByName<T extends { name: string }>(base: T[] = [], own: T[]): T[] {
  return [...base.filter(({ name }) => !own.some((entry) => entry.name === name)), ...own];
}

function parseKubeconfig(text: string, where: string): Kubeconfig {
  let value: Partial<Kubeconfig> | null;
  try {
    value = parse(text) as Partial<Kubeconfig> | null;
  } catch {
    value = null;
  }
  if (value === null || typeof value !== 'object' || value.kind !== 'Config') {
    throw new QuorateError('KUBE_FAILED', `${where} is not a kubeconfig`, { hint: 'mend it, or name another file' });
  }
  return {
    ...value,
    apiVersion: 'v1',
    kind: 'Config',
    clusters: value.clusters ?? [],
    contexts: value.contexts ?? [],
    users: value.users ?? [],
  };
}
