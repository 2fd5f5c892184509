// A few reads of the rehearsal's API server. No library: four requests, and an address that nothing else knows.
import https from 'node:https';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { throwIfAborted } from '../core/wait.ts';

/** Address and identity. */
export interface ApiAccess {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** A page of 500 objects that are decrypted, on a busy host. */
const REQUEST_TIMEOUT_MS = 30_000;
/** kubectl's own page size. */
const PAGE = 500;

/** One GET. Throws what the connection says, ABORTED. */
export function apiGet(
  ctx: Context,
  { host, port, authority, certificate, key }: ApiAccess,
  path: string,
): Promise<{ readonly status: number; readonly body: string }> {
  throwIfAborted(ctx);
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]);
  return new Promise((resolve, reject) => {
    const options = { host, port, path, ca: authority, cert: certificate, key, agent: false, signal };
    const request = https.get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject);
  });
}

interface ObjectList {
  readonly metadata: { readonly continue?: string; readonly remainingItemCount?: number };
  readonly items: readonly { readonly metadata: { readonly namespace?: string; readonly name: string } }[];
}

/** How many objects a path has. `isReadAll` makes the server read every one (decrypt it, for Secrets), not only the first. Throws KUBE_FAILED. */
export async function countObjects(
  ctx: Context,
  access: ApiAccess,
  path: string,
  isReadAll: boolean,
): Promise<{ readonly count: number; readonly first?: string }> {
  let count = 0;
  let first: string | undefined;
  for (let from = ''; ; ) {
    const query = `limit=${isReadAll ? PAGE : 1}${from === '' ? '' : `&continue=${encodeURIComponent(from)}`}`;
    const { status, body } = await apiGet(ctx, access, `${path}?${query}`);
    // The body of an error may quote what was read: only its status is told.
    if (status !== 200) throw new QuorateError('KUBE_FAILED', `GET ${path}: HTTP ${status}`, { data: { status } });
    const { items, metadata } = JSON.parse(body) as ObjectList;
    count += items.length;
    const item = items[0]?.metadata;
    first ??= item === undefined ? undefined : `${item.namespace ?? ''}/${item.name}`;
    from = metadata.continue ?? '';
    if (from === '' || !isReadAll) {
      count += isReadAll ? 0 : (metadata.remainingItemCount ?? 0);
      return { count, ...(first === undefined ? {} : { first }) };
    }
  }
}
