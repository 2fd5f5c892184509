// The cluster's authorities and keys, out of an opened archive.
import type { Context } from '../core/context.ts';
import { createAuthority } from '../pki/certificate.ts';
import { AUTHORITIES, certificatePath, keyPath, SHARED_PATHS } from '../pki/names.ts';
import { parseSharedMaterial } from '../pki/shared.ts';
import type { SharedMaterial } from '../pki/types.ts';
import type { OpenArchive } from './format.ts';

/**
 * What all control planes are to share again. With external etcd no control plane holds the key of etcd's authority, so that the archive
 * has none: there is a new authority for etcd then, which no member of before is trusted by. Throws PKI_LOST, PKI_INVALID.
 */
export async function archivedMaterial(
  ctx: Pick<Context, 'redactor'>,
  { files }: Pick<OpenArchive, 'files'>,
  nowMs: number = Date.now(),
): Promise<SharedMaterial> {
  const found = Object.fromEntries(SHARED_PATHS.map((path) => [path, single(path, files.get(path.slice(1)))]));
  if (found[keyPath('etcd/ca')] !== undefined) return parseSharedMaterial(found, ctx);
  const etcd = await createAuthority(AUTHORITIES['etcd/ca'], nowMs);
  const whole = {
    ...found,
    [certificatePath('etcd/ca')]: etcd.certificate,
    [keyPath('etcd/ca')]: etcd.privateKey,
  };
  return parseSharedMaterial(whole, ctx);
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n?/;

/**
 * A backup of the middle of a rotation has two authorities in one file, the one that signs first. What a rotation knows of itself is in no
 * backup, so the cluster begins with the one that signs; who has certificates of the other joins anew.
 */
function single(path: string, content: Uint8Array | undefined): string | undefined {
  const text = content === undefined ? undefined : Buffer.from(content).toString();
  return path.endsWith('.crt') ? text && CERTIFICATE.exec(text)?.[0] : text;
}
