// A database of a given size: ConfigMaps of almost the largest size that the API takes.
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { inject } from 'vitest';
import { credentialsOf } from './load-client.ts';

/** An object may have a mebibyte; name and quotes take some of it. */
const CHUNK_BYTES = 1_000_000;
const PARALLEL = 4;

/** Makes `mebibytes` ConfigMaps `fill-N` of nearly a mebibyte each in a namespace of their own. */
export async function fillDatabase(mebibytes: number): Promise<void> {
  const { server, ca, cert, key } = credentialsOf(await readFile(inject('kubectl').kubeconfig, 'utf8'));
  const agent = new https.Agent({ keepAlive: true, maxSockets: PARALLEL });
  const post = (path: string, object: object) =>
    new Promise<number>((resolve, reject) => {
      const headers = { 'content-type': 'application/json' };
      const request = https.request(
        `${server}${path}`,
        { method: 'POST', ca, cert, key, agent, headers },
        (response) => {
          response.resume();
          response.on('end', () => resolve(response.statusCode ?? 0));
        },
      );
      request.setTimeout(30_000, () => request.destroy(new Error('no answer in 30 s')));
      request.on('error', reject);
      request.end(JSON.stringify(object));
    });
  await post('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'fill' } });
  let next = 0;
  const lane = async () => {
    while (next < mebibytes) {
      const name = `fill-${next++}`;
      const filling = randomBytes(CHUNK_BYTES / 2).toString('hex');
      const status = await post('/api/v1/namespaces/fill/configmaps', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name },
        data: { filling },
      });
      // 409: an attempt that got no answer had been taken.
      if (status !== 201 && status !== 409) throw new Error(`${name}: HTTP ${status}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, lane));
  } finally {
    agent.destroy();
  }
}
