// Bootstrap tokens for machines that join by hand: what `quorate token` does.
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { shellJoin } from '../core/quote.ts';
import { recorded } from '../engine/run.ts';
import type { KubeClient } from '../kube/client.ts';
import { connectKube } from '../kube/connect.ts';
import { createToken, revokeToken } from '../kube/tokens.ts';
import { formatBootstrapToken } from '../pki/bootstrap-token.ts';
import { caHash } from '../pki/inspect.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { openFleet } from './cluster.ts';

const TOKEN = /^([a-z0-9]{6})(?:\.([a-z0-9]{16}))?$/;

/** Connects to the cluster. Throws API_UNREACHABLE. */
export function connect(ctx: Context, spec: ClusterSpec): Promise<KubeClient> {
  return connectKube(ctx, openFleet(ctx, spec));
}

/** A fresh token. The only time that its secret is shown. */
export interface NewToken {
  readonly id: string;
  /** id.secret, as `kubeadm join --token` takes it. */
  readonly token: string;
  /** Milliseconds since the Unix epoch. */
  readonly expiresMs: number;
  /** What to type on a machine that is to join as a worker. */
  readonly joinCommand: string;
}

/** Makes a token for nodes to join with. Throws API_UNREACHABLE, KUBE_FAILED. */
export async function newToken(
  ctx: Context,
  spec: ClusterSpec,
  kube: KubeClient,
  options: { readonly ttlMs: number; readonly description?: string },
): Promise<NewToken> {
  const { token, expiresMs } = await recorded(ctx, spec, 'token create', () => createToken(ctx, kube, options));
  const text = formatBootstrapToken(token);
  return { id: token.id, token: text, expiresMs, joinCommand: joinCommand(spec, kube, text) };
}

/** The join pins the cluster's authority by its key, so that nobody in between can pose as the cluster. */
function joinCommand(spec: ClusterSpec, kube: KubeClient, token: string): string {
  const ca = Buffer.from(kube.config.getCurrentCluster()?.caData ?? '', 'base64').toString();
  const pin = ['--discovery-token-ca-cert-hash', caHash(ca)];
  return shellJoin(['kubeadm', 'join', spec.endpoint.authority, '--token', token, ...pin]);
}

/** The ids of the tokens that were revoked. */
export interface RevokedTokens {
  readonly revoked: readonly string[];
}

/** Revokes tokens by their id or in full. Throws USAGE, TOKEN_NOT_FOUND, API_UNREACHABLE, KUBE_FAILED. */
export async function revokeTokens(
  ctx: Context,
  spec: ClusterSpec,
  kube: KubeClient,
  tokens: readonly string[],
): Promise<RevokedTokens> {
  const ids = tokens.map((token) => tokenId(ctx, token));
  await recorded(ctx, spec, 'token revoke', async () => {
    for (const id of ids) await revokeToken(kube, id);
  });
  return { revoked: ids };
}

/** The public part. What was given may hold a secret, so that it is in no message. */
function tokenId(ctx: Context, given: string): string {
  const [, id, secret] = TOKEN.exec(given) ?? [];
  if (secret !== undefined) ctx.redactor.add(secret);
  if (id !== undefined) return id;
  throw new QuorateError('USAGE', 'what was given is not a bootstrap token', {
    hint: 'give its id (six of a-z and 0-9), as quorate token list shows it',
  });
}
