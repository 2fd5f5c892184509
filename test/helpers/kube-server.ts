// A small API server over HTTP, so that tests drive the real Kubernetes client.
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { stringify } from 'yaml';
import type { Context } from '../../src/core/context.ts';
import { createKubeClient, type KubeClient } from '../../src/kube/client.ts';

export interface ApiRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** What the server answers; undefined is a 404. */
export type ApiAnswer = { readonly status?: number; readonly body: unknown } | undefined;

export interface FakeApi {
  readonly kube: KubeClient;
  /** Everything it was asked, in order. */
  readonly requests: readonly ApiRequest[];
  close(): Promise<void>;
}

/** Serves `answer` and returns a client of it. */
export async function startApi(ctx: Context, answer: (request: ApiRequest) => ApiAnswer): Promise<FakeApi> {
  const requests: ApiRequest[] = [];
  const server = createServer(listener(answer, requests));
  const close = await listen(server, '127.0.0.1', 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { kube: await createKubeClient(ctx, kubeconfig(url), url), requests, close };
}

/** Where an API server listens over TLS, and what it presents, PEM. */
export interface TlsPlace {
  readonly host: string;
  readonly port: number;
  readonly cert: string;
  readonly key: string;
}

/** Serves `answer` over TLS; returns what ends it. It asks nobody for a certificate. */
export async function startTlsApi(
  { host, port, cert, key }: TlsPlace,
  answer: (request: ApiRequest) => ApiAnswer,
): Promise<() => Promise<void>> {
  return listen(createTlsServer({ cert, key }, listener(answer, [])), host, port);
}

function listener(answer: (request: ApiRequest) => ApiAnswer, requests: ApiRequest[]): RequestListener {
  return async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://localhost');
    const method = incoming.method ?? '';
    const request = { method, path: pathname, query: searchParams, body: text === '' ? undefined : JSON.parse(text) };
    requests.push(request);
    const { status = 200, body } = answer(request) ?? { status: 404, body: { kind: 'Status', message: 'not found' } };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
}

async function listen(server: Server, host: string, port: number): Promise<() => Promise<void>> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
}

function kubeconfig(server: string): string {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}
