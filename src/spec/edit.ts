// Changes one value in the text of a cluster.yaml and leaves the rest as its owner wrote it.
import { isScalar, parseDocument } from 'yaml';

/** The text with another spec.kubernetesVersion; comments, order and quoting of everything else stay. */
export function withKubernetesVersion(text: string, version: string): string {
  const document = parseDocument(text);
  const node = document.getIn(['spec', 'kubernetesVersion'], true);
  if (isScalar(node) && node.range) return text.slice(0, node.range[0]) + version + text.slice(node.range[1]);
  document.setIn(['spec', 'kubernetesVersion'], version);
  return document.toString();
}
