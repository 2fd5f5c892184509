// HTTP for release files: short deadlines, redirects, and a memory of hosts that cannot be reached, so that a host without
// Internet access costs one failed look-up and not one for each file. node:http, because fetch has no deadline for connecting.
import { lookup } from 'node:dns/promises';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import type { Context } from '../../core/context.ts';
import { messageOf } from '../../core/errors.ts';
import { abortError } from '../../core/wait.ts';

/** Deadlines in milliseconds: an unreachable host is found out within a few seconds, a slow one gets its time. */
const DEADLINES = { lookup: 3_000, connect: 5_000, response: 20_000, idle: 30_000 } as const;
const MAX_REDIRECTS = 5;

/** HTTP GET for one run; remembers what did not answer. */
export interface ReleaseNetwork {
  /** Opens a URL, following redirects. Throws an Error with a short reason, ABORTED. */
  open(ctx: Context, url: string, headers?: Readonly<Record<string, string>>): Promise<IncomingMessage>;
}

/** A network whose memory starts empty. */
export function releaseNetwork(): ReleaseNetwork {
  const lookups = new Map<string, Promise<void>>();
  const down = new Map<string, string>();

  const reach = async (host: string): Promise<void> => {
    if (!lookups.has(host)) lookups.set(host, lookUpHost(host));
    await lookups.get(host);
    const reason = down.get(host);
    if (reason !== undefined) throw new Error(reason);
  };

  const open: ReleaseNetwork['open'] = async (ctx, url, headers = {}) => {
    let current = new URL(url);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      await reach(current.hostname);
      const response = await request(ctx, current, headers).catch((error: unknown) => {
        if (error instanceof ConnectError) down.set(current.hostname, error.message);
        throw error;
      });
      const next = redirectTarget(current, response);
      if (next === undefined) return response;
      response.resume();
      current = next;
    }
    throw new Error(`${url}: more than ${MAX_REDIRECTS} redirects`);
  };
  return { open };
}

/** A whole small text. Throws when the answer is not 200 or longer than 1 MiB. */
export async function readText(ctx: Context, network: ReleaseNetwork, url: string): Promise<string> {
  const response = await network.open(ctx, url);
  if (response.statusCode !== 200) {
    response.resume();
    throw new Error(`${url} answered ${response.statusCode}`);
  }
  let text = '';
  for await (const chunk of response) {
    text += chunk;
    if (text.length > 1024 * 1024) throw new Error(`${url}: not a list of checksums`);
  }
  return text;
}

/** The host did not accept a connection: no other file there is worth an attempt in this run. */
class ConnectError extends Error {}

async function lookUpHost(host: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('no answer from the name server')), DEADLINES.lookup);
  });
  try {
    await Promise.race([lookup(host.replace(/^\[|\]$/g, '')), deadline]);
  } catch (error) {
    throw new Error(`${host} cannot be resolved (${(error as NodeJS.ErrnoException).code ?? messageOf(error)})`);
  } finally {
    clearTimeout(timer);
  }
}

function request(ctx: Context, url: URL, headers: Readonly<Record<string, string>>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let isConnected = false;
    const get = url.protocol === 'https:' ? httpsGet : httpGet;
    const outgoing = get(url, { headers: { 'user-agent': 'quorate', ...headers }, signal: ctx.signal, agent: false });
    const responseTimer = setTimeout(() => outgoing.destroy(new Error('no response')), DEADLINES.response);
    const connectTimer = setTimeout(() => outgoing.destroy(new Error('no connection')), DEADLINES.connect);
    outgoing.on('socket', (socket) => {
      socket.once('connect', () => {
        isConnected = true;
        clearTimeout(connectTimer);
      });
    });
    outgoing.setTimeout(DEADLINES.idle, () => outgoing.destroy(new Error('the connection went silent')));
    outgoing.once('response', (response) => {
      clearTimeout(responseTimer);
      resolve(response);
    });
    outgoing.on('error', (error) => {
      clearTimeout(responseTimer);
      clearTimeout(connectTimer);
      const text = `${url.hostname}: ${(error as NodeJS.ErrnoException).code ?? error.message}`;
      if (ctx.signal.aborted) reject(abortError(ctx.signal));
      else reject(isConnected ? new Error(text) : new ConnectError(text));
    });
  });
}

/** Where to go on; undefined when the response is the answer. An https address never leads to an http one. */
function redirectTarget(from: URL, response: IncomingMessage): URL | undefined {
  const { statusCode = 0, headers } = response;
  if (statusCode < 300 || statusCode > 399 || headers.location === undefined) return undefined;
  const target = new URL(headers.location, from);
  if (from.protocol === 'https:' && target.protocol !== 'https:') {
    throw new Error(`${from.href} redirects to an insecure address`);
  }
  return target;
}
