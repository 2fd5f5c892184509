import { describe, expect, it } from 'vitest';
import { renderTable } from '../../../src/report/table.ts';
import { ASCII_THEME, PLAIN_THEME, type Theme } from '../../../src/report/theme.ts';

interface Row {
  readonly name: string;
  readonly size: string;
  readonly detail: string;
}
const COLUMNS = [
  { header: 'NAME', value: ({ name }: Row) => name },
  { header: 'SIZE', value: ({ size }: Row) => size, align: 'right' as const },
  { header: 'DETAIL', value: ({ detail }: Row) => detail, shrinks: true },
];
const ROWS: Row[] = [
  { name: 'cp1', size: '9', detail: 'leader' },
  { name: 'worker10', size: '1024', detail: 'a detail that is rather long for a narrow terminal' },
];

describe('renderTable', () => {
  it('aligns columns, numbers to the right, without trailing spaces', () => {
    expect(renderTable(COLUMNS, ROWS, PLAIN_THEME)).toMatchInlineSnapshot(`
      "NAME      SIZE  DETAIL
      cp1          9  leader
      worker10  1024  a detail that is rather long for a narrow terminal"
    `);
  });

  it('cuts only the columns that shrink, and ends them with an ellipsis', () => {
    const narrow: Theme = { ...PLAIN_THEME, width: 36 };
    const text = renderTable(COLUMNS, ROWS, narrow);
    expect(text).toMatchInlineSnapshot(`
      "NAME      SIZE  DETAIL
      cp1          9  leader
      worker10  1024  a detail that is ra…"
    `);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBe(36);
  });

  it('uses three dots where the locale is ASCII, and the indentation counts', () => {
    const text = renderTable(COLUMNS, ROWS, { ...ASCII_THEME, width: 36 }, '  ');
    expect(text).toMatchInlineSnapshot(`
      "  NAME      SIZE  DETAIL
        cp1          9  leader
        worker10  1024  a detail that i..."
    `);
  });

  it('pads before it colours, so that escape codes do not shift columns', () => {
    const painted = [{ ...COLUMNS[0], paint: (text: string) => `<${text}>` }, COLUMNS[1]] as typeof COLUMNS;
    expect(renderTable(painted, ROWS, PLAIN_THEME)).toMatchInlineSnapshot(`
      "NAME      SIZE
      <cp1     >     9
      <worker10>  1024"
    `);
  });

  it('shows the header alone without rows', () => {
    expect(renderTable(COLUMNS, [], PLAIN_THEME)).toBe('NAME  SIZE  DETAIL');
  });
});
