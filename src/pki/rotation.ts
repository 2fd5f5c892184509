// Rotation of what all control planes share, in stages: what was and what will be lies beside the files themselves, so that anyone can
// go on or go back, and every file of every stage follows from these two and the stage. Pure.
import { createHash } from 'node:crypto';
import { parse, stringify } from 'yaml';
import { QuorateError } from '../core/errors.ts';
import type { FileContent } from '../core/file.ts';
import {
  AUTHORITY_NAMES,
  certificatePath,
  ENCRYPTION_CONFIG_PATH,
  keyPath,
  PKI_DIR,
  SA_KEY_PATH,
  SA_PUB_PATH,
} from './names.ts';
import { certificatesIn } from './trust.ts';

/** Where a rotation that is under way keeps what it needs, on every machine that shares the files concerned. */
export const ROTATION_DIR = `${PKI_DIR}/rotation`;
/** What is rotated and how far it is to be: `authorities trust`. Written behind all that it speaks of. */
export const ROTATION_STATE_PATH = `${ROTATION_DIR}/state`;
/** The one certificate that the controller-manager signs with: it takes no file with two (pkg/controller/certificates/signer/ca_provider.go). */
export const SIGNING_CERTIFICATE_PATH = `${ROTATION_DIR}/signing-ca.crt`;

/** What can be rotated. */
export type RotationKind = 'authorities' | 'service-account' | 'encryption';

/**
 * Stages of each kind, in the order in which they follow each other; -ed and -ing words are said of a stage that is complete. The way
 * back is a line of its own: a cluster on it goes to its end.
 */
export const STAGES = {
  authorities: ['trust', 'trusted', 'reissue', 'reissued', 'distrust', 'back', 'restore'],
  'service-account': ['verify', 'verified', 'sign', 'signed', 'finish', 'back', 'restore'],
  encryption: ['read', 'readable', 'write', 'written', 'finish', 'restore'],
} as const satisfies Record<RotationKind, readonly string[]>;

/** A stage of any kind. */
export type RotationStage = (typeof STAGES)[RotationKind][number];

/** How far a rotation is, or is to be. */
export interface RotationState {
  readonly kind: RotationKind;
  readonly stage: RotationStage;
}

/** The shared files that a kind of rotation replaces, keys before what belongs to them. */
export function rotatedPaths(kind: RotationKind): readonly string[] {
  if (kind === 'authorities') return AUTHORITY_NAMES.flatMap((name) => [keyPath(name), certificatePath(name)]);
  return kind === 'service-account' ? [SA_KEY_PATH, SA_PUB_PATH] : [ENCRYPTION_CONFIG_PATH];
}

/** Contents by the path of the shared file. */
export type SharedContents = Readonly<Record<string, string>>;

/** The files before the rotation and after it. */
export interface RotationMaterial {
  readonly before: SharedContents;
  readonly after: SharedContents;
}

/** Where a copy of a shared file lies during a rotation. */
export function keptPath(when: 'before' | 'after', path: string): string {
  return `${ROTATION_DIR}/${when}/${path.slice(path.startsWith(PKI_DIR) ? PKI_DIR.length + 1 : '/etc/kubernetes/'.length)}`;
}

/** The state as a file. */
export function stateText({ kind, stage }: RotationState): string {
  return `${kind} ${stage}\n`;
}

const STATES: ReadonlyMap<string, RotationState> = new Map(
  Object.entries(STAGES).flatMap(([kind, stages]) =>
    stages.map((stage): [string, RotationState] => {
      const state = { kind: kind as RotationKind, stage };
      return [sha256(stateText(state)), state];
    }),
  ),
);

/** The state that a file of this SHA-256 (hex) says; undefined for any other content. An observation knows files by their digest. */
export function stateOfDigest(digest: string | undefined): RotationState | undefined {
  return digest === undefined ? undefined : STATES.get(digest);
}

/** The state that a file of this content says; undefined for any other. */
export function stageOfText(text: string | undefined): RotationState | undefined {
  return text === undefined ? undefined : stateOfDigest(sha256(text));
}

/**
 * Where a rotation stands by what machines say: the furthest one counts, for a stage is only begun when the one before is complete
 * everywhere. Throws ROTATION_UNFINISHED for two rotations at once, which no run of ours makes.
 */
export function furthest(states: readonly RotationState[]): RotationState | undefined {
  const [first] = states;
  if (first === undefined) return undefined;
  if (states.some(({ kind }) => kind !== first.kind)) {
    throw new QuorateError('ROTATION_UNFINISHED', 'machines speak of different rotations', {
      hint: `compare ${ROTATION_STATE_PATH} on the control planes`,
    });
  }
  const order: readonly RotationStage[] = STAGES[first.kind];
  return states.reduce((a, b) => (order.indexOf(b.stage) > order.indexOf(a.stage) ? b : a));
}

/** Whether what is new already signs (or encrypts) in a stage. */
function usesNew(stage: RotationStage): boolean {
  return ['reissue', 'reissued', 'distrust', 'sign', 'signed', 'finish', 'write', 'written'].includes(stage);
}

/** Whether both are trusted in a stage. */
function trustsBoth(stage: RotationStage): boolean {
  return stage !== 'distrust' && stage !== 'finish' && stage !== 'restore';
}

/** Every shared file of a stage, by path. Of what is trusted, what signs comes first. */
export function stageContents({ kind, stage }: RotationState, { before, after }: RotationMaterial): SharedContents {
  const [first, second] = usesNew(stage) ? [after, before] : [before, after];
  const both = trustsBoth(stage);
  return Object.fromEntries(
    rotatedPaths(kind)
      .filter((path) => first[path] !== undefined)
      .map((path) => {
        const [a = '', b = ''] = [first[path], second[path]];
        if (!both || path.endsWith('.key')) return [path, a];
        if (path === ENCRYPTION_CONFIG_PATH) return [path, withFurtherKeys(a, b)];
        // Tokens are verified with either key; their order says nothing, and one that stays is no reason to start anything again.
        if (path === SA_PUB_PATH) return [path, ending(before[path] ?? '') + ending(after[path] ?? '')];
        return [path, ending(a) + ending(b)];
      }),
  );
}

function ending(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** What a machine that holds these shared files is to have of a rotation, in the order of writing: the state behind what it speaks of. */
export function rotationFiles(
  state: RotationState,
  material: RotationMaterial,
  held: readonly string[],
): readonly FileContent[] {
  const paths = rotatedPaths(state.kind).filter((path) => held.includes(path));
  const kept = (['before', 'after'] as const).flatMap((when) =>
    paths.map((path) => ({ path: keptPath(when, path), content: material[when][path] ?? '', mode: 0o600 })),
  );
  const contents = stageContents(state, material);
  const [signing] = certificatesIn(contents[certificatePath('ca')] ?? '');
  return [
    ...kept,
    ...(signing === undefined ? [] : [{ path: SIGNING_CERTIFICATE_PATH, content: signing, mode: 0o644 }]),
    { path: ROTATION_STATE_PATH, content: stateText(state), mode: 0o600 },
    ...paths.map((path) => ({
      path,
      content: contents[path] ?? '',
      mode: path.endsWith('.crt') || path.endsWith('.pub') ? 0o644 : 0o600,
    })),
  ];
}

/** The parts of an EncryptionConfiguration that a rotation of its key reads. */
interface EncryptionConfiguration {
  readonly resources: {
    readonly resources: string[];
    readonly providers: { secretbox?: { keys: EncryptionKey[] }; [other: string]: unknown }[];
  }[];
}

/** A key as it stands in the configuration. */
export interface EncryptionKey {
  readonly name: string;
  /** Base64 of 32 bytes. */
  readonly secret: string;
}

/** The keys of the first secretbox provider, the one that writes first. Throws PKI_INVALID for a configuration of another make. */
export function encryptionKeys(text: string): readonly EncryptionKey[] {
  const keys = (parse(text) as EncryptionConfiguration | null)?.resources?.[0]?.providers?.[0]?.secretbox?.keys;
  if (Array.isArray(keys) && keys.length > 0) return keys;
  throw new QuorateError('PKI_INVALID', `${ENCRYPTION_CONFIG_PATH} does not begin with a secretbox key`);
}

/** The configuration with other keys in it; everything else stays as it is. */
export function withEncryptionKeys(text: string, keys: readonly EncryptionKey[]): string {
  const config = parse(text) as EncryptionConfiguration;
  const provider = config.resources[0]?.providers[0];
  if (provider?.secretbox === undefined) encryptionKeys(text);
  else provider.secretbox.keys = [...keys];
  return stringify(config);
}

/** `text` with the keys of another configuration behind its own. */
function withFurtherKeys(text: string, other: string): string {
  return withEncryptionKeys(text, [...encryptionKeys(text), ...encryptionKeys(other)]);
}

/** A name that is not taken: key1, key2, … */
export function nextKeyName(keys: readonly EncryptionKey[]): string {
  const numbers = keys.map(({ name }) => Number(/^key(\d+)$/.exec(name)?.[1] ?? 0));
  return `key${Math.max(...numbers, 0) + 1}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
