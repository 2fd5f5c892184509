// What other folders pass around without looking inside.
import type { AuthorityName } from './names.ts';

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** The secrets that every control plane of a cluster shares. */
export interface SharedMaterial {
  readonly authorities: Readonly<Record<AuthorityName, KeyPair>>;
  /** Signs and verifies service account tokens, PEM. */
  readonly serviceAccount: { readonly privateKey: string; readonly publicKey: string };
  /** EncryptionConfiguration (YAML): how Secrets are encrypted in etcd. */
  readonly encryptionConfig: string;
}

/** A bootstrap token: the public id names the Secret `bootstrap-token-<id>`, the secret proves. */
export interface BootstrapToken {
  /** Six of [a-z0-9]. */
  readonly id: string;
  /** Sixteen of [a-z0-9]: 82 bits. */
  readonly secret: string;
}
