// How everything that quorate writes for people looks: colours, signs, width. Chosen once for each stream.
import { type ColourQuestion, makeStyle, type Style, wantsColour } from './style.ts';

/** The signs in front of lines; plain ASCII where the terminal's locale is not UTF-8. */
export interface Glyphs {
  readonly ok: string;
  readonly failed: string;
  readonly warning: string;
  readonly skipped: string;
  readonly bullet: string;
  readonly ellipsis: string;
  /** Frames of the spinner, shown in turn. */
  readonly spinner: readonly string[];
}

const UNICODE: Glyphs = {
  ok: '✓',
  failed: '✗',
  warning: '!',
  skipped: '-',
  bullet: '·',
  ellipsis: '…',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};

const ASCII: Glyphs = {
  ok: '+',
  failed: 'x',
  warning: '!',
  skipped: '-',
  bullet: '|',
  ellipsis: '...',
  spinner: ['|', '/', '-', '\\'],
};

/** How to draw on one stream. */
export interface Theme {
  readonly style: Style;
  readonly glyphs: Glyphs;
  /** Columns of the terminal; Infinity when the output is not one: then nothing is cut. */
  readonly width: number;
}

/** Whether the locale can show more than ASCII (POSIX: LC_ALL, then LC_CTYPE, then LANG decides). */
export function isUnicodeLocale(env: Readonly<Record<string, string | undefined>>): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale);
}

/** The theme for a stream. `columns` is the terminal's width, undefined when it is not a terminal. */
export function makeTheme(question: ColourQuestion & { readonly columns?: number | undefined }): Theme {
  return {
    style: makeStyle(wantsColour(question)),
    glyphs: isUnicodeLocale(question.env) ? UNICODE : ASCII,
    width: question.isTTY ? (question.columns ?? 80) : Number.POSITIVE_INFINITY,
  };
}

/** No colours, UTF-8 signs, no width limit: what a file or a test gets. */
export const PLAIN_THEME: Theme = { style: makeStyle(false), glyphs: UNICODE, width: Number.POSITIVE_INFINITY };

/** No colours and ASCII only. */
export const ASCII_THEME: Theme = { ...PLAIN_THEME, glyphs: ASCII };
