import { requiredArtifacts, supportedKubernetesVersions, testArtifacts } from '../../src/artifacts/catalog.ts';
import type { Artifact } from '../../src/artifacts/types.ts';
import { code, page, table } from './markdown.ts';

/** The catalog: what a cluster is made of. */
export function renderArtifactsPage(): string {
  const versions = supportedKubernetesVersions();
  const artifacts = [...requiredArtifacts(versions[0] ?? ''), ...testArtifacts()];
  const of = <K extends Artifact['kind']>(kind: K) =>
    artifacts.filter((artifact): artifact is Extract<Artifact, { kind: K }> => artifact.kind === kind);
  return page(
    'Artifacts',
    `What a cluster is made of: upstream's parts, pinned. Each one is taken from the first source that has it: the cache, a bundle directory, the official release download with its published checksum, a build from upstream's Go modules. Kubernetes versions: ${versions.map(code).join(', ')}; the table shows ${code(versions[0] ?? '')}.`,
    [
      '## Binaries on the machines',
      table(
        ['binary', 'version', 'path'],
        of('binary').map(({ name, version, installPath }) => [name, version, code(installPath)]),
      ),
      '## Container images',
      table(
        ['image', 'reference'],
        of('image').map(({ name, reference }) => [name, code(reference)]),
      ),
    ],
  );
}
