import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { openAuthority } from '../../../src/pki/certificate.ts';
import {
  certificatePath,
  ENCRYPTION_CONFIG_PATH,
  SA_KEY_PATH,
  SA_PUB_PATH,
  SHARED_PATHS,
} from '../../../src/pki/names.ts';
import {
  encryptionKeys,
  furthest,
  keptPath,
  nextKeyName,
  ROTATION_STATE_PATH,
  type RotationKind,
  type RotationMaterial,
  type RotationStage,
  type RotationState,
  rotatedPaths,
  rotationFiles,
  SIGNING_CERTIFICATE_PATH,
  STAGES,
  stageContents,
  stageOfText,
  withEncryptionKeys,
} from '../../../src/pki/rotation.ts';
import { nextStages } from '../../../src/pki/rotation-stages.ts';
import { generateSharedMaterial, parseSharedMaterial, sharedFiles } from '../../../src/pki/shared.ts';
import { certificatesIn, trustDigest } from '../../../src/pki/trust.ts';
import { recordingContext } from '../../helpers/context.ts';
import { byPath } from './fixtures.ts';

const CA = certificatePath('ca');
const MACHINES = ['cp1', 'cp2', 'cp3'];
type Disk = Record<string, string>;

let before: Disk;
const materials = {} as Record<RotationKind, RotationMaterial>;
beforeAll(async () => {
  const [old, fresh] = await Promise.all([
    generateSharedMaterial(recordingContext()),
    generateSharedMaterial(recordingContext()),
  ]);
  before = byPath(sharedFiles(old));
  const after = byPath(sharedFiles(fresh));
  const [key] = encryptionKeys(after[ENCRYPTION_CONFIG_PATH] ?? '');
  after[ENCRYPTION_CONFIG_PATH] = withEncryptionKeys(before[ENCRYPTION_CONFIG_PATH] ?? '', [
    { name: 'key2', secret: key?.secret ?? '' },
  ]);
  for (const kind of Object.keys(STAGES) as RotationKind[]) {
    const part = (files: Disk) => Object.fromEntries(rotatedPaths(kind).map((path) => [path, files[path] ?? '']));
    materials[kind] = { before: part(before), after: part(after) };
  }
});

const contents = (kind: RotationKind, stage: RotationStage) => stageContents({ kind, stage }, materials[kind]);

describe('the files of a stage', () => {
  it.each([
    ['trust', ['before', 'after'], 'before'],
    ['reissue', ['after', 'before'], 'after'],
    ['distrust', ['after'], 'after'],
    ['back', ['before', 'after'], 'before'],
    ['restore', ['before'], 'before'],
  ] as const)('%s: what signs comes first, and its key is the signing one', (stage, trusted, signing) => {
    const files = contents('authorities', stage);
    const { authorities } = { authorities: materials.authorities };
    expect(certificatesIn(files[CA] ?? '')).toEqual(
      trusted.flatMap((when) => certificatesIn(authorities[when][CA] ?? '')),
    );
    expect(files['/etc/kubernetes/pki/etcd/ca.key']).toBe(authorities[signing]['/etc/kubernetes/pki/etcd/ca.key']);
    // Whoever reads the shared files checks that key and first certificate belong together.
    expect(() => parseSharedMaterial({ ...before, ...files })).not.toThrow();
  });

  it('leave the set that is trusted as it is between trust and reissue, and change it before and behind', () => {
    const digest = (stage: RotationStage) => trustDigest(contents('authorities', stage)[CA]);
    expect(digest('reissue')).toBe(digest('trust'));
    expect(digest('distrust')).not.toBe(digest('reissue'));
    expect(digest('trust')).not.toBe(trustDigest(before[CA]));
  });

  it('give the signer a file of one certificate', () => {
    const signing = (stage: RotationStage) =>
      rotationFiles({ kind: 'authorities', stage }, materials.authorities, SHARED_PATHS).find(
        ({ path }) => path === SIGNING_CERTIFICATE_PATH,
      )?.content;
    expect(signing('trust')).toBe(materials.authorities.before[CA]?.trimEnd().concat('\n'));
    expect(signing('reissue')).toBe(materials.authorities.after[CA]?.trimEnd().concat('\n'));
  });

  it('issue with the first certificate of a bundle', async () => {
    const files = { ...before, ...contents('authorities', 'reissue') };
    const issue = await openAuthority(parseSharedMaterial(files).authorities.ca);
    const request = { commonName: 'x', organizations: [], sans: [], usages: ['client' as const] };
    const leaf = new X509Certificate((await issue(request, Date.now())).certificate);
    const issuer = new X509Certificate(materials.authorities.after[CA] ?? '');
    expect(leaf.verify(issuer.publicKey)).toBe(true);
    expect(leaf.toString()).toContain('CERTIFICATE');
  });

  it('keep both public keys of tokens, in one order, until the end', () => {
    expect(contents('service-account', 'sign')[SA_PUB_PATH]).toBe(contents('service-account', 'verify')[SA_PUB_PATH]);
    expect(contents('service-account', 'verify')[SA_KEY_PATH]).toBe(before[SA_KEY_PATH]);
    expect(contents('service-account', 'finish')).toEqual(materials['service-account'].after);
  });

  it('write with the first of the encryption keys', () => {
    const names = (stage: RotationStage) =>
      encryptionKeys(contents('encryption', stage)[ENCRYPTION_CONFIG_PATH] ?? '').map(({ name }) => name);
    expect([names('read'), names('write'), names('finish')]).toEqual([['key1', 'key2'], ['key2', 'key1'], ['key2']]);
    expect(nextKeyName([{ name: 'key2', secret: '' }])).toBe('key3');
  });

  it('hold no key that a machine has no use for', () => {
    const held = SHARED_PATHS.filter((path) => path !== '/etc/kubernetes/pki/etcd/ca.key');
    const paths = rotationFiles({ kind: 'authorities', stage: 'trust' }, materials.authorities, held).map(
      ({ path }) => path,
    );
    expect(paths.filter((path) => path.includes('etcd/ca.key'))).toEqual([]);
    expect(paths).toContain(keptPath('after', '/etc/kubernetes/pki/etcd/ca.crt'));
  });
});

/** Machines with the shared files alone. */
const fresh = (): Record<string, Disk> => Object.fromEntries(MACHINES.map((name) => [name, { ...before }]));

function stateOn(disks: Record<string, Disk>): RotationState | undefined {
  return furthest(
    MACHINES.flatMap((name) => {
      const state = stageOfText(disks[name]?.[ROTATION_STATE_PATH]);
      return state === undefined ? [] : [state];
    }),
  );
}

/** Every write of a stage, machine after machine. */
function writesOf(state: RotationState): [machine: string, path: string, content: string][] {
  return MACHINES.flatMap((name) =>
    rotationFiles(state, materials[state.kind], SHARED_PATHS).map(({ path, content }): [string, string, string] => [
      name,
      path,
      content.toString(),
    ]),
  );
}

/** Goes on from whatever lies there: every stage that is left, in full. */
function finish(disks: Record<string, Disk>, kind: RotationKind, direction: 'forward' | 'rollback'): void {
  for (const stage of nextStages(kind, stateOn(disks), direction)) {
    for (const [name, path, content] of writesOf({ kind, stage })) (disks[name] as Disk)[path] = content;
  }
}

const shared = (disk: Disk = {}) => Object.fromEntries(SHARED_PATHS.map((path) => [path, disk[path]]));

describe('a rotation that is ended between any two writes', () => {
  it.each(['trust', 'reissue', 'distrust'] as const)('of the stage %s ends the same when it goes on', (stage) => {
    const writes = writesOf({ kind: 'authorities', stage });
    for (let count = 0; count <= writes.length; count++) {
      const disks = begun(stage, writes.slice(0, count));
      finish(disks, 'authorities', 'forward');
      for (const name of MACHINES) expect(shared(disks[name])).toEqual({ ...before, ...materials.authorities.after });
    }
  });

  it.each(['trust', 'reissue'] as const)('of the stage %s restores every byte when it goes back', (stage) => {
    const writes = writesOf({ kind: 'authorities', stage });
    for (let count = 0; count <= writes.length; count++) {
      const disks = begun(stage, writes.slice(0, count));
      if (stateOn(disks) === undefined) continue;
      finish(disks, 'authorities', 'rollback');
      for (const name of MACHINES) expect(shared(disks[name])).toEqual(before);
    }
  });
});

/** The stage before complete, then these writes. */
function begun(stage: RotationStage, writes: readonly [string, string, string][]): Record<string, Disk> {
  const disks = fresh();
  const former = { reissue: 'trusted', distrust: 'reissued' } as Partial<Record<RotationStage, RotationStage>>;
  const complete = former[stage];
  const done = complete === undefined ? [] : writesOf({ kind: 'authorities', stage: complete });
  for (const [name, path, content] of [...done, ...writes]) (disks[name] as Disk)[path] = content;
  return disks;
}

describe('the next stages', () => {
  const of = (
    kind: RotationKind,
    stage: string | undefined,
    direction: 'forward' | 'finish' | 'rollback',
    until?: RotationStage,
  ) =>
    nextStages(kind, stage === undefined ? undefined : { kind, stage: stage as RotationStage }, direction, until).join(
      ' ',
    );

  it.each([
    [undefined, 'trust reissue distrust'],
    ['trust', 'trust reissue distrust'],
    ['trusted', 'reissue distrust'],
    ['reissue', 'reissue distrust'],
    ['reissued', 'distrust'],
    ['distrust', 'distrust'],
  ])('of the authorities from %s are %s', (stage, stages) => {
    expect(of('authorities', stage, 'forward')).toBe(stages);
  });

  it('stop where they are told to', () => {
    expect(of('authorities', undefined, 'forward', 'reissue')).toBe('trust reissue');
    expect(of('authorities', 'trusted', 'forward', 'trust')).toBe('');
  });

  it.each([
    ['trust', 'restore'],
    ['trusted', 'restore'],
    ['reissue', 'back restore'],
    ['reissued', 'back restore'],
    ['back', 'back restore'],
    ['restore', 'restore'],
  ])('back from %s are %s', (stage, stages) => {
    expect(of('authorities', stage, 'rollback')).toBe(stages);
  });

  it.each([
    ['authorities', 'distrust', 'rollback'],
    ['authorities', undefined, 'rollback'],
    ['authorities', 'back', 'forward'],
    ['service-account', 'signed', 'rollback'],
    ['service-account', 'verified', 'finish'],
    ['encryption', 'written', 'rollback'],
  ] as const)('of %s from %s are none: %s is refused', (kind, stage, direction) => {
    expect(() => of(kind, stage, direction)).toThrowError(expect.objectContaining({ code: 'ROTATION_REFUSED' }));
  });

  it('of the service account key wait for --finish', () => {
    expect(of('service-account', 'signed', 'forward')).toBe('');
    expect(of('service-account', 'signed', 'finish')).toBe('finish');
    expect(of('encryption', 'finish', 'forward')).toBe('finish');
  });
});

describe('where a rotation stands', () => {
  it('is what the furthest machine says', () => {
    const states = ['trusted', 'reissue', 'trusted'].map((stage) => ({ kind: 'authorities', stage }) as RotationState);
    expect(furthest(states)?.stage).toBe('reissue');
    expect(furthest([])).toBeUndefined();
  });

  it('cannot be two at once', () => {
    const two: RotationState[] = [
      { kind: 'authorities', stage: 'trust' },
      { kind: 'encryption', stage: 'read' },
    ];
    expect(() => furthest(two)).toThrowError(expect.objectContaining({ code: 'ROTATION_UNFINISHED' }));
  });
});
