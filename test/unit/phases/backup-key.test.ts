// Who can open backups, and the bucket's credentials, as steps.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineFacts } from '../../../src/machines/facts.ts';
import { LOCKED_IDENTITY_PATH, RECIPIENTS_PATH, S3_CREDENTIALS_PATH } from '../../../src/manifests/paths.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { changesNode, machineChange, stopsControlPlane } from '../../../src/phases/change/machine-change.ts';
import { groupInput } from '../../../src/phases/files/node-groups.ts';
import { credentialSteps } from '../../../src/phases/steps/bucket-credentials.ts';
import { sealingKeySteps } from '../../../src/phases/steps/sealing-key.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { absentCluster, healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
let healthy: Observed;
let dir: string;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
  dir = mkdtempSync(join(tmpdir(), 'quorate-key-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

type Files = MachineFacts['files'];
function withFiles(change: Readonly<Record<string, (files: Files) => Files>>): Observed {
  const machines = { ...healthy.machines };
  for (const [name, edit] of Object.entries(change)) {
    const seen = machines[name];
    if (seen?.facts) machines[name] = { ...seen, facts: { ...seen.facts, files: edit(seen.facts.files) } };
  }
  return { ...healthy, machines };
}
const without = (path: string) => (files: Files) =>
  Object.fromEntries(Object.entries(files).filter(([key]) => key !== path));
const put =
  (path: string, sha256: string, mtimeMs = 1) =>
  (files: Files) => ({
    ...files,
    [path]: { sha256, mode: 0o600, mtimeMs },
  });
const titles = (observed: Observed, wanted: ClusterSpec = spec) =>
  sealingKeySteps(wanted, observed).map(({ title }) => title);

describe('recipients', () => {
  it('are one step for a new cluster, none where all have the same', () => {
    expect(sealingKeySteps(spec, absentCluster(spec))).toMatchObject([
      { title: 'tell cp1, cp2, cp3 who can open backups', why: 'no control plane knows a key yet' },
    ]);
    expect(titles(healthy)).toEqual([]);
  });

  it('are brought to those that lack them or have others, from the one that was told last', () => {
    expect(titles(withFiles({ cp2: without(RECIPIENTS_PATH) }))).toEqual(['tell cp2 who can open backups']);
    const newer = withFiles({ cp3: put(RECIPIENTS_PATH, 'ab', healthy.takenAtMs + 1) });
    expect(titles(newer)).toEqual(['tell cp1, cp2 who can open backups']);
    expect(titles(withFiles({ cp1: put(LOCKED_IDENTITY_PATH, 'cd') }))).toEqual(['tell cp2, cp3 who can open backups']);
  });

  it('of cluster.yaml are a file like others, whose change disturbs nothing', () => {
    const snapshots = { ...spec.etcd.snapshots, recipients: [`age1${'q'.repeat(58)}`] };
    const listed = { ...spec, etcd: { ...spec.etcd, snapshots } };
    expect(titles(healthy, listed)).toEqual([]);
    const input = groupInput(listed, healthy, listed.machines[0] as never);
    const change = input && machineChange(input);
    expect(change?.onlyPart).toBe('write configuration of backups (2 files)');
    expect(change && [stopsControlPlane(change), changesNode(change)]).toEqual([false, false]);
  });
});

describe("the bucket's credentials", () => {
  const bucket = (credentialsFile: string): ClusterSpec => {
    const s3 = { endpoint: 'https://s3.example.com', bucket: 'b', prefix: '', region: 'r', credentialsFile };
    return { ...spec, etcd: { ...spec.etcd, snapshots: { ...spec.etcd.snapshots, s3 } } };
  };

  it('are copied where they are missing or differ', () => {
    const path = join(dir, 'credentials');
    writeFileSync(path, '[default]\naws_secret_access_key = x\n');
    const observed = {
      ...withFiles({ cp1: put(S3_CREDENTIALS_PATH, 'aa'), cp2: put(S3_CREDENTIALS_PATH, 'bb') }),
      backupCredentials: { sha256: 'aa' },
    };
    expect(credentialSteps(bucket(path), observed).map(({ id }) => id)).toEqual([
      'cp2/bucket-credentials',
      'cp3/bucket-credentials',
    ]);
    expect(credentialSteps(spec, observed)).toEqual([]);
  });

  it('that cannot be read are an error only while a machine lacks them', () => {
    const all = withFiles(
      Object.fromEntries(['cp1', 'cp2', 'cp3'].map((name) => [name, put(S3_CREDENTIALS_PATH, 'aa')])),
    );
    expect(credentialSteps(bucket('/nowhere/credentials'), all)).toEqual([]);
    expect(() => credentialSteps(bucket('/nowhere/credentials'), healthy)).toThrowError(
      /^cannot read \/nowhere\/credentials$/,
    );
  });
});
