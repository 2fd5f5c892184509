import { lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { defaultKubeconfigPath, mergeKubeconfig, removeFromKubeconfig } from '../../../src/actions/kubeconfig.ts';

const entry = (name: string, server: string) =>
  stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server } }],
    users: [{ name, user: { token: 't' } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  path = join(dir, 'config');
});
afterEach(() => rmSync(dir, { recursive: true }));
const names = () => parse(readFileSync(path, 'utf8')).clusters.map(({ name }: { name: string }) => name);

describe('the kubeconfig', () => {
  it('is made where there is none, for its owner only', async () => {
    await mergeKubeconfig(path, entry('quorate-demo', 'https://10.87.0.10:6443'));
    expect(names()).toEqual(['quorate-demo']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('keeps the entries of others, replaces its own, and becomes current', async () => {
    writeFileSync(path, entry('prod', 'https://prod:6443'));
    await mergeKubeconfig(path, entry('quorate-demo', 'https://old:6443'));
    await mergeKubeconfig(path, entry('quorate-demo', 'https://new:6443'));
    const merged = parse(readFileSync(path, 'utf8'));
    expect(names()).toEqual(['prod', 'quorate-demo']);
    expect(merged.clusters[1].cluster.server).toBe('https://new:6443');
    expect(merged['current-context']).toBe('quorate-demo');
  });

  it('is taken out again without a trace', async () => {
    writeFileSync(path, entry('prod', 'https://prod:6443'));
    await mergeKubeconfig(path, entry('quorate-demo', 'https://new:6443'));
    expect(await removeFromKubeconfig(path, 'demo')).toBe(true);
    expect(names()).toEqual(['prod']);
    expect(await removeFromKubeconfig(path, 'demo')).toBe(false);
  });

  it('refuses a file that is no kubeconfig, and leaves it alone', async () => {
    writeFileSync(path, 'shopping: [milk]\n');
    await expect(mergeKubeconfig(path, entry('quorate-demo', 'https://x:6443'))).rejects.toThrow('is not a kubeconfig');
    expect(readFileSync(path, 'utf8')).toBe('shopping: [milk]\n');
  });

  it('does not replace what it cannot read', async () => {
    await expect(mergeKubeconfig(dir, entry('quorate-demo', 'https://x:6443'))).rejects.toThrow('EISDIR');
  });

  it('writes through a link', async () => {
    const real = join(dir, 'real');
    writeFileSync(real, entry('prod', 'https://prod:6443'));
    symlinkSync(real, path);
    await mergeKubeconfig(path, entry('quorate-demo', 'https://new:6443'));
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readFileSync(real, 'utf8')).toContain('quorate-demo');
  });

  it('is where kubectl looks', () => {
    expect(defaultKubeconfigPath({ KUBECONFIG: ':/a:/b' })).toBe('/a');
    expect(defaultKubeconfigPath({ HOME: '/home/ada' })).toBe('/home/ada/.kube/config');
  });
});
