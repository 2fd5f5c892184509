// A client outside the cluster that reads and writes through the virtual IP twenty times a second, on new and on reused connections,
// and tries once more when a request fails: what a well-behaved program does.
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';

/** One kind of request. */
export type Series = 'read-new' | 'read-reused' | 'write-new' | 'write-reused';

export interface SeriesReport {
  readonly requests: number;
  /** First attempts that failed. */
  readonly rawFailures: number;
  /** Requests whose second attempt, within a second, failed too. */
  readonly failures: number;
  /** From the last good answer before a failed first attempt to the next good answer, milliseconds; the longest. */
  readonly longestGapMs: number;
  /** The good answer to a first attempt that took longest, milliseconds. */
  readonly slowestMs: number;
  /** Reasons of failed first attempts, with how often. */
  readonly reasons: Readonly<Record<string, number>>;
  /** When the requests began whose second attempt failed too, milliseconds since the Unix epoch. */
  readonly failedAt: readonly number[];
}

export interface LoadReport {
  readonly series: Readonly<Record<Series, SeriesReport>>;
  /** Number of the last acknowledged write by key: none of them may be older in the end. */
  readonly acknowledged: ReadonlyMap<string, number>;
}

/** Four series of five a second. */
const INTERVAL_MS = 200;
/** A slow answer is an answer, and the slowest is printed: kubelets wait 10 s for one. Longer than this has failed, however it ends. */
const TIMEOUT_MS = 5_000;
/** The second attempt follows within a second of the failure. */
const RETRY_PAUSE_MS = 250;
const KEYS = 200;
/**
 * Objects that it writes to, in turn. With one alone, writes under way at the same time would have to redo each other (optimistic locking):
 * once answers take longer than the pause between two requests, what is measured is that and not the cluster.
 */
const TARGETS = 20;

/** Names of the ConfigMaps in namespace default that have to exist before the load is started. */
export function targetsOf(name: string): string[] {
  return Array.from({ length: TARGETS }, (_, index) => `${name}-${index}`);
}
/** It ends by itself, should nobody stop it. */
const MAX_MS = 30 * 60_000;

interface Credentials {
  readonly server: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Server and client certificate out of a kubeconfig. */
export function credentialsOf(kubeconfig: string): Credentials {
  const config = parse(kubeconfig) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  const decode = (text = '') => Buffer.from(text, 'base64').toString();
  const cluster = config.clusters[0]?.cluster ?? {};
  const user = config.users[0]?.user ?? {};
  return {
    server: cluster.server ?? '',
    ca: decode(cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
}

/** A load that is under way. */
export interface Load {
  /** From now on with another kubeconfig, as people use the one that they are given. */
  readonly use: (kubeconfig: string) => void;
  /** Ends it and tells what was seen. */
  readonly stop: () => Promise<LoadReport>;
}

/** Starts the load on the ConfigMaps of `targetsOf(name)`. */
export function startLoad(kubeconfig: string, name: string): Load {
  let credentials = credentialsOf(kubeconfig);
  const acknowledged = new Map<string, number>();
  const state = { isRunning: true, next: 0 };
  const targets = targetsOf(name).map((target) => `/api/v1/namespaces/default/configmaps/${target}`);
  const pathOf = (number: number) => targets[number % TARGETS] as string;
  const read = (agent: https.Agent | false) => ask(credentials, 'GET', pathOf(state.next), agent);
  const write = async (agent: https.Agent | false) => {
    const number = state.next++;
    const key = `k${number % KEYS}`;
    await ask(credentials, 'PATCH', pathOf(number), agent, { data: { [key]: String(number) } });
    acknowledged.set(key, Math.max(number, acknowledged.get(key) ?? -1));
  };
  const run = {
    'read-new': runSeries(state, () => read(false)),
    'read-reused': withAgent((agent) => runSeries(state, () => read(agent))),
    'write-new': runSeries(state, () => write(false)),
    'write-reused': withAgent((agent) => runSeries(state, () => write(agent))),
  };
  return {
    use: (text) => {
      credentials = credentialsOf(text);
    },
    stop: async () => {
      state.isRunning = false;
      const entries = await Promise.all(
        Object.entries(run).map(async ([name, report]) => [name, await report] as [Series, SeriesReport]),
      );
      return { series: Object.fromEntries(entries) as Record<Series, SeriesReport>, acknowledged };
    },
  };
}

/** A line a series, for the output of the test. */
export function loadText({ series }: LoadReport): string {
  return Object.entries(series)
    .map(([name, { requests, rawFailures, failures, longestGapMs, slowestMs, reasons }]) => {
      const why = Object.entries(reasons).map(([reason, count]) => `${count} × ${reason}`);
      return (
        `${name}: ${requests} requests, ${rawFailures} failed at first, ${failures} after one retry, ` +
        `longest gap ${longestGapMs} ms, slowest answer ${slowestMs} ms${why.length === 0 ? '' : ` (${why.join(', ')})`}`
      );
    })
    .join('\n');
}

async function withAgent<T>(work: (agent: https.Agent) => Promise<T>): Promise<T> {
  const agent = new https.Agent({ keepAlive: true, maxSockets: 20 });
  try {
    return await work(agent);
  } finally {
    agent.destroy();
  }
}

/** A request every 200 ms, whether those before it have been answered or not. */
async function runSeries(state: { readonly isRunning: boolean }, request: () => Promise<void>): Promise<SeriesReport> {
  const seen: { at: number; end: number; raw: boolean; retried: boolean }[] = [];
  const reasons: Record<string, number> = {};
  const pending = new Set<Promise<void>>();
  const start = Date.now();
  for (let next = start; state.isRunning && Date.now() - start < MAX_MS; next += INTERVAL_MS) {
    const one = (async () => {
      const at = Date.now();
      const first = await outcome(request());
      if (first !== undefined) reasons[first] = (reasons[first] ?? 0) + 1;
      const second = first === undefined ? undefined : await sleep(RETRY_PAUSE_MS).then(() => outcome(request()));
      seen.push({ at, end: Date.now(), raw: first === undefined, retried: second === undefined });
    })();
    pending.add(one);
    one.finally(() => pending.delete(one));
    await sleep(Math.max(0, next + INTERVAL_MS - Date.now()));
  }
  await Promise.all(pending);
  return {
    requests: seen.length,
    rawFailures: seen.filter(({ raw }) => !raw).length,
    failures: seen.filter(({ retried }) => !retried).length,
    longestGapMs: longestGap(seen),
    slowestMs: Math.max(0, ...seen.filter(({ raw }) => raw).map(({ at, end }) => end - at)),
    reasons,
    failedAt: seen.filter(({ retried }) => !retried).map(({ at }) => at),
  };
}

function longestGap(seen: readonly { at: number; end: number; raw: boolean }[]): number {
  const sorted = [...seen].sort((a, b) => a.at - b.at);
  let longest = 0;
  let lastGood: number | undefined;
  let hasFailed = false;
  for (const { at, end, raw } of sorted) {
    if (!raw) hasFailed = true;
    else {
      if (hasFailed && lastGood !== undefined) longest = Math.max(longest, end - lastGood);
      hasFailed = false;
      lastGood = at;
    }
  }
  return longest;
}

/** undefined for a good answer, else why it was none. */
async function outcome(request: Promise<void>): Promise<string | undefined> {
  try {
    await request;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function ask(
  { server, ca, cert, key }: Credentials,
  method: string,
  path: string,
  agent: https.Agent | false,
  body?: object,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/merge-patch+json' };
    const request = https.request(`${server}${path}`, { method, ca, cert, key, agent, headers }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`HTTP ${response.statusCode}`));
      });
      response.on('error', reject);
    });
    const limit = setTimeout(() => request.destroy(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS);
    request.on('close', () => clearTimeout(limit));
    request.on('error', (error) => reject(new Error(error.message.replace(/\d+\.\d+\.\d+\.\d+:\d+/, 'the endpoint'))));
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
