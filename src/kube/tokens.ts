// Bootstrap tokens: Secrets of type bootstrap.kubernetes.io/token in kube-system, in the form that kubeadm reads and writes.
import type { V1Secret } from '@kubernetes/client-node';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { bootstrapTokenSecret } from '../manifests/bootstrap-token.ts';
import { newBootstrapToken } from '../pki/bootstrap-token.ts';
import type { BootstrapToken } from '../pki/types.ts';
import { applyObject, httpStatus, type KubeClient } from './client.ts';

const NAMESPACE = 'kube-system';
const TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
const USAGE_PREFIX = 'usage-bootstrap-';

/** A bootstrap token as it is shown: never with its secret. */
export interface TokenInfo {
  /** The public part: six of [a-z0-9]. */
  readonly id: string;
  /** Milliseconds since the Unix epoch; absent: it does not expire. */
  readonly expiresMs?: number;
  /** What it may do: `authentication` (as a joining node), `signing` (cluster-info). */
  readonly usages: readonly string[];
  /** Groups of whoever presents it. */
  readonly groups: readonly string[];
  readonly description?: string;
}

/**
 * Makes a token that lets nodes join for `ttlMs` milliseconds. Its secret is known to the redactor: only the caller can show it.
 * Throws KUBE_FAILED, API_UNREACHABLE.
 */
export async function createToken(
  ctx: Context,
  kube: KubeClient,
  options: { readonly ttlMs: number; readonly description?: string },
): Promise<{ readonly token: BootstrapToken; readonly expiresMs: number }> {
  const token = newBootstrapToken(ctx);
  // The Secret holds whole seconds.
  const expiresMs = Math.floor((Date.now() + options.ttlMs) / 1000) * 1000;
  await applyObject(kube, bootstrapTokenSecret(token, new Date(expiresMs), options.description));
  return { token, expiresMs };
}

/** Every bootstrap token of the cluster, whoever made it; those that expire first come first. Throws as createToken. */
export async function listTokens(kube: KubeClient): Promise<readonly TokenInfo[]> {
  const core = kube.api(kube.library.CoreV1Api);
  const secrets = await kube.request('list bootstrap tokens', () =>
    core.listNamespacedSecret({ namespace: NAMESPACE, fieldSelector: `type=${TOKEN_TYPE}` }),
  );
  const never = Number.MAX_SAFE_INTEGER;
  return secrets.items.map(tokenInfo).sort((a, b) => (a.expiresMs ?? never) - (b.expiresMs ?? never));
}

function tokenInfo({ data = {} }: V1Secret): TokenInfo {
  const text = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
  const expiresMs = Date.parse(text('expiration'));
  const usages = Object.keys(data).filter((key) => key.startsWith(USAGE_PREFIX) && text(key) === 'true');
  const description = text('description');
  return {
    id: text('token-id'),
    ...(Number.isNaN(expiresMs) ? {} : { expiresMs }),
    usages: usages.map((key) => key.slice(USAGE_PREFIX.length)).sort(),
    groups: text('auth-extra-groups')
      .split(',')
      .filter((group) => group !== ''),
    ...(description === '' ? {} : { description }),
  };
}

/** Deletes a token: nobody can join with it any more. Throws TOKEN_NOT_FOUND, KUBE_FAILED, API_UNREACHABLE. */
export async function revokeToken(kube: KubeClient, id: string): Promise<void> {
  const core = kube.api(kube.library.CoreV1Api);
  try {
    await kube.request(`revoke bootstrap token ${id}`, () =>
      core.deleteNamespacedSecret({ namespace: NAMESPACE, name: `bootstrap-token-${id}` }),
    );
  } catch (error) {
    if (httpStatus(error) !== 404) throw error;
    throw new QuorateError('TOKEN_NOT_FOUND', `there is no bootstrap token with the id ${id}`, { data: { id } });
  }
}
