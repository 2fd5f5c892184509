import { textWidth, truncate } from './style.ts';
import type { Theme } from './theme.ts';

/** One column of a table. */
export interface Column<Row> {
  readonly header: string;
  /** The cell's plain text. */
  value(row: Row): string;
  readonly align?: 'left' | 'right';
  /** Colours the padded cell. */
  paint?(text: string, row: Row): string;
  /** true: gives up its width first when the terminal is too narrow. */
  readonly shrinks?: boolean;
}

const GAP = '  ';
/** Below this a shrunk column says nothing any more. */
const MIN_SHRUNK_WIDTH = 8;

/**
 * Rows as aligned text, one line a row under a line of dim headers, without a trailing newline. Columns that shrink are
 * cut when the terminal is too narrow. Without rows it returns the header alone.
 */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  theme: Theme,
  indent = '',
): string {
  const cells = rows.map((row) => columns.map((column) => column.value(row)));
  const widths = fitWidths(columns, cells, theme.width - indent.length);
  const line = (texts: readonly string[], paint: (text: string, index: number) => string) =>
    (indent + texts.map((text, index) => paint(pad(text, index), index)).join(GAP)).trimEnd();
  const pad = (text: string, index: number) => {
    const width = widths[index] ?? 0;
    const shown = truncate(text, width, theme.glyphs.ellipsis);
    const space = ' '.repeat(Math.max(0, width - textWidth(shown)));
    if (columns[index]?.align === 'right') return space + shown;
    return index === columns.length - 1 ? shown : shown + space;
  };
  const header = line(
    columns.map((column) => column.header),
    (text) => theme.style.dim(text),
  );
  const body = cells.map((texts, at) =>
    line(texts, (text, index) => columns[index]?.paint?.(text, rows[at] as Row) ?? text),
  );
  return [header, ...body].join('\n');
}

function fitWidths<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  available: number,
): number[] {
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.header), ...cells.map((texts) => textWidth(texts[index] ?? ''))),
  );
  let excess = widths.reduce((sum, width) => sum + width, 0) + GAP.length * (columns.length - 1) - available;
  for (const [index, column] of columns.entries()) {
    if (!column.shrinks || excess <= 0) continue;
    const width = widths[index] ?? 0;
    const given = Math.min(excess, Math.max(0, width - MIN_SHRUNK_WIDTH));
    widths[index] = width - given;
    excess -= given;
  }
  return widths;
}
