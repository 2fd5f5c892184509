import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { packFiles, tarHeader, tarPadding } from '../../../src/core/tar.ts';

const list = (archive: Uint8Array, ...args: string[]) =>
  execFileSync('tar', [...args, '-f', '-'], { input: archive, encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });

describe('tar archives', () => {
  it('are read by tar with names, modes, owner and time', () => {
    const archive = packFiles([
      { name: 'etc/secret', mode: 0o600, content: 'key' },
      { name: 'bin/run', mode: 0o755, content: Buffer.alloc(513, 1), mtime: 86_400 },
    ]);
    const lines = list(archive, '-t', '-v', '--numeric-owner').trim().split('\n');
    expect(lines[0]).toMatch(/^-rw------- 0\/0 +3 1970-01-01 00:00 etc\/secret$/);
    expect(lines[1]).toMatch(/^-rwxr-xr-x 0\/0 +513 1970-01-02 00:00 bin\/run$/);
  });

  it('keep content as it is, empty and not a multiple of a block included', () => {
    const archive = packFiles([
      { name: 'empty', mode: 0o644, content: '' },
      { name: 'text', mode: 0o644, content: 'grün\n' },
    ]);
    expect(archive.length % 512).toBe(0);
    expect(list(archive, '-x', '-O')).toBe('grün\n');
  });

  it('hold names of more than 100 bytes by splitting them', () => {
    const name = `${'directory/'.repeat(12)}file`;
    expect(list(packFiles([{ name, mode: 0o644, content: 'x' }]), '-t').trim()).toBe(name);
  });

  it('refuse a name that cannot be split', () => {
    expect(() => tarHeader({ name: 'x'.repeat(101), mode: 0o644, size: 0 })).toThrow(RangeError);
    expect(() => tarHeader({ name: `${'d/'.repeat(90)}${'x'.repeat(90)}`, mode: 0o644, size: 0 })).toThrow(RangeError);
  });

  it('are the same bytes for the same files', () => {
    const files = [{ name: 'a', mode: 0o644, content: 'a' }];
    expect(Buffer.compare(packFiles(files), packFiles(files))).toBe(0);
  });

  it('pad content to whole blocks', () => {
    expect([0, 1, 511, 512, 513].map(tarPadding)).toEqual([0, 511, 1, 0, 511]);
  });
});
