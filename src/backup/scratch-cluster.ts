// An etcd and an API server for a rehearsal: on loopback, on free ports, with authorities of their own, all below one private directory.
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { type Background, startBackground } from '../core/background.ts';
import { runCommand } from '../core/command.ts';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf, QuorateError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { createAuthority, openAuthority } from '../pki/certificate.ts';
import type { KeyPair } from '../pki/types.ts';
import type { OpenArchive } from './format.ts';
import { type ApiAccess, apiGet } from './scratch-api.ts';

/** Programs of the versions that the archive was made with, on this host. */
export interface ScratchPrograms {
  readonly etcd: string;
  readonly etcdctl: string;
  readonly etcdutl: string;
  readonly 'kube-apiserver': string;
}

/** Where a rehearsal's pieces are. */
export interface ScratchCluster {
  readonly directory: string;
  readonly programs: ScratchPrograms;
  readonly ports: { readonly client: number; readonly peer: number; readonly api: number };
  readonly authority: KeyPair;
}

const HOST = '127.0.0.1';
/** Certificates of a rehearsal outlive it by little. */
const TTL_MS = 24 * 3_600_000;
/** More than etcd's largest recommended database (8 GiB): a rehearsal must not end on a quota of its own. */
const QUOTA_BYTES = 16 * 1024 ** 3;
/** Copying 8 GiB and reading it, on a slow disk. */
const RESTORE_TIMEOUT_MS = 1_800_000;
/** An API server takes some 5 s on an idle host; a busy one takes a minute. */
const READY_DEADLINE_MS = 300_000;
/** Reads may fail in the first seconds, before it has its connection to etcd. */
const UNREADABLE_MS = 20_000;
/** Who asks: system:masters is beyond RBAC (kubernetes.io, "Using RBAC Authorization"). */
const CLIENT = { commonName: 'quorate-rehearsal', organizations: ['system:masters'] };

/** Makes authority, certificates and ports. Nothing runs yet. */
export async function prepareScratch(directory: string, programs: ScratchPrograms): Promise<ScratchCluster> {
  const nowMs = Date.now();
  const authority = await createAuthority('quorate-rehearsal-ca', nowMs);
  const issue = await openAuthority(authority);
  const sans = [HOST, 'localhost'];
  const usages = ['server', 'client'] as const;
  const pairs = {
    etcd: await issue({ commonName: 'etcd', organizations: [], sans, usages, ttlMs: TTL_MS }, nowMs),
    apiserver: await issue({ commonName: 'kube-apiserver', organizations: [], sans, usages, ttlMs: TTL_MS }, nowMs),
    client: await issue({ ...CLIENT, sans: [], usages: ['client'], ttlMs: TTL_MS }, nowMs),
  };
  await writeIn(directory, 'pki/ca.crt', authority.certificate);
  for (const [name, pair] of Object.entries(pairs)) {
    await writeIn(directory, `pki/${name}.crt`, pair.certificate);
    await writeIn(directory, `pki/${name}.key`, pair.privateKey);
  }
  const [client = 0, peer = 0, api = 0] = await freePorts(3);
  return { directory, programs, ports: { client, peer, api }, authority };
}

async function writeIn(directory: string, name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, content, { mode: 0o600 });
  return path;
}

/** Ports of loopback that were free a moment ago; all are held until the last is known, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, HOST, resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const pki = ({ directory }: ScratchCluster, file: string): string => join(directory, 'pki', file);
const clientURL = ({ ports }: ScratchCluster): string => `https://${HOST}:${ports.client}`;
const peerURL = ({ ports }: ScratchCluster): string => `https://${HOST}:${ports.peer}`;

/** What a restored member has to be told, by etcdutl and by etcd itself. */
function identityFlags(scratch: ScratchCluster): readonly string[] {
  return [
    '--name=rehearsal',
    `--data-dir=${join(scratch.directory, 'etcd')}`,
    `--initial-cluster=rehearsal=${peerURL(scratch)}`,
    `--initial-advertise-peer-urls=${peerURL(scratch)}`,
  ];
}

/** Restores the snapshot without raising its revision, so that etcd's own hash of it can be compared. Throws what etcdutl says. */
export async function restoreSnapshot(ctx: Context, scratch: ScratchCluster, snapshotPath: string): Promise<void> {
  const argv = [scratch.programs.etcdutl, 'snapshot', 'restore', snapshotPath, ...identityFlags(scratch)];
  await runCommand(ctx, argv, { timeoutMs: RESTORE_TIMEOUT_MS });
}

/** Starts etcd on what was restored and waits until it answers. Throws COMMAND_FAILED with its last words, WAIT_TIMED_OUT. */
export async function startEtcd(ctx: Context, scratch: ScratchCluster): Promise<Background> {
  const secure = (prefix: string) => [
    `--${prefix}cert-file=${pki(scratch, 'etcd.crt')}`,
    `--${prefix}key-file=${pki(scratch, 'etcd.key')}`,
    `--${prefix}trusted-ca-file=${pki(scratch, 'ca.crt')}`,
    `--${prefix}client-cert-auth`,
  ];
  const argv = [
    scratch.programs.etcd,
    ...identityFlags(scratch),
    `--listen-client-urls=${clientURL(scratch)}`,
    `--advertise-client-urls=${clientURL(scratch)}`,
    `--listen-peer-urls=${peerURL(scratch)}`,
    ...secure(''),
    ...secure('peer-'),
    `--quota-backend-bytes=${QUOTA_BYTES}`,
    '--log-level=warn',
    // Nothing here has to survive.
    '--unsafe-no-fsync',
  ];
  const etcd = await startBackground(ctx, join(scratch.directory, 'run'), 'etcd', argv);
  return untilReady(ctx, etcd, 'the etcd of the rehearsal answers', async () => {
    await etcdctlIn(ctx, scratch, ['endpoint', 'health']);
    return true;
  });
}

/** Runs etcdctl against the rehearsal's etcd. Standard output, or nothing where it goes to a file. Throws COMMAND_FAILED. */
export async function etcdctlIn(
  ctx: Context,
  scratch: ScratchCluster,
  args: readonly string[],
  stdoutFile?: string,
): Promise<string> {
  const argv = [
    scratch.programs.etcdctl,
    `--endpoints=${clientURL(scratch)}`,
    `--cacert=${pki(scratch, 'ca.crt')}`,
    `--cert=${pki(scratch, 'client.crt')}`,
    `--key=${pki(scratch, 'client.key')}`,
    ...args,
  ];
  const timeoutMs = 330_000;
  return (await runCommand(ctx, argv, { timeoutMs, ...(stdoutFile === undefined ? {} : { stdoutFile }) })).stdout;
}

/** What an API server on restored data would call over the network: webhooks, and API servers that are registered with it. */
const OUTWARD = ['/registry/admissionregistration.k8s.io/', '/registry/apiregistration.k8s.io/apiservices/'];

/**
 * Starts an API server on the restored etcd and waits until it is ready. It has the archive's encryption and service account keys, and
 * calls nobody. Throws ARCHIVE_DAMAGED where the archive lacks what it needs, COMMAND_FAILED with its last words, WAIT_TIMED_OUT.
 */
export async function startApiServer(
  ctx: Context,
  scratch: ScratchCluster,
  archive: OpenArchive,
): Promise<{ readonly server: Background; readonly access: ApiAccess }> {
  for (const prefix of OUTWARD) await etcdctlIn(ctx, scratch, ['del', '--prefix', prefix]);
  const argv = [scratch.programs['kube-apiserver'], ...(await apiServerFlags(scratch, archive))];
  const server = await startBackground(ctx, join(scratch.directory, 'run'), 'kube-apiserver', argv);
  const access = await accessOf(scratch);
  await untilReady(ctx, server, 'the API server of the rehearsal is ready', apiProbe(ctx, access));
  return { server, access };
}

/** It never becomes ready when it cannot read Secrets: that is told apart, and not waited for to the end. */
function apiProbe(ctx: Context, access: ApiAccess): () => Promise<true | string> {
  let unreadableSinceMs: number | undefined;
  return async () => {
    const { status, body } = await apiGet(ctx, access, '/readyz');
    if (status === 200) return true;
    const secrets = await apiGet(ctx, access, '/api/v1/secrets?limit=500');
    unreadableSinceMs = secrets.status === 500 ? (unreadableSinceMs ?? Date.now()) : undefined;
    if (unreadableSinceMs !== undefined && Date.now() - unreadableSinceMs > UNREADABLE_MS) {
      const message = 'it cannot read the Secrets in etcd: the encryption keys in the archive are not theirs';
      throw new QuorateError('KUBE_FAILED', message, { hint: 'take another backup' });
    }
    return `HTTP ${status}: ${body.split('\n').find((line) => line.startsWith('[-]')) ?? ''}`;
  };
}

async function apiServerFlags(scratch: ScratchCluster, archive: OpenArchive): Promise<readonly string[]> {
  const fromArchive = async (name: string) => {
    const content = archive.files.get(name);
    if (content === undefined) throw new QuorateError('ARCHIVE_DAMAGED', `the archive lacks ${name}`);
    return writeIn(scratch.directory, name, content);
  };
  const flagOf = manifestFlags(archive);
  return [
    `--bind-address=${HOST}`,
    `--advertise-address=${HOST}`,
    `--secure-port=${scratch.ports.api}`,
    '--endpoint-reconciler-type=none',
    `--etcd-servers=${clientURL(scratch)}`,
    `--etcd-cafile=${pki(scratch, 'ca.crt')}`,
    `--etcd-certfile=${pki(scratch, 'client.crt')}`,
    `--etcd-keyfile=${pki(scratch, 'client.key')}`,
    `--client-ca-file=${pki(scratch, 'ca.crt')}`,
    `--tls-cert-file=${pki(scratch, 'apiserver.crt')}`,
    `--tls-private-key-file=${pki(scratch, 'apiserver.key')}`,
    `--encryption-provider-config=${await fromArchive('etc/kubernetes/enc/enc.yaml')}`,
    `--service-account-key-file=${await fromArchive('etc/kubernetes/pki/sa.pub')}`,
    `--service-account-signing-key-file=${await fromArchive('etc/kubernetes/pki/sa.key')}`,
    `--service-account-issuer=${flagOf('service-account-issuer')}`,
    `--service-cluster-ip-range=${flagOf('service-cluster-ip-range')}`,
    '--authorization-mode=RBAC',
    '--anonymous-auth=false',
    '--disable-admission-plugins=MutatingAdmissionWebhook,ValidatingAdmissionWebhook',
    // Reads go to etcd: nothing is kept in memory twice, and what is decrypted is what is stored.
    '--watch-cache=false',
    '--profiling=false',
  ];
}

/** Flags of the archived API server's manifest. Throws ARCHIVE_DAMAGED where it or one of them is missing. */
function manifestFlags(archive: OpenArchive): (name: string) => string {
  const path = 'etc/kubernetes/manifests/kube-apiserver.yaml';
  const text = Buffer.from(archive.files.get(path) ?? '').toString();
  return (name) => {
    const value = new RegExp(`^\\s*- --${name}=(\\S+)$`, 'm').exec(text)?.[1];
    if (value !== undefined) return value;
    throw new QuorateError('ARCHIVE_DAMAGED', `the archive's ${path} says nothing of --${name}`);
  };
}

async function accessOf(scratch: ScratchCluster): Promise<ApiAccess> {
  const { readFile } = await import('node:fs/promises');
  const [certificate, key] = await Promise.all([
    readFile(pki(scratch, 'client.crt'), 'utf8'),
    readFile(pki(scratch, 'client.key'), 'utf8'),
  ]);
  return { host: HOST, port: scratch.ports.api, authority: scratch.authority.certificate, certificate, key };
}

/** Waits, and stops waiting when the program has ended; what does not become ready is stopped. */
async function untilReady(
  ctx: Context,
  program: Background,
  condition: string,
  probe: () => Promise<true | string>,
): Promise<Background> {
  const isFinal = (error: unknown) => program.failure() !== undefined || hasCode(error, 'KUBE_FAILED');
  try {
    await waitFor(ctx, { condition, deadlineMs: READY_DEADLINE_MS, intervalMs: 300, isFinal }, probe);
    return program;
  } catch (error) {
    const how = program.failure() ?? messageOf(error);
    const words = await program.lastWords();
    await program.stop();
    if (ctx.signal.aborted) throw error;
    throw new QuorateError('COMMAND_FAILED', `${program.name} of the rehearsal: ${how}\n${words}`, { cause: error });
  }
}
