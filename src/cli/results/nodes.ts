import type { DrainNodesReport, NodeRow } from '../../actions/nodes.ts';
import { formatDuration } from '../../core/wait.ts';
import { count } from '../../report/format.ts';
import { renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** The nodes as a table. */
export function renderNodes(nodes: readonly NodeRow[], theme: Theme): string {
  const { style } = theme;
  return renderTable<NodeRow>(
    [
      { header: 'NAME', value: ({ name }) => name },
      { header: 'ROLES', value: ({ roles }) => roles.join(',') || '-' },
      { header: 'VERSION', value: ({ version }) => version },
      {
        header: 'READY',
        value: ({ ready, reason }) => (ready ? 'yes' : `no: ${reason ?? 'unknown'}`),
        paint: (text, { ready }) => (ready ? style.green(text) : style.red(text)),
        shrinks: true,
      },
      { header: 'CORDONED', value: cordonWords, paint: (text, { cordoned }) => (cordoned ? style.yellow(text) : text) },
      { header: 'ZONE', value: ({ zone }) => zone ?? '-' },
      { header: 'TAINTS', value: ({ taints }) => taints.join(' ') || '-', shrinks: true },
    ],
    nodes,
    theme,
  );
}

function cordonWords({ cordoned, cordonedBy, cordonedFor }: NodeRow): string {
  if (!cordoned) return '-';
  return cordonedBy === 'quorate' ? `by quorate (${cordonedFor})` : 'by its owner';
}

/** What was moved off which node, and how to put it back into use. */
export function renderDrain({ nodes, durationMs }: DrainNodesReport, { style, glyphs }: Theme): string {
  const lines = nodes.map(({ name, evicted, left }) => {
    const waiting = left.length === 0 ? '' : style.yellow(`, ${left.length} of them not seen to end`);
    return `${style.green(glyphs.ok)} node ${name} is drained: ${count(evicted.length, 'pod')} evicted${waiting}`;
  });
  const names = nodes.map(({ name }) => name).join(' ');
  return [
    ...lines,
    `  ${style.dim(formatDuration(durationMs))}  back into use with: quorate node uncordon ${names}`,
  ].join('\n');
}
