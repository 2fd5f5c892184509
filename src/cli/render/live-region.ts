import type { OutStream } from '../io.ts';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_BELOW = '\u001b[J';

/** The last lines of a terminal, redrawn in place. */
export interface LiveRegion {
  /** Replaces the region's lines; each must be shorter than the terminal is wide. */
  draw(lines: readonly string[]): void;
  /** Writes text that stays, above the region. */
  print(text: string): void;
  /** Removes the region and shows the cursor again. */
  clear(): void;
}

/** A live region at the end of `out`, which must be a terminal. Each change is one write, so that nothing flickers. */
export function makeLiveRegion(out: OutStream): LiveRegion {
  let drawn: readonly string[] = [];
  const rewind = () => (drawn.length === 0 ? '' : `\u001b[${drawn.length}A\r${CLEAR_BELOW}`);
  const body = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
  return {
    draw(lines) {
      if (lines.length === 0 && drawn.length === 0) return;
      out.write(
        `${drawn.length === 0 ? HIDE_CURSOR : ''}${rewind()}${body(lines)}${lines.length === 0 ? SHOW_CURSOR : ''}`,
      );
      drawn = lines;
    },
    print(text) {
      out.write(`${rewind()}${text.endsWith('\n') ? text : `${text}\n`}${body(drawn)}`);
    },
    clear() {
      if (drawn.length > 0) out.write(`${rewind()}${SHOW_CURSOR}`);
      drawn = [];
    },
  };
}
