// kubectl of the cluster's version with a kubeconfig of its own, through the endpoint: what a person outside has.
import { execa } from 'execa';
import { inject } from 'vitest';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of kubectl in the cache, and of a kubeconfig as `quorate kubeconfig` prints it. */
    kubectl: { program: string; kubeconfig: string };
    /** host-state.ts, before the cluster was made. */
    /** The shared cluster was built at a former version (global-setup.ts), for the first scenario to upgrade. */
    isUpgraded: boolean;
    settingsBefore: string;
    clustersBefore: readonly string[];
  }
}

export interface List<T> {
  readonly items: readonly T[];
}

/** Its standard output; fails with what it said. */
export async function kubectl(args: readonly string[], options: { input?: string } = {}): Promise<string> {
  const { program, kubeconfig } = inject('kubectl');
  const { stdout } = await execa(program, args, { env: { KUBECONFIG: kubeconfig }, timeout: 120_000, ...options });
  return stdout;
}

/** `kubectl get … -o json`, parsed. */
export async function get<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as T;
}

export async function apply(...objects: readonly object[]): Promise<void> {
  await kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }) });
}

/** kubectl as a process that the test itself ends: logs -f, port-forward. */
export function startKubectl(args: readonly string[]) {
  const { program, kubeconfig } = inject('kubectl');
  return execa(program, args, { env: { KUBECONFIG: kubeconfig }, reject: false, all: true });
}
