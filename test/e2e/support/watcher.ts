// Clients that watch, as controllers do: list, watch from there, list again when they are told that their revision is gone. They must never
// see a revision go back, and in the end they must know what is.
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { credentialsOf } from './load-client.ts';

/** What one watcher has seen. */
export interface WatchReport {
  /** Names that it takes to exist. */
  readonly known: readonly string[];
  /** Events and lists whose revision was below one seen before. */
  readonly rewinds: readonly string[];
  /** How often it had to list anew. */
  readonly lists: number;
  readonly lastRevision: number;
}

interface Item {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

/** Watches a resource (`/api/v1/namespaces/default/configmaps`) until it is stopped, through whatever happens. */
export async function startWatching(
  path: string,
): Promise<{ stop: () => Promise<WatchReport>; report: () => WatchReport }> {
  const { server, ca, cert, key } = credentialsOf(await readFile(inject('kubectl').kubeconfig, 'utf8'));
  const known = new Set<string>();
  const rewinds: string[] = [];
  const controller = new AbortController();
  let [lists, last] = [0, 0];
  const see = (what: string, revision: number) => {
    if (revision < last) rewinds.push(`${what}: ${revision} after ${last}`);
    last = Math.max(last, revision);
  };
  const request = (query: string) =>
    new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const call = https.get(
        `${server}${path}${query}`,
        { ca, cert, key, agent: false, signal: controller.signal },
        resolve,
      );
      call.setTimeout(60_000, () => call.destroy(new Error('silent for a minute')));
      call.on('error', reject);
    });
  const list = async (): Promise<number> => {
    const response = await request('');
    let body = '';
    for await (const chunk of response) body += chunk;
    if (response.statusCode !== 200) throw new Error(`list: HTTP ${response.statusCode}`);
    const { metadata, items } = JSON.parse(body) as { metadata: { resourceVersion: string }; items: Item[] };
    lists += 1;
    see('list', Number(metadata.resourceVersion));
    known.clear();
    for (const item of items) known.add(item.metadata.name);
    return Number(metadata.resourceVersion);
  };
  /** Until the connection ends; false when the revision is gone. */
  const watch = async (from: number): Promise<number | undefined> => {
    let at = from;
    const response = await request(`?watch=1&allowWatchBookmarks=true&resourceVersion=${from}`);
    if (response.statusCode === 410) return undefined;
    if (response.statusCode !== 200) throw new Error(`watch: HTTP ${response.statusCode}`);
    let rest = '';
    for await (const chunk of response) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter(Boolean)) {
        const { type, object } = JSON.parse(line) as { type: string; object: Item };
        // A Status with code 410: what it has seen is compacted.
        if (type === 'ERROR') return undefined;
        at = Number(object.metadata.resourceVersion);
        see(type, at);
        if (type === 'ADDED' || type === 'MODIFIED') known.add(object.metadata.name);
        if (type === 'DELETED') known.delete(object.metadata.name);
      }
    }
    return at;
  };
  const run = async (): Promise<void> => {
    let from: number | undefined;
    while (!controller.signal.aborted) {
      try {
        from ??= await list();
        from = await watch(from);
      } catch {
        // The API is away: the same revision is asked for again once it is back, as informers do.
        await sleep(250);
      }
    }
  };
  const running = run();
  const report = (): WatchReport => ({ known: [...known].sort(), rewinds, lists, lastRevision: last });
  return {
    report,
    stop: async () => {
      controller.abort();
      await running.catch(() => {});
      return report();
    },
  };
}
