import type { MachineRow } from '../../actions/machines.ts';
import { renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** The machines as a table. */
export function renderMachines(machines: readonly MachineRow[], theme: Theme): string {
  const { style } = theme;
  const paintState = (text: string, { state }: MachineRow) => {
    if (state === 'running') return style.green(text);
    return state === 'unreachable' ? style.red(text) : style.dim(text);
  };
  return renderTable(
    [
      { header: 'NAME', value: ({ name }) => name },
      { header: 'ROLE', value: ({ role }) => role },
      { header: 'ZONE', value: ({ zone }) => zone ?? '-' },
      { header: 'ADDRESS', value: ({ address }) => address },
      { header: 'STATE', value: ({ state }) => state, paint: paintState },
      { header: 'DETAIL', value: ({ detail }) => detail ?? '', shrinks: true },
    ],
    machines,
    theme,
  );
}
