// The script that moves a member's data aside, run for real on a directory of this test.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SET_ASIDE_SCRIPT } from '../../../src/phases/change/end-member.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'etcd-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const setAside = (path = dir) => {
  const run = spawnSync('sh', ['-c', SET_ASIDE_SCRIPT, 'end-member', path], { encoding: 'utf8' });
  expect(run).toMatchObject({ status: 0, stderr: '' });
};
const data = (text: string) => {
  mkdirSync(join(dir, 'member/snap'), { recursive: true });
  writeFileSync(join(dir, 'member/snap/db'), text);
};
const copies = () => readdirSync(dir).filter((name) => name.startsWith('removed-'));

describe('moving data aside', () => {
  it('keeps one copy, the newest', () => {
    mkdirSync(join(dir, 'removed-1'));
    data('second');
    setAside();
    expect(existsSync(join(dir, 'member'))).toBe(false);
    const [copy = '', ...more] = copies();
    expect(more).toEqual([]);
    expect(readFileSync(join(dir, copy, 'snap/db'), 'utf8')).toBe('second');
  });

  it('never gives the copy up where there is nothing new: run again, it changes nothing', () => {
    data('only');
    setAside();
    const before = copies();
    setAside();
    expect(copies()).toEqual(before);
  });

  it('is content with a disk that has nothing of etcd', () => {
    setAside(join(dir, 'missing'));
    setAside();
    expect(readdirSync(dir)).toEqual([]);
  });
});
