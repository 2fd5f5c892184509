import { stripVTControlCharacters } from 'node:util';

/** Colours and weights for a terminal; every function returns its text unchanged when colours are off. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

/** Select Graphic Rendition codes, ECMA-48 section 8.3.117: how to switch each one on and off. */
const SGR = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const satisfies Record<keyof Style, readonly [number, number]>;

/** A style that colours, or one that leaves every text as it is. */
export function makeStyle(enabled: boolean): Style {
  const paint = (name: keyof Style) => (text: string) =>
    enabled && text !== '' ? `\u001b[${SGR[name][0]}m${text}\u001b[${SGR[name][1]}m` : text;
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  };
}

/** What decides whether a stream gets colours. */
export interface ColourQuestion {
  readonly isTTY: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** false: `--no-color` was given. */
  readonly flag?: boolean;
}

/**
 * Whether to colour: `--no-color`, then NO_COLOR (no-color.org: any value but the empty one), then FORCE_COLOR, then whether
 * it is a terminal that can.
 */
export function wantsColour({ isTTY, env, flag }: ColourQuestion): boolean {
  if (flag === false) return false;
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0';
  return isTTY && env.TERM !== 'dumb';
}

/** Columns that a text takes on a terminal: escape codes and combining marks none, wide East Asian characters two. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of stripVTControlCharacters(text)) {
    if (/\p{Mark}|\p{Default_Ignorable_Code_Point}/u.test(character)) continue;
    width += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u.test(
      character,
    )
      ? 2
      : 1;
  }
  return width;
}

/** The text cut to `width` columns, ending in `ellipsis` when something was cut. Escape codes are dropped from a cut text. */
export function truncate(text: string, width: number, ellipsis = '…'): string {
  if (textWidth(text) <= width) return text;
  const room = width - textWidth(ellipsis);
  if (room <= 0) return ellipsis.slice(0, Math.max(0, width));
  let cut = '';
  for (const character of stripVTControlCharacters(text)) {
    if (textWidth(cut + character) > room) break;
    cut += character;
  }
  return cut + ellipsis;
}
