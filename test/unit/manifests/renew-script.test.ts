// The script that renews certificates without quorate, run here on a directory with real certificates and a stand-in for kubeadm.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { silentContext } from '../../../src/core/context.ts';
import type { RenewalState } from '../../../src/machines/facts.ts';
import { RENEW_TIMER, renewalFiles } from '../../../src/manifests/renew-certificates.ts';
import { renewScript } from '../../../src/manifests/renew-script.ts';
import { expectedCertificates } from '../../../src/pki/expected.ts';
import { inspectCertificate } from '../../../src/pki/inspect.ts';
import { issueCertificates } from '../../../src/pki/issue.ts';
import { generateSharedMaterial, sharedFiles } from '../../../src/pki/shared.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';

const DAY_MS = 86_400_000;
const YEAR = 365;
const spec: ClusterSpec = makeSpec();
const CP1 = spec.machines[0] ?? expect.fail('has machines');

// Each run is some hundred processes; a busy host takes seconds for them.
vi.setConfig({ testTimeout: 60_000 });
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'quorate-renew-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function program(name: string, text: string): void {
  mkdirSync(join(dir, 'bin'), { recursive: true });
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${text}\n`);
  chmodSync(join(dir, 'bin', name), 0o755);
}

/** Issues some of cp1's so that they end in `days`, below the directory; the key of etcd's authority only when asked for. */
async function install(days: number, { withEtcdKey = true, names = SOME } = {}): Promise<void> {
  const nowMs = Date.now() - (YEAR - days) * DAY_MS;
  const material = await generateSharedMaterial(silentContext(), nowMs);
  const wanted = expectedCertificates(spec, CP1).filter(({ name }) => names.includes(name));
  const leaves = await issueCertificates(material, spec, wanted, { nowMs });
  for (const { path, content, mode } of [...sharedFiles(material), ...leaves]) {
    if (!path.startsWith('/etc/kubernetes/') || (!withEtcdKey && path.endsWith('etcd/ca.key'))) continue;
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content, { mode });
  }
}

/**
 * kubeadm, as far as the script goes by it: it renews one certificate below --rootfs. Here with the names of files for names, a key that
 * is made anew, and the authority that lies there.
 */
const KUBEADM = `
[ "$1" = version ] && { echo v1.36.3; exit 0; }
name=$3 root=$5
grep -q 'encryptionAlgorithm: ECDSA-P256' "$root/kubeadm.yaml" || exit 9
[ "$name" != "\${FAIL_AT:-}" ] || { echo "it does not work" >&2; exit 1; }
echo "$name" >> "$DIR/called"
pki=$root$DIR/etc/kubernetes/pki conf=
case $name in
  etcd-*) file=$pki/etcd/\${name#etcd-}.crt ca=$pki/etcd/ca ;;
  apiserver-etcd-client) file=$pki/$name.crt ca=$pki/etcd/ca ;;
  front-proxy-client) file=$pki/$name.crt ca=$pki/front-proxy-ca ;;
  *.conf) conf=$root$DIR/etc/kubernetes/$name file=$root/tmp.crt ca=$pki/ca ;;
  *) file=$pki/$name.crt ca=$pki/ca ;;
esac
openssl ecparam -genkey -name prime256v1 -noout -out "\${file%.crt}.key" 2>/dev/null
openssl req -new -key "\${file%.crt}.key" -subj "/CN=renewed-$name" -out "$root/csr" 2>/dev/null
openssl x509 -req -in "$root/csr" -CA $ca.crt -CAkey $ca.key -set_serial 7 -days 365 -out "$file" 2>/dev/null
[ -z "$conf" ] || sed -i "s/client-certificate-data: .*/client-certificate-data: $(base64 -w0 < "$file")/" "$conf"`;

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly state?: RenewalState;
  readonly called: readonly string[];
}

/** Runs the script with everything below the directory. */
function run(env: NodeJS.ProcessEnv = {}): Outcome {
  program('kubeadm', KUBEADM);
  program('etcdctl', '[ "$ETCD_STATUS" != 1 ]');
  program('curl', '[ -z "$SILENT" ] || case "$*" in *"$SILENT"*) exit 7 ;; esac');
  for (const name of ['pgrep', 'pkill']) program(name, `echo ${name} "$@" >> "$DIR/processes"; exit 1`);
  const text = renewScript()
    .replaceAll('/etc/kubernetes', `${dir}/etc/kubernetes`)
    .replaceAll('/var/lib/quorate', `${dir}/state`)
    .replaceAll('/run/quorate', `${dir}/run`)
    .replace('PATH=/usr/local/sbin:/usr/local/bin:$PATH', '');
  const path = join(dir, 'script');
  writeFileSync(path, text);
  const { status, stdout } = spawnSync('sh', [path], {
    encoding: 'utf8',
    env: {
      PATH: `${dir}/bin:${process.env.PATH}`,
      DIR: dir,
      API_SERVERS: '10.0.0.1:6443 10.0.0.2:6443',
      HAS_MEMBER: 'yes',
      ...env,
    },
  });
  const read = (name: string) => (existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'utf8') : undefined);
  const state = read('state/renewal/state.json');
  return {
    status,
    stdout,
    ...(state === undefined ? {} : { state: JSON.parse(state) as RenewalState }),
    called: (read('called') ?? '').split('\n').filter(Boolean),
  };
}

const certificate = (name: string) =>
  inspectCertificate(readFileSync(join(dir, `etc/kubernetes/pki/${name}.crt`), 'utf8'));
const SOME = ['apiserver', 'etcd-server', 'scheduler.conf'];
const ALL = [
  ...[
    'apiserver',
    'apiserver-kubelet-client',
    'front-proxy-client',
    'apiserver-etcd-client',
    'etcd-server',
    'etcd-peer',
  ],
  ...['etcd-healthcheck-client', 'admin.conf', 'super-admin.conf', 'controller-manager.conf', 'scheduler.conf'],
];

describe('renew-certificates', () => {
  it('does nothing while everything lasts, and leaves no state', async () => {
    await install(31);
    const outcome = run();
    expect(outcome).toMatchObject({ status: 0, stdout: 'nothing ends within 30 days\n', called: [] });
    expect(outcome.state).toBeUndefined();
  });

  it('renews everything that ends within the threshold, keys and kubeconfigs too, and says so', async () => {
    await install(29, { names: ALL });
    const before = readFileSync(join(dir, 'etc/kubernetes/pki/apiserver.key'), 'utf8');
    const outcome = run();
    expect(outcome).toMatchObject({ status: 0, state: { outcome: 'ok', renewed: ALL }, called: ALL });
    expect(certificate('apiserver').commonName).toBe('renewed-apiserver');
    expect(readFileSync(join(dir, 'etc/kubernetes/pki/apiserver.key'), 'utf8')).not.toBe(before);
    expect(readFileSync(join(dir, 'etc/kubernetes/pki/ca.crt'), 'utf8').match(/BEGIN/g)).toHaveLength(1);
    const ends = execFileSync('sh', [
      '-c',
      `sed -n 's/.*client-certificate-data: //p' ${dir}/etc/kubernetes/scheduler.conf | base64 -d | openssl x509 -noout -subject`,
    ]);
    expect(String(ends)).toContain('renewed-scheduler.conf');
    expect(existsSync(join(dir, 'etc/kubernetes/.renewal'))).toBe(false);
    expect(existsSync(join(dir, 'run/operator.lock'))).toBe(false);
    // A second run finds nothing to do.
    expect(run().stdout).toBe('nothing ends within 30 days\n');
  });

  it('takes another threshold from its environment', async () => {
    await install(200);
    expect(run({ RENEW_BELOW_DAYS: '250' }).state?.renewed).toEqual(SOME);
  });

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['another API server is not ready', { SILENT: '10.0.0.2' }, '10.0.0.2:6443 is not ready'],
    ['etcd is not healthy', { ETCD_STATUS: '1' }, 'a member of etcd does not answer'],
  ])('waits while %s, unless something is about to end', async (_what, env, error) => {
    await install(20);
    const waiting = run(env);
    expect(waiting).toMatchObject({ status: 1, state: { outcome: 'postponed', error, renewed: [] }, called: [] });
    rmSync(join(dir, 'etc'), { recursive: true });
    await install(5);
    expect(run(env)).toMatchObject({ status: 0, state: { outcome: 'ok', renewed: SOME } });
  });

  it('works on what has ended', async () => {
    await install(-3);
    expect(run({ SILENT: '10.0.0', ETCD_STATUS: '1' })).toMatchObject({
      status: 0,
      state: { outcome: 'ok', renewed: SOME },
    });
  });

  it('keeps out of what an operator does, and takes over what one has left', async () => {
    await install(20);
    mkdirSync(join(dir, 'run'));
    const lock = join(dir, 'run/operator.lock');
    writeFileSync(lock, 'abc\n{}\n');
    expect(run().state).toMatchObject({ outcome: 'postponed', error: 'somebody is changing the cluster' });
    expect(readFileSync(lock, 'utf8')).toBe('abc\n{}\n');
    execFileSync('touch', ['-d', '2 minutes ago', lock]);
    expect(run().state?.outcome).toBe('ok');
  });

  it('keeps out while an authority is replaced', async () => {
    await install(20);
    const ca = join(dir, 'etc/kubernetes/pki/ca.crt');
    writeFileSync(ca, readFileSync(ca, 'utf8').repeat(2));
    expect(run()).toMatchObject({ called: [], state: { outcome: 'postponed', error: 'ca is being replaced' } });
  });

  it('says what it could not renew for want of a key, and renews the rest', async () => {
    await install(20, { withEtcdKey: false });
    const { state, status } = run();
    expect(status).toBe(1);
    expect(state?.outcome).toBe('failed');
    expect(state?.error).toMatch(/quorate apply renews them: etcd-server/);
    expect(state?.renewed).toContain('apiserver');
    expect(state?.renewed).not.toContain('etcd-server');
  });

  it('stops at the first that fails and leaves that one as it was', async () => {
    await install(20);
    const before = certificate('etcd/server').fingerprint;
    expect(run({ FAIL_AT: 'etcd-server' })).toMatchObject({
      status: 1,
      state: { outcome: 'failed', renewed: ['apiserver'], error: 'etcd-server: it does not work' },
    });
    expect(certificate('etcd/server').fingerprint).toBe(before);
  });
});

describe('the timer', () => {
  const timerOf = (name: string, of: ClusterSpec = spec) => {
    const machine = of.machines.find((candidate) => candidate.name === name) ?? expect.fail(name);
    const file = renewalFiles(of, machine).find(({ path }) => path.endsWith(RENEW_TIMER));
    return /OnCalendar=(.*)/.exec(String(file?.content))?.[1];
  };

  it('gives each machine a slot of its own, whatever the order in the file', () => {
    const slots = ['cp1', 'cp2', 'cp3'].map((name) => timerOf(name));
    expect(slots).toEqual(['*-*-* 00:17:00 UTC', '*-*-* 02:17:00 UTC', '*-*-* 04:17:00 UTC']);
    const turned = { ...spec, machines: [...spec.machines].reverse() };
    expect(timerOf('cp1', turned)).toBe(slots[0]);
  });

  it('is not on machines that hold no key of an authority', () => {
    expect(timerOf('w1')).toBeUndefined();
  });
});
