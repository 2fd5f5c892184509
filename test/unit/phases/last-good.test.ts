// The scripts that keep and restore what a machine ran, run for real with sh, in a directory that stands for its root.
import { execFile } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import type { Machine } from '../../../src/machines/machine.ts';
import { forgetLastGood, keepLastGood, restoreLastGood } from '../../../src/phases/change/last-good.ts';

const DIR = '/var/lib/quorate/last-good';
const KUBELET = '/usr/local/bin/kubelet';
const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const STATE = { machine: 'cp1', etcd: '3.6.14', kubelet: 'v1.36.1' };
const CONFIG = '/var/lib/kubelet/config.yaml';

let root: string;
let machine: Machine;
const ctx = silentContext();
const put = (path: string, text: string, mode = 0o600) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text, { mode });
};
const get = (path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined);
/** What systemctl was told, a line each. */
const told = () => (get('/systemctl.log') ?? '').trim().split('\n').filter(Boolean);

/** Where the scripts say the root directory they mean the temporary one. */
function rebased(argument: string): string {
  return argument
    .replaceAll(DIR, join(root, DIR))
    .replaceAll('\ncd /\n', `\ncd ${root}\n`)
    .replaceAll('tar -C / ', `tar -C ${root} `);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'last-good-'));
  put('/bin/systemctl', `#!/bin/sh\necho "$*" >> ${root}/systemctl.log\n`, 0o755);
  const exec = async (_ctx: unknown, [program = '', ...args]: readonly string[]) => {
    const env = { PATH: `${root}/bin:${process.env.PATH}` };
    return promisify(execFile)(program, args.map(rebased), { env });
  };
  machine = { name: 'cp1', exec } as unknown as Machine;
  put(MANIFEST, 'old manifest');
  put(CONFIG, 'old config');
  put(KUBELET, 'old kubelet', 0o755);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('what a machine ran', () => {
  it('comes back as it was: content, mode, manifests, and the units that read it', async () => {
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    put(MANIFEST, 'new manifest');
    put(CONFIG, 'new config');
    rmSync(join(root, KUBELET));
    put(KUBELET, 'new kubelet', 0o700);
    await restoreLastGood(ctx, machine, ['containerd.service', 'kubelet.service']);
    expect([get(MANIFEST), get(CONFIG), get(KUBELET)]).toEqual(['old manifest', 'old config', 'old kubelet']);
    expect(statSync(join(root, KUBELET)).mode & 0o777).toBe(0o755);
    expect(told()).toEqual(['daemon-reload', 'restart containerd.service', 'restart kubelet.service']);
  });

  it('lies where root alone can read it: manifests and configuration name secrets', async () => {
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    expect(statSync(join(root, DIR)).mode & 0o777).toBe(0o700);
  });

  it('is kept once: a run that was ended half-way has left a mixture, and what was good is what was before it', async () => {
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    put(CONFIG, 'half of the new');
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    await restoreLastGood(ctx, machine, []);
    expect(get(CONFIG)).toBe('old config');
  });

  it('is kept together with what it was: a later run waits for that, not for what it finds half-way', async () => {
    expect(await keepLastGood(ctx, machine, STATE, [KUBELET])).toEqual(STATE);
    expect(await keepLastGood(ctx, machine, { machine: 'cp1', kubelet: 'v1.36.3' }, [KUBELET])).toEqual(STATE);
  });

  it('is kept anew when keeping it was itself cut off', async () => {
    put(`${DIR}/files.tar`, 'half an archive');
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    put(CONFIG, 'new config');
    await restoreLastGood(ctx, machine, []);
    expect(get(CONFIG)).toBe('old config');
  });

  it('may lack what this machine does not have', async () => {
    rmSync(join(root, MANIFEST));
    await keepLastGood(ctx, machine, STATE, ['/usr/local/bin/etcd']);
    put(CONFIG, 'new config');
    await restoreLastGood(ctx, machine, ['kubelet.service']);
    expect([get(CONFIG), get(KUBELET)]).toEqual(['old config', 'old kubelet']);
  });

  it('is replaced beside what runs: a program that is in use is unlinked, not written into', async () => {
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    writeFileSync(join(root, KUBELET), 'new kubelet');
    const running = openSync(join(root, KUBELET), 'r');
    try {
      await restoreLastGood(ctx, machine, []);
      expect(get(KUBELET)).toBe('old kubelet');
      expect(readFileSync(running, 'utf8')).toBe('new kubelet');
    } finally {
      closeSync(running);
    }
  });

  it('is forgotten once the change has proved good; then there is nothing to go back to', async () => {
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    await forgetLastGood(ctx, machine);
    expect(existsSync(join(root, DIR))).toBe(false);
    await expect(restoreLastGood(ctx, machine, [])).rejects.toThrow('nothing was kept');
    expect(told()).toEqual([]);
  });
});

describe('programs', () => {
  const STAMP = '/usr/local/share/quorate/binaries.json';
  const ETCDCTL = '/usr/local/bin/etcdctl';
  beforeEach(() => {
    put(STAMP, '{"old":1}');
    put(ETCDCTL, 'old etcdctl', 0o755);
  });

  it('are added to what an ended run has kept, as long as none has been replaced', async () => {
    await keepLastGood(ctx, machine, STATE, []);
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    await keepLastGood(ctx, machine, STATE, [ETCDCTL]);
    put(KUBELET, 'new kubelet');
    put(ETCDCTL, 'new etcdctl');
    put(STAMP, '{"new":1}');
    await restoreLastGood(ctx, machine, []);
    expect([get(KUBELET), get(ETCDCTL), get(STAMP)]).toEqual(['old kubelet', 'old etcdctl', '{"old":1}']);
  });

  it('are not added once some have been: those would be new ones', async () => {
    await keepLastGood(ctx, machine, STATE, [KUBELET]);
    put(STAMP, '{"new":1}');
    put(KUBELET, 'new kubelet');
    await keepLastGood(ctx, machine, STATE, [KUBELET, ETCDCTL]);
    await restoreLastGood(ctx, machine, []);
    expect(get(KUBELET)).toBe('old kubelet');
  });
});
