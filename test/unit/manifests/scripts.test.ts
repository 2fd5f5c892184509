// The shell scripts that machines run, run here against a directory and stand-ins for kubectl and etcdctl.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeConflistScript } from '../../../src/manifests/cni.ts';
import { checkHaproxyScript } from '../../../src/manifests/keepalived.ts';
import { checkNginxScript } from '../../../src/manifests/nginx.ts';
import { approveScript, machineList } from '../../../src/manifests/serving-certificates.ts';
import { shellProfile } from '../../../src/manifests/shell-profile.ts';
import { makeSpec } from '../../helpers/spec.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-scripts-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function hasProgram(name: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status === 0;
}

function program(name: string, text: string): void {
  writeFileSync(join(dir, name), text);
  chmodSync(join(dir, name), 0o755);
}

function run(script: string, env: NodeJS.ProcessEnv = {}) {
  const path = join(dir, 'script');
  writeFileSync(path, script);
  const { status, stdout, stderr } = spawnSync('sh', [path], {
    encoding: 'utf8',
    env: { PATH: `${dir}:${process.env.PATH}`, ...env },
  });
  return { status, stdout, stderr };
}

describe('every script', () => {
  it.each([
    ['write-cni-conflist', writeConflistScript()],
    ['check-haproxy', checkHaproxyScript()],
    ['check-nginx', checkNginxScript()],
    ['approve-kubelet-serving-certificates', approveScript()],
    ['quorate.sh', shellProfile()],
  ])('%s is valid shell', (_name, text) => {
    expect(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('write-cni-conflist', () => {
  const target = () => join(dir, 'net.d/10-flannel.conflist');
  const script = () =>
    writeConflistScript().replaceAll('/etc/cni/net.d', join(dir, 'net.d')).replaceAll('/run/flannel', dir);
  const lease = (subnet: string, mtu = '1450') =>
    writeFileSync(
      join(dir, 'subnet.env'),
      `FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=${subnet}\nFLANNEL_MTU=${mtu}\n`,
    );

  it('turns a lease into a configuration, and leaves it alone the second time', () => {
    lease('10.42.3.1/24');
    expect(run(script())).toMatchObject({ status: 0, stdout: expect.stringContaining('10.42.3.0/24') });
    expect(JSON.parse(readFileSync(target(), 'utf8'))).toMatchObject({
      plugins: [
        { type: 'ptp', mtu: 1450, ipam: { type: 'host-local', ranges: [[{ subnet: '10.42.3.0/24' }]] } },
        { type: 'portmap', backend: 'nftables' },
      ],
    });
    expect(run(script())).toMatchObject({ status: 0, stdout: '' });
    expect(existsSync(`${target()}.new`)).toBe(false);
  });

  it('handles a subnet that does not start at .0', () => {
    lease('10.42.3.129/25');
    run(script());
    expect(readFileSync(target(), 'utf8')).toContain('"subnet": "10.42.3.128/25"');
  });

  it.each([
    ['10.42.3.1/24', 'many'],
    ['nonsense', '1450'],
  ])('writes nothing from a damaged lease (%s, %s)', (subnet, mtu) => {
    lease(subnet, mtu);
    expect(run(script()).status).toBe(1);
    expect(existsSync(target())).toBe(false);
  });
});

describe.skipIf(!hasProgram('socat'))('check-nginx (needs socat)', () => {
  /** The check against a listener of Node's that does the same as NGINX's stub, or less. */
  async function check(listener?: (socket: Socket) => void): Promise<number | null> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    if (listener === undefined) server.close();
    const path = join(dir, 'check-nginx');
    writeFileSync(path, checkNginxScript().replace('127.0.0.1:6444', `127.0.0.1:${port}`));
    const [code] = await once(spawn('sh', [path], { stdio: 'ignore' }), 'exit');
    server.close();
    return code as number | null;
  }

  it('succeeds while NGINX answers, and fails when it is dead, hangs, or is something else', async () => {
    expect(await check((socket) => socket.end('nginx answers\n'))).toBe(0);
    expect(await check()).not.toBe(0);
    expect(await check((socket) => socket.end('HTTP/1.1 400 Bad Request\n'))).not.toBe(0);
    const begin = Date.now();
    expect(await check((socket) => setTimeout(() => socket.destroy(), 3000).unref())).not.toBe(0);
    // keepalived gives it a second.
    expect(Date.now() - begin).toBeLessThan(2000);
  });
});

describe('etcdctl at the prompt', () => {
  const CERTIFICATES = '--cacert=/etc/kubernetes/pki/etcd/ca.crt';
  function etcdctl(line: string, env: NodeJS.ProcessEnv = {}): string[] {
    program('etcdctl', '#!/bin/sh\nprintf "%s\\n" "$@"\nenv | grep ^ETCDCTL_ | sort\n');
    return run(`${shellProfile()}\n${line}\n`, env).stdout.trim().split('\n');
  }

  it('needs no flags', () => {
    expect(etcdctl('ETCDCTL_API=3 etcdctl member list')).toEqual([
      '--key=/etc/kubernetes/pki/etcd/healthcheck-client.key',
      '--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt',
      CERTIFICATES,
      '--endpoints=https://127.0.0.1:2379',
      'member',
      'list',
    ]);
  });

  it('adds only what was not given', () => {
    const line = etcdctl('etcdctl member list --endpoints=https://10.0.1.20:2379 --cert a.crt --key=a.key');
    expect(line).toEqual([
      CERTIFICATES,
      'member',
      'list',
      '--endpoints=https://10.0.1.20:2379',
      '--cert',
      'a.crt',
      '--key=a.key',
    ]);
  });

  it('keeps what the environment says, but never beside the flag, which etcdctl refuses', () => {
    const env = { ETCDCTL_ENDPOINTS: 'https://10.0.1.20:2379' };
    expect(etcdctl('etcdctl endpoint health', env)).toContain('ETCDCTL_ENDPOINTS=https://10.0.1.20:2379');
    const given = etcdctl('etcdctl endpoint health --endpoints=https://10.0.1.21:2379', env);
    expect(given.filter((word) => word.includes('10.0.1.2'))).toEqual(['--endpoints=https://10.0.1.21:2379']);
  });
});

const tools = ['openssl', 'jq'].every(hasProgram);
describe.skipIf(!tools)('approve-kubelet-serving-certificates (needs openssl and jq)', () => {
  interface Request {
    readonly name: string;
    readonly node: string;
    readonly subject?: string;
    readonly san?: string;
    readonly usages?: readonly string[];
    readonly groups?: readonly string[];
    readonly conditions?: readonly object[];
  }

  function toItem(request: Request): object {
    const { name, node, usages = ['digital signature', 'server auth'], groups = ['system:nodes'] } = request;
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
    const san = request.san === '' ? [] : ['-addext', `subjectAltName=${request.san ?? `DNS:${node},IP:10.88.0.21`}`];
    const subject = request.subject ?? `/O=system:nodes/CN=system:node:${node}`;
    const pem = execFileSync('openssl', ['req', '-new', ...key, '-subj', subject, ...san], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return {
      metadata: { name },
      spec: { username: `system:node:${node}`, groups, usages, request: pem.toString('base64') },
      status: request.conditions ? { conditions: request.conditions } : {},
    };
  }

  function approve(...requests: Request[]): { approved: string[]; left: string; status: number | null } {
    writeFileSync(join(dir, 'list.json'), JSON.stringify({ items: requests.map(toItem) }));
    writeFileSync(join(dir, 'machines'), machineList(makeSpec()));
    program('kubectl', `#!/bin/sh\ncase $1 in get) cat ${dir}/list.json ;; certificate) echo "$3" ;; esac\n`);
    const { status, stdout, stderr } = run(approveScript(), { MACHINES: join(dir, 'machines') });
    return { approved: stdout.split('\n').filter(Boolean), left: stderr, status };
  }

  it('approves names and addresses that are the machine’s own', () => {
    const rsa = ['digital signature', 'key encipherment', 'server auth'];
    expect(
      approve({ name: 'a', node: 'w1' }, { name: 'b', node: 'w1', san: 'IP:10.88.0.21', usages: rsa }).approved,
    ).toEqual(['a', 'b']);
  });

  it.each<[string, Omit<Request, 'name'>]>([
    ['another machine’s address', { node: 'w1', san: 'DNS:w1,IP:10.88.0.11' }],
    ['another name', { node: 'w1', san: 'DNS:w1,DNS:kubernetes' }],
    ['a URI', { node: 'w1', san: 'DNS:w1,URI:https://10.88.0.21' }],
    ['an e-mail address', { node: 'w1', san: 'DNS:w1,email:w1@example.com' }],
    ['a name that only begins like its own', { node: 'w1', san: 'DNS:w10' }],
    ['no names', { node: 'w1', san: '' }],
    ['another node’s subject', { node: 'w1', subject: '/O=system:nodes/CN=system:node:cp1' }],
    ['a further organization', { node: 'w1', subject: '/O=system:nodes/O=system:masters/CN=system:node:w1' }],
    ['a stranger', { node: 'w9', san: 'DNS:w9' }],
    ['a client certificate', { node: 'w1', usages: ['digital signature', 'client auth', 'server auth'] }],
    ['no server certificate', { node: 'w1', usages: ['digital signature'] }],
    ['a requestor outside system:nodes', { node: 'w1', groups: ['system:authenticated'] }],
    ['what has been decided', { node: 'w1', conditions: [{ type: 'Denied' }] }],
  ])('leaves %s', (_what, request) => {
    expect(approve({ name: 'x', ...request }).approved).toEqual([]);
  });

  it('says what it left and why', () => {
    const { left, status } = approve({ name: 'x', node: 'w1', san: 'DNS:w1,DNS:kubernetes' });
    expect(left).toBe('left x of system:node:w1: names that are not its own: DNS:kubernetes\n');
    expect(status).toBe(0);
  });

  it('does nothing, successfully, when nothing waits', () => {
    expect(approve()).toMatchObject({ approved: [], left: '', status: 0 });
  });
});
