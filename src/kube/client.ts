// The Kubernetes API through @kubernetes/client-node (docs/dependencies.md), with what quorate adds to every request: a
// deadline, the run's abort signal, and errors from our table.
import type { KubeConfig, KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf, QuorateError } from '../core/errors.ts';
import { abortError } from '../core/wait.ts';
import type { KubeObject } from '../manifests/object.ts';

type Library = typeof import('@kubernetes/client-node');
type Configuration = ReturnType<Library['createConfiguration']>;

/** quorate's name in managedFields, so that server-side apply knows whose fields are whose. */
export const FIELD_MANAGER = 'quorate';
const REQUEST_TIMEOUT_MS = 10_000;

/** A connection to one API server address, with one identity. */
export interface KubeClient {
  /** https://host:port it talks to. */
  readonly server: string;
  readonly library: Library;
  readonly config: KubeConfig;
  /** Makes a typed client: `kube.api(library.CoreV1Api)`. */
  api<T>(type: new (configuration: Configuration) => T): T;
  readonly objects: KubernetesObjectApi;
  /** True once a request got no answer: connect anew, perhaps to another server. */
  isBroken(): boolean;
  /** Runs a request; its failures become KUBE_FAILED, API_UNREACHABLE or ABORTED, and `what` names it in them. */
  request<T>(what: string, work: () => Promise<T>): Promise<T>;
}

/** A client from a kubeconfig's text, talking to `server` instead of the file's own. */
export async function createKubeClient(ctx: Context, kubeconfig: string, server: string): Promise<KubeClient> {
  // Loaded on demand: it is most of the bundle, and half of the commands never need it.
  const library = await import('@kubernetes/client-node');
  const config = new library.KubeConfig();
  config.loadFromString(kubeconfig);
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new QuorateError('KUBE_FAILED', 'the kubeconfig on the control plane names no current cluster');
  config.clusters = config.clusters.map((entry) => (entry.name === cluster.name ? { ...entry, server } : entry));
  const configuration = library.createConfiguration({
    baseServer: new library.ServerConfiguration(server, {}),
    authMethods: { default: config },
    promiseMiddleware: [
      {
        pre: async (request) => {
          request.setSignal(AbortSignal.any([ctx.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]));
          return request;
        },
        post: async (response) => response,
      },
    ],
  });
  let isBroken = false;
  return {
    server,
    library,
    config,
    api: (type) => new type(configuration),
    objects: new library.KubernetesObjectApi(configuration),
    isBroken: () => isBroken,
    request: async (what, work) => {
      try {
        return await request(ctx, server, what, work);
      } catch (error) {
        isBroken ||= hasCode(error, 'API_UNREACHABLE');
        throw error;
      }
    },
  };
}

async function request<T>(ctx: Context, server: string, what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (ctx.signal.aborted) throw abortError(ctx.signal);
    const status = httpStatus(error);
    if (status === undefined) {
      throw new QuorateError('API_UNREACHABLE', `${what}: ${server} did not answer: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const reason = ctx.redactor.redact(apiMessage(error));
    throw new QuorateError('KUBE_FAILED', `${what}: ${reason}`, { data: { status, reason } });
  }
}

/** The HTTP status of an API exception; undefined for a failure of the connection itself. */
export function httpStatus(error: unknown): number | undefined {
  if (error instanceof QuorateError) return typeof error.data.status === 'number' ? error.data.status : undefined;
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'number' ? code : undefined;
}

/** The message of the Status object in the response, without the headers that the library's own message carries. */
function apiMessage(error: unknown): string {
  const body = (error as { body?: unknown }).body;
  const status = typeof body === 'string' ? tryParse(body) : body;
  const message = (status as { message?: unknown } | undefined)?.message;
  return typeof message === 'string' ? message : `HTTP ${httpStatus(error)}`;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text.slice(0, 300) };
  }
}

/** Creates or updates an object by server-side apply, taking over fields that others set. Throws as `request`. */
export async function applyObject(kube: KubeClient, object: KubeObject): Promise<void> {
  const name = `${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`;
  const strategy = kube.library.PatchStrategy.ServerSideApply;
  await kube.request(`apply ${name}`, () =>
    kube.objects.patch(object as KubernetesObject, undefined, undefined, FIELD_MANAGER, true, strategy),
  );
}
