import { describe, expect, it } from 'vitest';
import { makeStyle, textWidth, truncate, wantsColour } from '../../../src/report/style.ts';
import { isUnicodeLocale, makeTheme } from '../../../src/report/theme.ts';

describe('wantsColour', () => {
  it.each([
    ['a terminal', { isTTY: true, env: {} }, true],
    ['a pipe', { isTTY: false, env: {} }, false],
    ['a terminal with NO_COLOR', { isTTY: true, env: { NO_COLOR: '1' } }, false],
    ['a terminal with an empty NO_COLOR', { isTTY: true, env: { NO_COLOR: '' } }, true],
    ['a pipe with FORCE_COLOR', { isTTY: false, env: { FORCE_COLOR: '1' } }, true],
    ['a terminal with FORCE_COLOR=0', { isTTY: true, env: { FORCE_COLOR: '0' } }, false],
    ['NO_COLOR beside FORCE_COLOR', { isTTY: true, env: { NO_COLOR: '1', FORCE_COLOR: '1' } }, false],
    ['a dumb terminal', { isTTY: true, env: { TERM: 'dumb' } }, false],
    ['--no-color beside FORCE_COLOR', { isTTY: true, env: { FORCE_COLOR: '1' }, flag: false }, false],
  ])('%s: %j -> %s', (_name, question, expected) => {
    expect(wantsColour(question)).toBe(expected);
  });
});

describe('texts on a terminal', () => {
  it('have the width that is seen: no escape codes, wide characters twice', () => {
    expect(textWidth(makeStyle(true).red('etcd'))).toBe(4);
    expect(textWidth('日本')).toBe(4);
    expect(textWidth('e\u0301')).toBe(1);
  });

  it('are cut to a width, with the ellipsis inside it', () => {
    expect(truncate('kube-apiserver', 8)).toBe('kube-ap…');
    expect(truncate('日本語テキスト', 6)).toBe('日本…');
    expect(truncate('short', 8)).toBe('short');
    expect(truncate('anything', 0)).toBe('');
  });

  it('stay bare when colours are off', () => {
    expect(makeStyle(false).bold('x')).toBe('x');
    expect(makeStyle(true).bold('x')).toBe('\u001b[1mx\u001b[22m');
  });
});

describe('makeTheme', () => {
  it('falls back to ASCII when the locale is not UTF-8', () => {
    expect(isUnicodeLocale({ LANG: 'de_DE.UTF-8' })).toBe(true);
    expect(isUnicodeLocale({ LC_ALL: 'C', LANG: 'de_DE.UTF-8' })).toBe(false);
    expect(isUnicodeLocale({})).toBe(false);
    expect(makeTheme({ isTTY: true, env: { LC_ALL: 'C' } }).glyphs.ok).toBe('+');
  });

  it('limits the width on terminals only', () => {
    expect(makeTheme({ isTTY: true, env: {}, columns: 120 }).width).toBe(120);
    expect(makeTheme({ isTTY: false, env: {}, columns: 120 }).width).toBe(Number.POSITIVE_INFINITY);
  });
});
