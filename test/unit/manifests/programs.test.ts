// The real programs over what is rendered for them. Each needs its program on this host, and says so where it is missing.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { haproxyConfig } from '../../../src/manifests/haproxy.ts';
import { keepalivedConfig } from '../../../src/manifests/keepalived.ts';
import { nginxConfig } from '../../../src/manifests/nginx.ts';
import { loadBalancerFiles } from '../../../src/manifests/node-files.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { machineOf, makeFacts } from './helpers.ts';

const CLUSTERS: readonly (readonly [string, ClusterSpec])[] = [
  ['one control plane', makeSpec({ controlPlanes: 1 })],
  ['five control planes', makeSpec({ controlPlanes: 5 })],
  ['two load balancers', makeSpec({ loadBalancers: 2 })],
  ['two with NGINX', makeSpec({ loadBalancers: 2, overrides: { loadBalancer: { type: 'nginx' } } })],
];

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-programs-'));
  chmodSync(dir, 0o755);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const has = (name: string) => spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { env: { PATH } }).status === 0;

/** The argv that quorate tests a file with, over a text. */
function test(path: string, text: string): { status: number | null; words: string } {
  const spec = makeSpec({ overrides: { loadBalancer: { type: path.includes('nginx') ? 'nginx' : 'haproxy' } } });
  const file = loadBalancerFiles(spec, machineOf(spec, 'cp1'), makeFacts()).find((found) => found.path === path);
  const candidate = join(dir, 'candidate');
  writeFileSync(candidate, text);
  const [program = '', ...args] = (file?.check ?? []).map((word) => (word === '{}' ? candidate : word));
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { PATH }, timeout: 20_000 });
  return { status, words: `${stdout}${stderr}` };
}

describe.skipIf(!has('haproxy') || !has('openssl'))('haproxy.cfg (needs haproxy and openssl)', () => {
  /** With an authority and a user that this host has. */
  const local = (text: string) =>
    text
      .replace('/etc/kubernetes/pki/ca.crt', join(dir, 'ca.crt'))
      .replace('user haproxy', `user ${userInfo().username}`)
      .replace('group haproxy\n', `group ${execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim()}\n`);
  beforeAll(() => {
    const subject = ['-subj', '/CN=kubernetes', '-days', '2', '-keyout', '/dev/null', '-out', join(dir, 'ca.crt')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' });
  });

  it.each(CLUSTERS)('is accepted: %s', (_title, spec) => {
    const result = test('/etc/haproxy/haproxy.cfg', local(haproxyConfig(spec, makeFacts())));
    expect(result, result.words).toMatchObject({ status: 0 });
  });

  it('is refused, with a reason, when it is wrong', () => {
    const text = local(haproxyConfig(makeSpec(), makeFacts())).replace('leastconn', 'leastcon');
    const result = test('/etc/haproxy/haproxy.cfg', text);
    expect(result.status).not.toBe(0);
    expect(result.words).toContain('leastcon');
  });
});

const [networkInterface] = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
  addresses.some(({ internal }) => internal) ? [] : [name],
);
describe.skipIf(!has('keepalived') || networkInterface === undefined)(
  'keepalived.conf (needs keepalived and a network interface)',
  () => {
    const facts = makeFacts(networkInterface === undefined ? {} : { interface: networkInterface });

    it.each(CLUSTERS)('is accepted, before its script is there: %s', (_title, spec) => {
      const machine = spec.machines.find(({ role }) => role === 'loadbalancer') ?? machineOf(spec, 'cp1');
      const result = test('/etc/keepalived/keepalived.conf', keepalivedConfig(spec, machine, facts));
      expect(result, result.words).toMatchObject({ status: 0 });
    });

    it('is refused, with a reason, when it is wrong', () => {
      const spec = makeSpec();
      const text = keepalivedConfig(spec, machineOf(spec, 'cp1'), facts).replace(/virtual_router_id \d+/, '$&000');
      const result = test('/etc/keepalived/keepalived.conf', text);
      expect(result.status).not.toBe(0);
      expect(result.words).toContain('outside range [1, 255]');
    });
  },
);

describe.skipIf(!has('nginx'))('nginx.conf (needs nginx with its stream module)', () => {
  /** At an address that this host has, and beside an NGINX that may run here. */
  const local = (text: string) =>
    text.replace('listen 10.88.0.10:6443', 'listen 127.0.0.1:36443').replace('/run/nginx.pid', join(dir, 'nginx.pid'));

  it.each(CLUSTERS)('is accepted: %s', (_title, spec) => {
    const result = test('/etc/nginx/nginx.conf', local(nginxConfig(spec, makeFacts({ nofileHard: 20_000 }))));
    expect(result, result.words).toMatchObject({ status: 0 });
  });

  it('is refused, with a reason, when it is wrong', () => {
    const text = local(nginxConfig(makeSpec(), makeFacts())).replace('least_conn', 'least_con');
    const result = test('/etc/nginx/nginx.conf', text);
    expect(result.status).not.toBe(0);
    expect(result.words).toContain('unknown directive "least_con"');
  });
});
