import type { BootstrapToken } from '../pki/types.ts';
import type { KubeObject } from './object.ts';

/** Group of whoever presents a bootstrap token that kubeadm or quorate made. */
export const TOKEN_GROUP = 'system:bootstrappers:kubeadm:default-node-token';

/**
 * Secret of a bootstrap token; the token cleaner removes it after `expiresAt`. `description` is for people. The object holds
 * a secret: never log it.
 */
export function bootstrapTokenSecret(token: BootstrapToken, expiresAt: Date, description?: string): KubeObject {
  const data = {
    'token-id': token.id,
    'token-secret': token.secret,
    ...(description === undefined ? {} : { description }),
    // RFC 3339 without fractions of a second, as kubeadm writes it.
    expiration: `${expiresAt.toISOString().slice(0, 19)}Z`,
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    'auth-extra-groups': TOKEN_GROUP,
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${token.id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    data: Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
  };
}
