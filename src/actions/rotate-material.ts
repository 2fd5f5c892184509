// What a rotation goes from and to: read from the machines that keep it, or made when there is none yet.
import { randomBytes } from 'node:crypto';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { Observed } from '../observe/observed.ts';
import { rotationOf } from '../phases/steps/rotation-state.ts';
import { createAuthority } from '../pki/certificate.ts';
import { newPrivateKey, publicKeyOf } from '../pki/keys.ts';
import {
  AUTHORITIES,
  AUTHORITY_NAMES,
  certificatePath,
  ENCRYPTION_CONFIG_PATH,
  keyPath,
  SA_KEY_PATH,
  SA_PUB_PATH,
} from '../pki/names.ts';
import { sharingMachines } from '../pki/placement.ts';
import {
  encryptionKeys,
  keptPath,
  nextKeyName,
  ROTATION_STATE_PATH,
  type RotationKind,
  type RotationMaterial,
  type RotationState,
  rotatedPaths,
  type SharedContents,
  stateOfDigest,
  withEncryptionKeys,
} from '../pki/rotation.ts';

/** A rotation that is under way, or the beginning of one. */
export interface OpenRotation {
  /** Absent before it has begun. */
  readonly state?: RotationState;
  readonly material: RotationMaterial;
}

/**
 * Reads what the machines keep of a rotation of this kind, or makes what a new one needs; nothing is written. Throws
 * ROTATION_UNFINISHED while another kind is under way, PKI_LOST when parts of it are gone.
 */
export async function openRotation(
  ctx: Context,
  fleet: Fleet,
  observed: Observed,
  kind: RotationKind,
): Promise<OpenRotation> {
  const found = rotationOf(fleet.spec, observed);
  if (found === undefined) {
    const before = await readAll(ctx, fleet, observed, kind, (path) => path, false);
    return { material: learn(ctx, { before, after: await makeNew(kind, before) }) };
  }
  const before = await readAll(ctx, fleet, observed, kind, (path) => keptPath('before', path), true);
  const after = await readAll(ctx, fleet, observed, kind, (path) => keptPath('after', path), true);
  return { state: found.state, material: learn(ctx, { before, after }) };
}

/** Each file from the first machine that has it; during a rotation only from those that have the whole of it, which the state tells. */
async function readAll(
  ctx: Context,
  fleet: Fleet,
  observed: Observed,
  kind: RotationKind,
  where: (path: string) => string,
  isKept: boolean,
): Promise<SharedContents> {
  const entries = await Promise.all(
    rotatedPaths(kind).map(async (path): Promise<[string, string]> => {
      const holder = sharingMachines(fleet.spec).find(({ name }) => {
        const files = observed.machines[name]?.facts?.files ?? {};
        const isWhole = !isKept || stateOfDigest(files[ROTATION_STATE_PATH]?.sha256) !== undefined;
        return isWhole && files[where(path)] !== undefined;
      });
      const content = holder && (await fleet.machine(holder.name).readFile(ctx, where(path)));
      if (content === undefined || content.length === 0) {
        throw new QuorateError('PKI_LOST', `no machine that answers has ${where(path)}`, {
          hint: 'bring back a control plane that has it, then run the same command again',
        });
      }
      return [path, Buffer.from(content).toString()];
    }),
  );
  return Object.fromEntries(entries);
}

async function makeNew(kind: RotationKind, before: SharedContents): Promise<SharedContents> {
  if (kind === 'service-account') {
    const privateKey = await newPrivateKey();
    return { [SA_KEY_PATH]: privateKey, [SA_PUB_PATH]: publicKeyOf(privateKey) };
  }
  if (kind === 'encryption') {
    const text = before[ENCRYPTION_CONFIG_PATH] ?? '';
    const key = { name: nextKeyName(encryptionKeys(text)), secret: randomBytes(32).toString('base64') };
    return { [ENCRYPTION_CONFIG_PATH]: withEncryptionKeys(text, [key]) };
  }
  const pairs = await Promise.all(
    AUTHORITY_NAMES.map(async (name) => {
      const { certificate, privateKey } = await createAuthority(AUTHORITIES[name], Date.now());
      return [
        [certificatePath(name), certificate],
        [keyPath(name), privateKey],
      ] as const;
    }),
  );
  return Object.fromEntries(pairs.flat());
}

/** Keys are never shown, in whatever form they appear. */
function learn(ctx: Pick<Context, 'redactor'>, material: RotationMaterial): RotationMaterial {
  for (const contents of [material.before, material.after]) {
    for (const [path, content] of Object.entries(contents)) {
      if (path.endsWith('.key')) ctx.redactor.add(Buffer.from(content).toString('base64'));
      if (path === ENCRYPTION_CONFIG_PATH) for (const { secret } of encryptionKeys(content)) ctx.redactor.add(secret);
    }
  }
  return material;
}
