import type { ArtifactReport } from '../../actions/artifacts.ts';
import { bytes, count } from '../../report/format.ts';
import { renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

type Row = ArtifactReport['artifacts'][number];

/** The artifacts as a table, and where they lie. */
export function renderArtifacts({ artifacts, cacheDir, kubernetesVersion }: ArtifactReport, theme: Theme): string {
  const { style } = theme;
  const paintState = (text: string, { state }: Row) => {
    if (state === 'cached') return style.green(text);
    return state === 'corrupt' ? style.red(text) : style.yellow(text);
  };
  const table = renderTable<Row>(
    [
      { header: 'KIND', value: ({ artifact }) => artifact.kind },
      { header: 'NAME', value: ({ artifact }) => artifact.name },
      { header: 'VERSION', value: ({ artifact }) => artifact.version },
      { header: 'STATE', value: ({ state }) => state, paint: paintState },
      { header: 'FROM', value: ({ source }) => source ?? '-' },
      { header: 'SIZE', value: ({ sizeBytes }) => (sizeBytes === undefined ? '-' : bytes(sizeBytes)), align: 'right' },
    ],
    artifacts,
    theme,
  );
  const cached = artifacts.filter(({ state }) => state === 'cached');
  const size = cached.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0);
  const summary = `Kubernetes ${kubernetesVersion}: ${cached.length} of ${count(artifacts.length, 'artifact')} in ${cacheDir}, ${bytes(size)}`;
  return `${table}\n\n${summary}`;
}
