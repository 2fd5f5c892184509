// Who can open the backups of a cluster, and whether this host can.
import { findIdentities, identityPath, recipientOf } from '../backup/keys.ts';
import type { Context } from '../core/context.ts';
import { hasCode, messageOf } from '../core/errors.ts';
import type { Fleet } from '../machines/fleet.ts';
import { LOCKED_IDENTITY_PATH, RECIPIENTS_PATH } from '../manifests/paths.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type DriverOptions, openFleet } from './cluster.ts';

/** Someone who can open backups: a public key, and whether its identity lies on this host. */
export interface RecipientRow {
  /** age1… */
  readonly recipient: string;
  readonly isHere: boolean;
}

/** Nothing of it is secret. */
export interface KeyReport {
  readonly cluster: string;
  /** Where recipients were read: cluster.yaml, or the control planes, which have those of the first apply. */
  readonly source: 'cluster.yaml' | 'control planes';
  readonly recipients: readonly RecipientRow[];
  /** Where the cluster's identities lie on this host, or would. */
  readonly identityPath: string;
  /** How many lie there. */
  readonly identities: number;
  /** true: labels carry an identity that a passphrase opens. Absent when no control plane could tell. */
  readonly isLocked?: boolean;
  /** Control planes that did not answer. */
  readonly unreachable: readonly string[];
}

/** Reads recipients from cluster.yaml, else from the control planes. Throws ABORTED. */
export async function showKey(ctx: Context, spec: ClusterSpec, options: DriverOptions = {}): Promise<KeyReport> {
  const fleet = openFleet(ctx, spec, options);
  const listed = spec.etcd.snapshots.recipients;
  const [told, identities] = await Promise.all([askMachines(ctx, fleet), findIdentities(spec.name, ctx)]);
  const own = await Promise.all(identities.map(recipientOf));
  const recipients = listed.length > 0 ? listed : [...new Set(told.answers.flatMap((answer) => answer.recipients))];
  return {
    cluster: spec.name,
    source: listed.length > 0 ? 'cluster.yaml' : 'control planes',
    recipients: recipients.map((recipient) => ({ recipient, isHere: own.includes(recipient) })),
    identityPath: identityPath(spec.name),
    identities: identities.length,
    ...(told.answers.length === 0 ? {} : { isLocked: told.answers.some(({ isLocked }) => isLocked) }),
    unreachable: told.unreachable,
  };
}

interface Told {
  readonly recipients: readonly string[];
  readonly isLocked: boolean;
}

async function askMachines(
  ctx: Context,
  fleet: Fleet,
): Promise<{ readonly answers: readonly Told[]; readonly unreachable: readonly string[] }> {
  const answers: Told[] = [];
  const unreachable: string[] = [];
  await Promise.all(
    fleet.controlPlanes.map(async (machine) => {
      try {
        const recipients = Buffer.from((await machine.readFile(ctx, RECIPIENTS_PATH)) ?? '').toString();
        const locked = await machine.readFile(ctx, LOCKED_IDENTITY_PATH);
        answers.push({ recipients: recipients.match(/^age1\S+/gm) ?? [], isLocked: (locked?.length ?? 0) > 0 });
      } catch (error) {
        if (hasCode(error, 'ABORTED')) throw error;
        ctx.emit('warning', { text: `${machine.name}: ${messageOf(error)}` });
        unreachable.push(machine.name);
      }
    }),
  );
  return { answers, unreachable };
}
