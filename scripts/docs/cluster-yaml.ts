import { renderClusterYaml } from '../../src/spec/init.ts';
import { specReference } from '../../src/spec/reference.ts';
import { code, fence, page, table } from './markdown.ts';

/** Every field of cluster.yaml. */
export function renderClusterYamlPage(): string {
  const rows = specReference().map((field) => [
    code(field.path),
    `${field.type}${field.required ? ', required' : ''}`,
    code(field.default ?? ''),
    field.example === undefined ? field.description : `${field.description} Example: ${code(field.example)}`,
  ]);
  return page(
    'cluster.yaml',
    'The desired state of one cluster. `quorate init` writes a commented one, `quorate validate` checks one, and [schema/cluster.schema.json](../../schema/cluster.schema.json) lets an editor complete it.',
    [table(['field', 'type', 'default', 'meaning'], rows), '## Example', fence(renderClusterYaml(), 'yaml')],
  );
}
