// The finishing line, the same for everything that is measured and looked at from outside the cluster.
// It is T1 of the resilience goals (three voters, three ready API servers, writes through the virtual IP, both leases, all
// nodes Ready) and, beyond that, a cluster DNS that answers.
import type { Context } from '../src/core/context.ts';
import { QuorateError } from '../src/core/errors.ts';
import { formatDuration, sleep } from '../src/core/wait.ts';
import type { Fleet } from '../src/machines/fleet.ts';
import { certificatePath, keyPath } from '../src/pki/names.ts';
import { type ClusterSpec, controlPlanes, machinesOf } from '../src/spec/types.ts';
import { ask, askJson, type Credentials, readCredentials } from './api.ts';

/** kubeadm and quorate both write it on the first control plane. */
const KUBECONFIG = '/etc/kubernetes/super-admin.conf';
const POLL_MS = 250;
/** kubeadm takes a minute here; four times that is a cluster that will never be there. */
const DEADLINE_MS = 240_000;

/** Every condition, in the order of the tables. */
export const CONDITIONS = ['nodes', 'apiServers', 'etcd', 'leases', 'writes', 'dns'] as const;
export type ConditionName = (typeof CONDITIONS)[number];

/** What each condition means, for people. */
export const CONDITION_TITLES: Readonly<Record<ConditionName, string>> = {
  nodes: 'five nodes Ready',
  apiServers: 'three API servers ready',
  etcd: 'three etcd voters',
  leases: 'both leases held',
  writes: 'VIP takes writes',
  dns: 'CoreDNS: two ready, a name resolved',
};

export interface Finish {
  /** Milliseconds from the start until everything held in one pass. */
  readonly totalMs: number;
  /** When each condition was first seen to hold, milliseconds. */
  readonly firstMs: Readonly<Record<ConditionName, number>>;
}

interface Probe {
  readonly ctx: Context;
  readonly fleet: Fleet;
  readonly spec: ClusterSpec;
  readonly credentials: Credentials;
}

/** Watches a cluster that is being built until it crosses the line. Throws WAIT_TIMED_OUT, ABORTED. */
export async function watchFinish(ctx: Context, fleet: Fleet, startMs: number): Promise<Finish> {
  const credentials = await waitForCredentials(ctx, fleet, startMs);
  const probe: Probe = { ctx, fleet, spec: fleet.spec, credentials };
  const firstMs: Partial<Record<ConditionName, number>> = {};
  for (;;) {
    const open = CONDITIONS.filter((name) => firstMs[name] === undefined);
    // Once each has held, all are looked at again: the line is crossed when they hold together.
    const held = await heldConditions(probe, open.length === 0 ? CONDITIONS : open);
    const now = Date.now() - startMs;
    if (open.length === 0 && held.length === CONDITIONS.length) {
      return { totalMs: now, firstMs: firstMs as Record<ConditionName, number> };
    }
    for (const name of held) firstMs[name] ??= now;
    if (now > DEADLINE_MS)
      throw tooLate(CONDITIONS.filter((name) => !held.includes(name) && firstMs[name] === undefined));
    if (held.length < open.length || open.length === 0) await sleep(POLL_MS, ctx);
  }
}

function tooLate(missing: readonly ConditionName[]): QuorateError {
  const text = missing.map((name) => CONDITION_TITLES[name]).join(', ') || 'all at the same time';
  return new QuorateError(
    'WAIT_TIMED_OUT',
    `not over the finishing line after ${formatDuration(DEADLINE_MS)}: ${text}`,
  );
}

async function waitForCredentials(ctx: Context, fleet: Fleet, startMs: number): Promise<Credentials> {
  while (Date.now() - startMs < DEADLINE_MS) {
    // The machine itself may not be there yet.
    const content = await fleet.controlPlanes[0]?.readFile(ctx, KUBECONFIG).catch(() => undefined);
    if (content !== undefined) return readCredentials(Buffer.from(content).toString());
    await sleep(2 * POLL_MS, ctx);
  }
  throw tooLate(CONDITIONS);
}

async function heldConditions(probe: Probe, names: readonly ConditionName[]): Promise<ConditionName[]> {
  const answers = await Promise.all(names.map(async (name) => ((await holds(probe, name)) ? [name] : [])));
  if (probe.ctx.signal.aborted) throw new QuorateError('ABORTED', 'stopped on request');
  return answers.flat();
}

async function holds(probe: Probe, name: ConditionName): Promise<boolean> {
  try {
    return await CHECKS[name](probe);
  } catch {
    // Nothing answers yet.
    return false;
  }
}

interface ListOf<T> {
  readonly items: readonly T[];
}

interface WithConditions {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const isReady = ({ status }: WithConditions): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True') ?? false;

function read<T>({ spec, credentials }: Probe, path: string): Promise<T> {
  return askJson<T>(credentials, { host: spec.endpoint.host, port: spec.endpoint.port, path });
}

const CHECKS: Readonly<Record<ConditionName, (probe: Probe) => Promise<boolean>>> = {
  nodes: async (probe) => {
    const { items } = await read<ListOf<WithConditions>>(probe, '/api/v1/nodes');
    return items.filter(isReady).length === probe.spec.machines.length;
  },
  apiServers: async ({ spec, credentials }) => {
    const ready = controlPlanes(spec).map(({ address }) =>
      ask(credentials, { host: address, port: 6443, path: '/readyz' }),
    );
    return (await Promise.all(ready)).every(({ status }) => status === 200);
  },
  etcd: async ({ ctx, fleet }) => {
    const files = ['--cacert', certificatePath('etcd/ca'), '--cert', certificatePath('etcd/healthcheck-client')];
    const argv = [
      'etcdctl',
      '--endpoints=https://127.0.0.1:2379',
      ...files,
      '--key',
      keyPath('etcd/healthcheck-client'),
    ];
    // A linearizable read: it is answered only when there is a quorum.
    const listed = await fleet.controlPlanes[0]?.exec(ctx, [...argv, 'member', 'list', '-w', 'json'], {
      timeoutMs: 5_000,
    });
    const { members } = JSON.parse(listed?.stdout ?? '{}') as {
      members: readonly { name?: string; isLearner?: boolean }[];
    };
    return members.filter(({ name, isLearner }) => name && !isLearner).length === fleet.controlPlanes.length;
  },
  leases: async (probe) => {
    const names = ['kube-controller-manager', 'kube-scheduler'];
    const leases = await Promise.all(
      names.map((name) =>
        read<{ spec?: { holderIdentity?: string } }>(
          probe,
          `/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/${name}`,
        ),
      ),
    );
    return leases.every(({ spec }) => (spec?.holderIdentity ?? '') !== '');
  },
  writes: async ({ spec, credentials }) => {
    const { host, port } = spec.endpoint;
    const metadata = { name: 'bench-write', namespace: 'default' };
    const path = `/api/v1/namespaces/default/configmaps/${metadata.name}?fieldManager=bench&force=true`;
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { at: String(Date.now()) } };
    const { status } = await ask(credentials, { host, port, path, method: 'PATCH', body });
    return status === 200 || status === 201;
  },
  dns: async (probe) => {
    const path = '/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns';
    const { items } = await read<ListOf<WithConditions>>(probe, path);
    return items.filter(isReady).length >= 2 && (await resolves(probe));
  },
};

/**
 * Asks the DNS Service from a worker for the name of the API. dd writes the query as one packet: bash's own printf would begin a
 * new one after the byte 10. Arguments: address, the query in printf's escapes. Prints the answer's header in hex.
 */
const QUERY_SCRIPT = `exec 3<>"/dev/udp/$1/53"; printf "$2" | dd bs=512 iflag=fullblock status=none >&3; timeout 1 dd bs=512 count=1 <&3 2>/dev/null | od -An -tx1 -N12`;

async function resolves({ ctx, fleet, spec }: Probe): Promise<boolean> {
  const { dnsServiceIP, dnsDomain } = spec.networking;
  const worker = machinesOf(spec, 'worker')[0];
  if (!worker) return false;
  const query = dnsQuery(`kubernetes.default.svc.${dnsDomain}`);
  const argv = ['bash', '-c', QUERY_SCRIPT, 'query', dnsServiceIP, query];
  const { stdout } = await fleet.machine(worker.name).exec(ctx, argv, { timeoutMs: 5_000 });
  const header = stdout
    .trim()
    .split(/\s+/)
    .map((byte) => Number.parseInt(byte, 16));
  // Bytes of the header (RFC 1035, 4.1.1): 3 ends with the response code, 6 and 7 count the answers.
  return header.length === 12 && ((header[3] ?? 15) & 15) === 0 && (header[7] ?? 0) > 0;
}

/** A standard query for the name's A record, with recursion desired, in escapes of printf(1). */
export function dnsQuery(name: string): string {
  const labels = name.split('.').map((label) => `\\x${label.length.toString(16).padStart(2, '0')}${label}`);
  return `\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00${labels.join('')}\\x00\\x00\\x01\\x00\\x01`;
}
