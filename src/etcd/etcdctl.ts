// etcd is asked by the machine's own etcdctl (ADR 0003): its ports are open to peers and API servers only, and the same way
// works over SSH. Member ids are 64-bit; they are handled as the hexadecimal that etcdctl prints.
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { lastLine } from '../core/text.ts';
import type { Machine } from '../machines/machine.ts';
import type { ObservedEtcd, ObservedMember } from './types.ts';

const PKI = '/etc/kubernetes/pki/etcd';
const COMMAND_TIMEOUT_MS = 15_000;

/** argv of etcdctl against the machine's own member, with the certificates kubeadm makes for health checks. */
export function etcdctl(...args: readonly string[]): readonly string[] {
  return [
    'env',
    '-u',
    'ETCDCTL_ENDPOINTS',
    'etcdctl',
    '--endpoints=https://127.0.0.1:2379',
    `--cacert=${PKI}/ca.crt`,
    `--cert=${PKI}/healthcheck-client.crt`,
    `--key=${PKI}/healthcheck-client.key`,
    '--dial-timeout=2s',
    '--command-timeout=5s',
    ...args,
  ];
}

/** Asks the given control planes one after another until one answers. Throws ETCD_UNAVAILABLE with every reason. */
export async function readEtcd(ctx: Context, machines: readonly Machine[]): Promise<ObservedEtcd> {
  const reasons: string[] = [];
  for (const machine of machines) {
    try {
      return await readEtcdFrom(ctx, machine);
    } catch (error) {
      reasons.push(`${machine.name}: ${lastLine(messageOf(error))}`);
    }
  }
  throw new QuorateError('ETCD_UNAVAILABLE', `no etcd member answers\n${reasons.map((r) => `  ${r}`).join('\n')}`);
}

/** Members, their own status, and alarms, as one member sees them. */
async function readEtcdFrom(ctx: Context, machine: Machine): Promise<ObservedEtcd> {
  const options = { timeoutMs: COMMAND_TIMEOUT_MS };
  const list = parseJson<MemberList>(
    (await machine.exec(ctx, etcdctl('member', 'list', '-w', 'json'), options)).stdout,
  );
  const [status, alarms] = await Promise.all([
    machine.exec(ctx, etcdctl('endpoint', 'status', '--cluster', '-w', 'json'), { ...options, allowFailure: true }),
    machine.exec(ctx, etcdctl('alarm', 'list', '-w', 'json'), { ...options, allowFailure: true }),
  ]);
  const statuses = parseJson<EndpointStatus[]>(status.stdout || '[]');
  return {
    members: (list.members ?? []).map((member) => toMember(member, statuses)),
    alarms: (parseJson<AlarmList>(alarms.stdout || '{}').alarms ?? []).map(({ memberID, alarm }) => ({
      memberId: toHex(memberID),
      alarm: alarm === 1 ? 'NOSPACE' : alarm === 2 ? 'CORRUPT' : String(alarm),
    })),
  };
}

interface MemberList {
  members?: { ID: string; name?: string; peerURLs?: string[]; clientURLs?: string[]; isLearner?: boolean }[];
}

interface EndpointStatus {
  Endpoint: string;
  Status: {
    header?: { member_id?: string; revision?: number | string };
    version?: string;
    dbSize?: number;
    dbSizeInUse?: number;
    leader?: string;
    raftTerm?: number | string;
    raftIndex?: number | string;
    raftAppliedIndex?: number | string;
    dbSizeQuota?: number;
    errors?: string[];
  };
}

interface AlarmList {
  alarms?: { memberID: string; alarm?: number }[];
}

function toMember(
  member: NonNullable<MemberList['members']>[number],
  statuses: readonly EndpointStatus[],
): ObservedMember {
  const id = toHex(member.ID);
  const status = statuses.find((candidate) => toHex(candidate.Status.header?.member_id ?? '0') === id)?.Status;
  return {
    id,
    // A member that has never started has no name yet; its peer URL tells which machine it is to be.
    name: member.name ?? '',
    peerURLs: member.peerURLs ?? [],
    clientURLs: member.clientURLs ?? [],
    isLearner: member.isLearner ?? false,
    ...(status === undefined
      ? { error: 'does not answer' }
      : {
          status: {
            version: status.version ?? '',
            dbSizeBytes: Number(status.dbSize ?? 0),
            dbInUseBytes: Number(status.dbSizeInUse ?? 0),
            leaderId: toHex(status.leader ?? '0'),
            raftTerm: Number(status.raftTerm ?? 0),
            raftIndex: Number(status.raftIndex ?? 0),
            raftAppliedIndex: Number(status.raftAppliedIndex ?? 0),
            revision: Number(status.header?.revision ?? 0),
            ...(status.dbSizeQuota ? { quotaBytes: status.dbSizeQuota } : {}),
            errors: status.errors ?? [],
          },
        }),
  };
}

/** Integers beyond 2^53 become strings before JSON.parse can round them. */
export function parseJson<T>(text: string): T {
  return JSON.parse(text.replace(/([:[,]\s*)(\d{15,})(?=\s*[,}\]])/g, '$1"$2"')) as T;
}

/** A decimal member id as lower-case hexadecimal without leading zeros. */
export function toHex(id: string | number): string {
  return BigInt(id).toString(16);
}
