// The least client that can tell whether a cluster serves: TLS with the administrator's certificate, JSON in and out.
import https from 'node:https';
import { parse } from 'yaml';

const REQUEST_TIMEOUT_MS = 2_000;

/** What a kubeconfig of an administrator holds. PEM. */
export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export interface ApiRequest {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly method?: 'GET' | 'PATCH';
  readonly body?: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: string;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Record<string, string> }[];
  readonly users: readonly { readonly user: Record<string, string> }[];
}

/** Reads a kubeconfig with embedded data, as kubeadm and quorate write it. */
export function readCredentials(kubeconfig: string): Credentials {
  const { clusters, users } = parse(kubeconfig) as Kubeconfig;
  const decode = (data = '') => Buffer.from(data, 'base64').toString();
  const user = users[0]?.user ?? {};
  return {
    ca: decode(clusters[0]?.cluster['certificate-authority-data']),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  };
}

/** One request over a new connection, so that an answer is never an old connection's. Rejects when there is none. */
export function ask(credentials: Credentials, request: ApiRequest): Promise<ApiAnswer> {
  const { host, port, path, method = 'GET', body } = request;
  const payload = body === undefined ? '' : JSON.stringify(body);
  const headers = payload === '' ? {} : { 'content-type': 'application/apply-patch+yaml' };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    const outgoing = https.request(
      { ...credentials, host, port, path, method, headers, agent: false, signal },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('error', reject);
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
      },
    );
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

/** The answer's JSON; throws when the status is not 2xx. */
export async function askJson<T>(credentials: Credentials, request: ApiRequest): Promise<T> {
  const { status, body } = await ask(credentials, request);
  if (status < 200 || status > 299) throw new Error(`${request.path}: HTTP ${status}`);
  return JSON.parse(body) as T;
}
