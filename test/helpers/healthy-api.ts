// The API of a healthy cluster, for the test server: lists with their selectors, discovery, leases that are renewed all the time.
import type { KubeObject } from '../../src/manifests/object.ts';
import type { Observed } from '../../src/observe/observed.ts';
import type { ClusterSpec } from '../../src/spec/types.ts';
import { apiObjects, leaseObject } from './api-objects.ts';
import type { ApiAnswer, ApiRequest } from './kube-server.ts';

/** `/api/v1` or `/apis/GROUP/VERSION`, perhaps a namespace, and the plural of a kind. */
const LIST = /^(?:\/api\/v1|\/apis\/[^/]+\/[^/]+)(?:\/namespaces\/([^/]+))?\/([a-z]+)$/;

/** What the API server of a healthy cluster answers. `caCertificate` is PEM. */
export function healthyApi(
  spec: ClusterSpec,
  kube: NonNullable<Observed['kube']>,
  caCertificate: string,
): (request: ApiRequest) => ApiAnswer {
  const objects = apiObjects(spec, kube, caCertificate);
  return ({ path, query }) => {
    if (path === '/readyz') return { body: 'ok' };
    if (path === '/version') return { body: { major: '1', minor: '36', gitVersion: kube.version } };
    const apiVersion = path.startsWith('/apis/') ? path.split('/').slice(2, 4).join('/') : 'v1';
    const [, namespace, plural] = LIST.exec(path) ?? [];
    if (plural === undefined) return { body: discovery(apiVersion, objects) };
    const leases = Object.entries(kube.leases).map(([name, lease]) => leaseObject(name, lease));
    const items = [...objects, ...leases].filter(
      (object) =>
        object.apiVersion === apiVersion &&
        pluralOf(object.kind) === plural &&
        (namespace === undefined || object.metadata.namespace === namespace) &&
        isSelected(object, query),
    );
    return { body: { kind: 'List', apiVersion, metadata: {}, items } };
  };
}

/** Regular for every kind that quorate reads. */
function pluralOf(kind: string): string {
  return `${kind.toLowerCase()}s`;
}

function discovery(apiVersion: string, objects: readonly KubeObject[]) {
  const own = objects.filter((object) => object.apiVersion === apiVersion);
  const kinds = new Map(own.map(({ kind, metadata }) => [kind, metadata.namespace !== undefined]));
  const resources = [...kinds].map(([kind, namespaced]) => ({
    name: pluralOf(kind),
    kind,
    namespaced,
    verbs: ['list'],
  }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersion, resources };
}

/** Selectors of the form `key=value`. */
function isSelected({ metadata }: KubeObject, query: URLSearchParams): boolean {
  const [label, value] = (query.get('labelSelector') ?? '').split('=');
  const name = query.get('fieldSelector')?.replace(/^metadata\.name=/, '');
  return (!label || metadata.labels?.[label] === value) && (name === undefined || metadata.name === name);
}
