import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookUp } from '../../../src/artifacts/cache.ts';
import { partialDir } from '../../../src/artifacts/layout.ts';
import { binaryKey } from '../../../src/artifacts/obtain.ts';
import { type BinaryRecipe, binaryRecipes } from '../../../src/artifacts/recipes.ts';
import { parseSums, sumOf } from '../../../src/artifacts/sources/checksums.ts';
import { downloadSource } from '../../../src/artifacts/sources/download.ts';
import { recordingContext, useSandbox } from './support/sandbox.ts';

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, (_, index) => index % 251));
const SUM = createHash('sha256').update(CONTENT).digest('hex');

interface Request {
  readonly url: string;
  readonly range: string | undefined;
}

describe('download', () => {
  const sandbox = useSandbox();
  let server: Server;
  let requests: Request[] = [];
  let handler: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      requests.push({ url: request.url ?? '', range: request.headers.range });
      handler(request, response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function base(): string {
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  function recipe(name: string, file: string, entry?: string): BinaryRecipe {
    const found = binaryRecipes('v1.36.3').find((candidate) => candidate.name === name);
    if (!found) throw new Error(name);
    const url = `${base()}/${file}`;
    return { ...found, release: { url, checksumUrl: `${url}.sha256`, ...(entry === undefined ? {} : { entry }) } };
  }

  /** Serves one file and its sum, with ranges. */
  function serve(content: Buffer, sum: string, cutAfter = Number.POSITIVE_INFINITY) {
    handler = (request, response) => {
      if (request.url?.endsWith('.sha256')) {
        response.end(`${sum}  runc\n`);
        return;
      }
      const start = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      const body = content.subarray(start);
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': body.length });
      if (body.length <= cutAfter) response.end(body);
      else response.write(body.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 20));
    };
  }

  async function obtain(...wanted: BinaryRecipe[]) {
    const { ctx, events } = recordingContext();
    const failures = await downloadSource().obtain(ctx, wanted);
    return { reasons: [...failures.values()], events };
  }

  it('checks the published sum, then stores the file', async () => {
    serve(CONTENT, SUM);
    const runc = recipe('runc', 'runc');
    expect((await obtain(runc)).reasons).toEqual([]);
    expect(await lookUp(binaryKey(runc))).toMatchObject({
      state: 'cached',
      entry: { sha256: SUM, source: 'download', sizeBytes: CONTENT.length },
    });
  });

  it('continues a download that was cut off, as often as there is progress', async () => {
    serve(CONTENT, SUM, 70_000);
    const runc = recipe('runc', 'runc');
    expect((await obtain(runc)).reasons).toEqual([]);
    const ranges = requests.filter(({ url }) => url === '/runc').map(({ range }) => range);
    expect(ranges[0]).toBeUndefined();
    // A connection that is cut loses what is still under way: each attempt continues after what has arrived, at most 70 000 bytes on.
    const starts = [0, ...ranges.slice(1).map((range) => Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]))];
    const steps = starts.slice(1).map((start, index) => start - (starts[index] ?? 0));
    expect(steps.length).toBeGreaterThanOrEqual(4);
    expect(steps.filter((step) => !(step >= 0 && step <= 70_000))).toEqual([]);
    expect(await lookUp(binaryKey(runc))).toMatchObject({ state: 'cached', entry: { sha256: SUM } });
  });

  it('continues what an earlier process left', async () => {
    serve(CONTENT, SUM, 1);
    const runc = recipe('runc', 'runc');
    const id = createHash('sha256')
      .update(runc.release?.url ?? '')
      .digest('hex')
      .slice(0, 12);
    mkdirSync(partialDir(), { recursive: true });
    writeFileSync(join(partialDir(), `${id}-runc`), CONTENT.subarray(0, CONTENT.length - 1));
    expect((await obtain(runc)).reasons).toEqual([]);
    expect(requests.at(-1)?.range).toBe(`bytes=${CONTENT.length - 1}-`);
  });

  it('starts over where the server ignores the range', async () => {
    handler = (request, response) => {
      if (request.url?.endsWith('.sha256')) response.end(SUM);
      else response.end(CONTENT);
    };
    const runc = recipe('runc', 'runc');
    const id = createHash('sha256')
      .update(runc.release?.url ?? '')
      .digest('hex')
      .slice(0, 12);
    mkdirSync(partialDir(), { recursive: true });
    writeFileSync(join(partialDir(), `${id}-runc`), 'something else');
    expect((await obtain(runc)).reasons).toEqual([]);
    expect(await lookUp(binaryKey(runc))).toMatchObject({ state: 'cached', entry: { sha256: SUM } });
  });

  it('refuses a file with another sha256, and keeps nothing of it', async () => {
    serve(CONTENT, 'a'.repeat(64));
    const runc = recipe('runc', 'runc');
    const { reasons, events } = await obtain(runc);
    expect(reasons).toEqual([expect.stringContaining(`has sha256 ${SUM}, published is ${'a'.repeat(64)}`)]);
    expect(events.some(({ code }) => code === 'warning')).toBe(true);
    expect(await lookUp(binaryKey(runc))).toEqual({ state: 'missing' });
    expect(readdirSync(partialDir())).toEqual([]);
  });

  it('does not download a file that has no published sum', async () => {
    handler = (request, response) => {
      response.statusCode = request.url?.endsWith('.sha256') ? 404 : 200;
      response.end(CONTENT);
    };
    const { reasons } = await obtain(recipe('runc', 'runc'));
    expect(reasons).toEqual([expect.stringContaining('/runc.sha256 answered 404')]);
    expect(requests.map(({ url }) => url)).toEqual(['/runc.sha256']);
  });

  it('takes several binaries out of one archive that is downloaded once', async () => {
    const tree = join(sandbox.dir, 'tree');
    mkdirSync(join(tree, 'bin'), { recursive: true });
    writeFileSync(join(tree, 'bin/containerd'), 'containerd');
    writeFileSync(join(tree, 'bin/ctr'), 'ctr');
    execFileSync('tar', ['-czf', join(sandbox.dir, 'c.tgz'), '-C', tree, 'bin']);
    const archive = readFileSync(join(sandbox.dir, 'c.tgz'));
    serve(archive, createHash('sha256').update(archive).digest('hex'));
    const wanted = [recipe('containerd', 'runc', 'bin/containerd'), recipe('ctr', 'runc', 'bin/ctr')];
    expect((await obtain(...wanted)).reasons).toEqual([]);
    expect(requests.filter(({ url }) => url === '/runc')).toHaveLength(1);
    const found = await Promise.all(wanted.map((one) => lookUp(binaryKey(one))));
    expect(found.map((state) => state.state === 'cached' && readFileSync(state.entry.path, 'utf8'))).toEqual([
      'containerd',
      'ctr',
    ]);
  });

  it('remembers a host that refuses connections, and does not ask it again in the same run', async () => {
    const wanted = [recipe('runc', 'runc'), recipe('kubelet', 'kubelet'), recipe('kubectl', 'kubectl')];
    await new Promise((resolve) => server.close(resolve));
    const { ctx } = recordingContext();
    const failures = await downloadSource(1).obtain(ctx, wanted);
    expect([...failures.values()]).toEqual(Array(3).fill('127.0.0.1: ECONNREFUSED'));
  });

  it('fails at once for names that do not resolve', async () => {
    const url = 'http://does-not-exist.invalid/runc';
    const runc = { ...recipe('runc', 'runc'), release: { url, checksumUrl: `${url}.sha256` } };
    const { reasons } = await obtain(runc);
    expect(reasons).toEqual([expect.stringMatching(/^does-not-exist\.invalid cannot be resolved \(/)]);
  });

  it('says so where upstream publishes no binary', async () => {
    const pause = binaryRecipes('v1.36.3').filter(({ name }) => name === 'pause');
    expect((await obtain(...pause)).reasons).toEqual(['upstream publishes no binary with a checksum']);
  });

  it('stops on Ctrl-C', async () => {
    const { ctx, abort } = recordingContext();
    handler = () => setTimeout(abort, 10);
    await expect(downloadSource().obtain(ctx, [recipe('runc', 'runc')])).rejects.toThrow(
      expect.objectContaining({ code: 'ABORTED' }),
    );
  });
});

describe('published sums', () => {
  const hash = 'b'.repeat(64);

  it('are read bare, as lines, with and without the mark for binary files', () => {
    expect(sumOf(`${hash.toUpperCase()}\n`, 'kubelet')).toBe(hash);
    expect(sumOf(`${'c'.repeat(64)}  other\n${hash} *runc.amd64\n`, 'runc.amd64')).toBe(hash);
    expect(sumOf(`${hash}  ./dist/coredns.tgz\n`, 'coredns.tgz')).toBe(hash);
  });

  it('are not guessed for a file that is not listed', () => {
    expect(sumOf(`${hash}  other\n`, 'runc')).toBeUndefined();
    expect(sumOf('<html>not found</html>', 'runc')).toBeUndefined();
    expect(parseSums('').size).toBe(0);
  });
});
