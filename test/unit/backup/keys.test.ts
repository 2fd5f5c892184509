import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  findIdentities,
  identityPath,
  lockIdentity,
  makeIdentity,
  recipientOf,
  unlockIdentity,
} from '../../../src/backup/keys.ts';
import { silentContext } from '../../../src/core/context.ts';
import { AGE_RECIPIENT } from '../../../src/spec/syntax.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-keys-'));
  vi.stubEnv('QUORATE_STATE_DIR', dir);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

const hasAge = spawnSync('sh', ['-c', 'command -v age']).status === 0;

describe("the operator's key", () => {
  it('is made once, private, and found again', async () => {
    expect(await findIdentities('demo')).toEqual([]);
    const ctx = silentContext();
    const made = await makeIdentity('demo', ctx);
    expect(made).toMatchObject({ isNew: true, path: join(dir, 'keys/demo.agekey') });
    expect(made.recipient).toMatch(AGE_RECIPIENT);
    expect(ctx.redactor.redact(`it is ${made.identity}`)).not.toContain(made.identity);
    expect(statSync(made.path).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(made.path)).mode & 0o777).toBe(0o700);
    expect(await findIdentities('demo')).toEqual([made.identity]);
    expect(await makeIdentity('demo')).toEqual({ ...made, isNew: false });
    expect(await recipientOf(made.identity)).toBe(made.recipient);
  });

  it('is the same for two that make it at once, and nothing else is left', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => makeIdentity('demo')));
    expect(new Set(all.map(({ identity }) => identity)).size).toBe(1);
    expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(readdirSync(join(dir, 'keys'))).toEqual(['demo.agekey']);
  });

  it('is never replaced, whatever is in its file', async () => {
    mkdirSync(join(dir, 'keys'));
    writeFileSync(identityPath('demo'), '# a comment\n');
    await expect(makeIdentity('demo')).rejects.toMatchObject({ code: 'SEALING_KEY_UNUSABLE' });
  });

  it.skipIf(!hasAge)('opens what the age program seals', async () => {
    const { recipient, path } = await makeIdentity('demo');
    const sealed = spawnSync('age', ['-r', recipient], { input: 'a backup' });
    expect(spawnSync('age', ['-d', '-i', path], { input: sealed.stdout }).stdout.toString()).toBe('a backup');
  });
});

describe('a locked key', () => {
  it('opens with its passphrase, and with no other', { timeout: 120_000 }, async () => {
    const { identity } = await makeIdentity('demo');
    const locked = await lockIdentity(identity, 'correct horse');
    expect(locked).toMatch(/^-----BEGIN AGE ENCRYPTED FILE-----\n/);
    expect(await unlockIdentity(`\n${locked}\n\n`, 'correct horse')).toBe(identity);
    await expect(unlockIdentity(locked, 'wrong')).rejects.toMatchObject({ code: 'SEALING_KEY_UNUSABLE' });
    await expect(unlockIdentity('nonsense', 'correct horse')).rejects.toMatchObject({ code: 'SEALING_KEY_UNUSABLE' });
  });
});
