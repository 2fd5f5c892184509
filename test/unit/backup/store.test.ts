import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandHome, lastComplaint, rcloneEnvironment } from '../../../src/backup/bucket.ts';
import type { ArchiveLabel } from '../../../src/backup/format.ts';
import { expired } from '../../../src/backup/prune.ts';
import {
  chooseArchive,
  fetchArchive,
  LIST_SCRIPT,
  listArchives,
  merge,
  parseListing,
  removeArchives,
} from '../../../src/backup/store.ts';
import { createFakeDriver } from '../../../src/machines/fake/driver.ts';
import { createFleet, type Fleet } from '../../../src/machines/fleet.ts';
import { contents, labelOf } from '../../helpers/archive.ts';
import { recordingContext } from '../../helpers/context.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec({ controlPlanes: 3, workers: 0 });
const DIRECTORY = spec.etcd.snapshots.directory;
const NEW = 'demo-20261121T114500Z-cp1';
const OLD = 'demo-20261114T114500Z-cp2';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-store-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function label(name: string, sealed: string, overrides: Partial<ArchiveLabel> = {}): ArchiveLabel {
  const [, stamp = '', machine = ''] = name.split('-');
  const takenAt = stamp.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z');
  return { ...labelOf(contents({ takenAt, machine }).meta, name, Buffer.from(sealed), 'age1x'), ...overrides };
}

describe('the list of a machine', () => {
  const list = async (cluster = 'demo') =>
    parseListing((await execa('sh', ['-c', LIST_SCRIPT, 'sh', directory, cluster])).stdout);

  it('has archives with a label, of this cluster alone', async () => {
    await writeFile(join(directory, `${NEW}.tar.age`), 'sealed');
    await writeFile(join(directory, `${NEW}.json`), JSON.stringify(label(NEW, 'sealed'), null, 2));
    await writeFile(join(directory, `${OLD}.tar.age`), 'no label');
    await writeFile(join(directory, 'demo-20261101T114500Z-cp1.json'), '{}');
    await writeFile(join(directory, 'demo2-20261121T114500Z-cp1.json'), '{}');
    await writeFile(join(directory, 'demo2-20261121T114500Z-cp1.tar.age'), '{}');
    const listed = await list();
    expect(listed.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([[NEW, 6]]);
    expect(JSON.parse(listed[0]?.label ?? '')).toEqual(label(NEW, 'sealed'));
    expect((await list('demo2')).map(({ name }) => name)).toEqual(['demo2-20261121T114500Z-cp1']);
  });

  it('is empty without a directory, and without archives', async () => {
    expect(await list()).toEqual([]);
    await rm(directory, { recursive: true });
    expect(await list()).toEqual([]);
  });
});

describe('merge', () => {
  const listed = (name: string, sealed: string, text = JSON.stringify(label(name, sealed))) => ({
    name,
    sizeBytes: sealed.length,
    label: text,
  });

  it('is one list, the newest first, with all places of each', () => {
    const { archives, problems } = merge(
      [
        { place: 'cp1', listed: [listed(OLD, 'old'), listed(NEW, 'new')] },
        { place: 'cp2', problem: 'no answer' },
        { place: 's3', listed: [listed(NEW, 'new')] },
      ],
      'demo',
    );
    expect(archives.map(({ name, places }) => [name, places])).toEqual([
      [NEW, ['cp1', 's3']],
      [OLD, ['cp1']],
    ]);
    expect(problems).toEqual([{ place: 'cp2', problem: 'no answer' }]);
  });

  it.each([
    ['a file that is cut off', { ...listed(NEW, 'new'), sizeBytes: 2 }, /2 bytes/],
    ['a label of another file', listed(NEW, 'new', JSON.stringify(label(OLD, 'new'))), /its label is that of/],
    ['a label of another cluster', listed(NEW, 'new', JSON.stringify(label(NEW, 'new', { cluster: 'prod' }))), /prod/],
    ['a label that is not JSON', listed(NEW, 'new', '{'), /not JSON/],
    ['a label of a later format', listed(NEW, 'new', '{"format":7}'), /format 7/],
  ])('%s is a problem, no archive', (_what, bad, words) => {
    const { archives, problems } = merge([{ place: 'cp1', listed: [bad, listed(OLD, 'old')] }], 'demo');
    expect(archives.map(({ name }) => name)).toEqual([OLD]);
    expect(problems).toEqual([{ place: 'cp1', problem: expect.stringMatching(words) }]);
  });

  it('the same name with another content is a problem of the second place', () => {
    const answers = [
      { place: 'cp1', listed: [listed(NEW, 'new')] },
      { place: 's3', listed: [listed(NEW, 'NEW')] },
    ];
    const { archives, problems } = merge(answers, 'demo');
    expect(archives[0]?.places).toEqual(['cp1']);
    expect(problems[0]).toMatchObject({ place: 's3', problem: expect.stringContaining('another file than on cp1') });
  });

  it('names are found with and without suffix; what could not be seen is said', () => {
    const list = merge([{ place: 'cp1', listed: [listed(OLD, 'old'), listed(NEW, 'new')] }], 'demo');
    expect(chooseArchive(list, 'latest').name).toBe(NEW);
    expect(chooseArchive(list, OLD).name).toBe(OLD);
    expect(chooseArchive(list, `${OLD}.tar.age`).name).toBe(OLD);
    const unseen = merge([{ place: 'cp3', problem: 'is off' }], 'demo');
    expect(() => chooseArchive(unseen, 'latest')).toThrow(
      expect.objectContaining({ code: 'ARCHIVE_NOT_FOUND', message: expect.stringMatching(/cp3: is off/) }),
    );
  });
});

describe('prune', () => {
  const archives = Array.from({ length: 5 }, (_, days) => {
    const name = `demo-202611${String(21 - days).padStart(2, '0')}T114500Z-cp1`;
    return { name, label: label(name, 'x'), places: ['cp1'] };
  });
  const now = Date.parse('2026-11-21T12:00:00Z');
  const DAY = 86_400_000;
  const kept = (rules: Parameters<typeof expired>[1], at = now) => 5 - expired(archives, rules, at).length;

  it.each([
    [{}, 5],
    [{ olderThanMs: 2 * DAY }, 2],
    [{ olderThanMs: 30 * DAY }, 5],
    [{ keep: 3 }, 3],
    [{ keep: 9 }, 5],
    [{ keep: 4, olderThanMs: 2 * DAY }, 2],
    [{ keep: 1 }, 1],
  ])('%j keeps %i', (rules, count) => {
    expect(kept(rules)).toBe(count);
  });

  it('the newest stays, however old', () => {
    expect(kept({ olderThanMs: DAY }, now + 1000 * DAY)).toBe(1);
    expect(expired([], { keep: 1 }, now)).toEqual([]);
  });
});

describe('a fleet', () => {
  let driver: ReturnType<typeof createFakeDriver>;
  let fleet: Fleet;

  beforeEach(async () => {
    driver = createFakeDriver();
    fleet = createFleet(spec, () => driver);
    for (const machine of spec.machines) {
      await driver.provider?.create(recordingContext(), spec, machine);
      await driver.provider?.start(recordingContext(), spec, machine);
    }
  });

  const put = (machine: string, name: string, sealed: string, of = sealed) => {
    const inside = driver.inside(spec, machine);
    inside.files.set(`${DIRECTORY}/${name}.tar.age`, { content: Buffer.from(sealed), mode: 0o600 });
    inside.rules.push({
      when: (command) => command.argv[2] === LIST_SCRIPT,
      answer: { stdout: `${of.length} ${name} ${JSON.stringify(label(name, of))}\n` },
    });
  };

  it('is listed without the machines that are down', async () => {
    put('cp1', NEW, 'new');
    put('cp2', NEW, 'new');
    driver.inside(spec, 'cp3').power = 'stopped';
    const { archives, problems } = await listArchives(recordingContext(), fleet, directory);
    expect(archives.map(({ places }) => places)).toEqual([['cp1', 'cp2']]);
    expect(problems.map(({ place }) => place)).toEqual(['cp3']);
  });

  it('gives an archive from another machine when the nearest has a damaged one, label last', async () => {
    put('cp1', NEW, 'nEw', 'new');
    put('cp2', NEW, 'new');
    const ctx = recordingContext();
    const archive = chooseArchive(await listArchives(ctx, fleet, directory), 'latest');
    const to = join(directory, 'out');
    await mkdir(to);
    const path = await fetchArchive(ctx, fleet, archive, to);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await readdir(to)).sort()).toEqual([`${NEW}.json`, `${NEW}.tar.age`]);
    expect(ctx.events.find(({ code }) => code === 'warning')?.data).toMatchObject({
      text: expect.stringMatching(/from cp1: .* was changed/),
    });
  });

  it('with no whole copy left is an error, and nothing is left here', async () => {
    put('cp1', NEW, 'n', 'new');
    const ctx = recordingContext();
    const archive = chooseArchive(await listArchives(ctx, fleet, directory), NEW);
    await expect(fetchArchive(ctx, fleet, archive, directory)).rejects.toMatchObject({ code: 'ARCHIVE_DAMAGED' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('loses labels before archives', async () => {
    await removeArchives(recordingContext(), fleet, 'cp1', [NEW, OLD]);
    expect(driver.inside(spec, 'cp1').commands.at(-1)?.argv).toEqual([
      ...['rm', '-f'],
      ...[`${DIRECTORY}/${NEW}.json`, `${DIRECTORY}/${NEW}.tar.age`],
      ...[`${DIRECTORY}/${OLD}.json`, `${DIRECTORY}/${OLD}.tar.age`],
    ]);
  });
});

describe('the bucket', () => {
  const s3 = {
    endpoint: 'https://s3.example.com',
    bucket: 'b',
    prefix: '',
    region: 'eu-1',
    credentialsFile: '~/.aws/credentials',
  };

  it('is described without secrets, and without those of the environment', () => {
    const env = rcloneEnvironment(s3, { AWS_ACCESS_KEY_ID: 'other', AWS_CA_BUNDLE: '/ca.pem' });
    expect(env.AWS_SHARED_CREDENTIALS_FILE).toBe(expandHome('~/.aws/credentials'));
    expect(env).toMatchObject({ AWS_ACCESS_KEY_ID: '', AWS_CA_BUNDLE: '', RCLONE_CA_CERT: '/ca.pem' });
    expect(rcloneEnvironment(s3, {})).not.toHaveProperty('RCLONE_CA_CERT');
  });

  it('complains in one line', () => {
    expect(
      lastComplaint('2026/11/21 18:41:32 ERROR : x\n2026/11/21 18:41:33 Failed to lsf: AccessDenied\n\tdetails'),
    ).toBe('Failed to lsf: AccessDenied');
    expect(lastComplaint('no date')).toBe('no date');
  });
});
