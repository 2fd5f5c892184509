// The key of backups on the operator's host: age identities, made here, kept here, and locked with a passphrase on request (ADR 0012).
import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { stateDir } from '../core/paths.ts';

/** An age identity that lies on this host, and what is sealed to it. */
export interface SealingIdentity {
  /** AGE-SECRET-KEY-1…; a secret. */
  readonly identity: string;
  /** age1…, public. */
  readonly recipient: string;
  /** The file that holds it. */
  readonly path: string;
}

type Secrets = Pick<Context, 'redactor'>;

/** The file of a cluster's identities on this host: age's own format, one identity a line, # begins a comment. */
export function identityPath(cluster: string): string {
  return join(stateDir(), 'keys', `${cluster}.agekey`);
}

/**
 * The identities (AGE-SECRET-KEY-1…) that lie on this host for a cluster; none where there is no file. Whoever has a context passes it,
 * so that they show up nowhere.
 */
export async function findIdentities(cluster: string, ctx?: Secrets): Promise<readonly string[]> {
  const text = await readFile(identityPath(cluster), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const identities = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('AGE-SECRET-KEY-'));
  for (const identity of identities) ctx?.redactor.add(identity);
  return identities;
}

/** age1…, what is sealed to an identity. Throws for what is none. */
export async function recipientOf(identity: string): Promise<string> {
  const { identityToRecipient } = await import('age-encryption');
  return identityToRecipient(identity);
}

/**
 * The cluster's identity on this host: the first that lies here, else a new one in a file of mode 0600. Of two processes that make one at
 * the same time, one wins and both get its. It is on disk before it is used: what is sealed to a lost key is lost.
 */
export async function makeIdentity(
  cluster: string,
  ctx?: Secrets,
): Promise<SealingIdentity & { readonly isNew: boolean }> {
  const path = identityPath(cluster);
  const [known] = await findIdentities(cluster, ctx);
  if (known !== undefined) return { identity: known, recipient: await recipientOf(known), path, isNew: false };
  const { generateX25519Identity } = await import('age-encryption');
  const made = await generateX25519Identity();
  ctx?.redactor.add(made);
  const recipient = await recipientOf(made);
  const text = `# Opens the backups of the cluster ${cluster}; made ${new Date().toISOString()}. Keep it safe.\n# public key: ${recipient}\n${made}\n`;
  if (await writeOnce(path, text)) return { identity: made, recipient, path, isNew: true };
  const [winner] = await findIdentities(cluster, ctx);
  if (winner !== undefined) return { identity: winner, recipient: await recipientOf(winner), path, isNew: false };
  throw new QuorateError('SEALING_KEY_UNUSABLE', `${path} is there, but holds no age identity`);
}

/** Writes a private file unless there is one. false: there is. A reader sees all of it or nothing. */
async function writeOnce(path: string, text: string): Promise<boolean> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await chmod(dirname(path), 0o700);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    await file.writeFile(text);
    await file.sync();
    await file.close();
    // Unlike rename(2), link(2) replaces nothing.
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Locks an identity with a passphrase: ASCII armour, which `age -d` opens too. Takes about a second of a core (scrypt, age's work factor 18). */
export async function lockIdentity(identity: string, passphrase: string): Promise<string> {
  const { armor, Encrypter } = await import('age-encryption');
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  return armor.encode(await encrypter.encrypt(`${identity}\n`));
}

/** Opens what lockIdentity has locked. Throws SEALING_KEY_UNUSABLE for another passphrase, and for what was never locked so. */
export async function unlockIdentity(armoured: string, passphrase: string): Promise<string> {
  const { armor, Decrypter } = await import('age-encryption');
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  const text = await unlock(async () => decrypter.decrypt(armor.decode(armoured.trim()), 'text'));
  const identity = text.split('\n').find((line) => line.startsWith('AGE-SECRET-KEY-'));
  if (identity !== undefined) return identity.trim();
  throw new QuorateError('SEALING_KEY_UNUSABLE', 'what was unlocked is no age identity');
}

async function unlock(work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (cause) {
    throw new QuorateError('SEALING_KEY_UNUSABLE', 'the passphrase does not open the locked key', { cause });
  }
}
