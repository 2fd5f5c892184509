// The reference pages, rendered from the code that they describe. A unit test compares them with the files in docs/reference.
import { renderArtifactsPage } from './artifacts.ts';
import { renderCliPage } from './cli.ts';
import { renderClusterYamlPage } from './cluster-yaml.ts';
import { renderErrorsPage } from './errors.ts';
import { renderEventsPage } from './events.ts';

/** Every generated page by its path from the top of the checkout. `eventsSource` is the text of src/core/events.ts. */
export function renderReference(eventsSource: string): Readonly<Record<string, string>> {
  return {
    'docs/reference/cli.md': renderCliPage(),
    'docs/reference/cluster-yaml.md': renderClusterYamlPage(),
    'docs/reference/errors.md': renderErrorsPage(),
    'docs/reference/events.md': renderEventsPage(eventsSource),
    'docs/reference/artifacts.md': renderArtifactsPage(),
  };
}
