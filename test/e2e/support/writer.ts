// A client outside the cluster that writes through the endpoint again and again, and remembers what was acknowledged.
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { parse } from 'yaml';

export interface WriteReport {
  /** Numbers of the writes that the API server confirmed. */
  readonly acknowledged: readonly number[];
  readonly failures: number;
  /** From one acknowledged write to the next, milliseconds; the longest. */
  readonly longestGapMs: number;
}

/** Between two writes, milliseconds, unless the test says otherwise. */
const INTERVAL_MS = 250;
const TIMEOUT_MS = 2_000;

/** Starts adding w<number> to the ConfigMap `default/NAME`, on a new connection each time; ends after ten minutes. */
export async function startWriting(
  name: string,
  intervalMs: number = INTERVAL_MS,
): Promise<{ stop: () => Promise<WriteReport> }> {
  const options = await clientOptions();
  const acknowledged: number[] = [];
  let isRunning = true;
  let failures = 0;
  let last = Date.now();
  let longestGapMs = 0;
  const loop = (async () => {
    const end = Date.now() + 600_000;
    for (let number = 1; isRunning && Date.now() < end; number += 1) {
      if (await write(options, name, number)) {
        acknowledged.push(number);
        longestGapMs = Math.max(longestGapMs, Date.now() - last);
        last = Date.now();
      } else failures += 1;
      await sleep(intervalMs);
    }
  })();
  return {
    stop: async () => {
      isRunning = false;
      await loop;
      return { acknowledged, failures, longestGapMs: Math.max(longestGapMs, Date.now() - last) };
    },
  };
}

/** Address and credentials as the kubeconfig has them. */
async function clientOptions(): Promise<https.RequestOptions> {
  const config = parse(await readFile(inject('kubectl').kubeconfig, 'utf8')) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  const bytes = (text = '') => Buffer.from(text, 'base64');
  const { server = '', 'certificate-authority-data': ca } = config.clusters[0]?.cluster ?? {};
  const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0]?.user ?? {};
  const { hostname, port } = new URL(server);
  return { hostname, port, ca: bytes(ca), cert: bytes(cert), key: bytes(key), agent: false };
}

function write(options: https.RequestOptions, name: string, number: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = https.request(
      {
        ...options,
        method: 'PATCH',
        path: `/api/v1/namespaces/default/configmaps/${name}`,
        headers: { 'content-type': 'application/merge-patch+json' },
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode === 200));
        response.on('error', () => resolve(false));
      },
    );
    const limit = setTimeout(() => request.destroy(new Error('time-out')), TIMEOUT_MS);
    request.on('close', () => clearTimeout(limit));
    request.on('error', () => resolve(false));
    request.end(JSON.stringify({ data: { [`w${number}`]: 'x' } }));
  });
}
