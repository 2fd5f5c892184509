// Writes every Secret again as it is: an API server encrypts with the key that it writes with now, and a value that was encrypted with
// another one counts as changed.
import type { V1Secret } from '@kubernetes/client-node';
import { mapLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { throwIfAborted } from '../core/wait.ts';
import { httpStatus, type KubeClient } from './client.ts';

const PAGE = 500;
/** Requests at once: enough to keep etcd busy, few beside what the cluster does itself. */
const CONCURRENCY = 4;
/** Somebody else wrote it meanwhile, and so with the new key: the next look settles it. */
const ATTEMPTS = 5;
const CONFLICT = 409;
const NOT_FOUND = 404;

/** Returns how many there were. Throws API_UNREACHABLE, KUBE_FAILED, ABORTED. */
export async function rewriteSecrets(ctx: Context, connect: () => Promise<KubeClient>): Promise<number> {
  let next: string | undefined;
  let count = 0;
  do {
    throwIfAborted(ctx);
    const kube = await connect();
    const page = await kube.request('list Secrets', () =>
      kube.api(kube.library.CoreV1Api).listSecretForAllNamespaces({
        limit: PAGE,
        ...(next === undefined ? {} : { _continue: next }),
      }),
    );
    await mapLimit(page.items, CONCURRENCY, (secret) => rewrite(kube, secret));
    count += page.items.length;
    next = page.metadata?._continue || undefined;
  } while (next !== undefined);
  return count;
}

async function rewrite(kube: KubeClient, seen: V1Secret): Promise<void> {
  const core = kube.api(kube.library.CoreV1Api);
  const { name = '', namespace = '' } = seen.metadata ?? {};
  const about = { name, namespace };
  let body = seen;
  for (let attempt = 1; ; attempt++) {
    try {
      await kube.request(`write Secret ${namespace}/${name} again`, () =>
        core.replaceNamespacedSecret({ ...about, body }),
      );
      return;
    } catch (error) {
      if (httpStatus(error) === NOT_FOUND) return;
      if (httpStatus(error) !== CONFLICT || attempt >= ATTEMPTS) throw error;
    }
    try {
      body = await kube.request(`read Secret ${namespace}/${name}`, () => core.readNamespacedSecret(about));
    } catch (error) {
      if (httpStatus(error) === NOT_FOUND) return;
      throw error;
    }
  }
}
