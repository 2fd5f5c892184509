// The key that backups are sealed with: who can open them, and the identity locked with a passphrase that travels with them (ADR 0012).
import { findIdentities, identityPath, lockIdentity, makeIdentity, recipientOf } from '../backup/keys.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import { withOperatorLock } from '../engine/operator-lock.ts';
import { recorded } from '../engine/run.ts';
import type { Fleet } from '../machines/fleet.ts';
import { recipientsFile } from '../manifests/backup.ts';
import { type RenderedFile, rootFile } from '../manifests/file.ts';
import { LOCKED_IDENTITY_PATH, RECIPIENTS_PATH } from '../manifests/paths.ts';
import { observe } from '../observe/observe.ts';
import type { ClusterSpec } from '../spec/types.ts';
import { type DriverOptions, openFleet } from './cluster.ts';

/** How the key is set. */
export interface SealingKeyOptions extends DriverOptions {
  /** Locks the identity: with it and any archive a backup can be opened anywhere. A secret. Without: the identity stays on this host only. */
  readonly passphrase?: string;
}

/** What was set. Nothing of it is secret. */
export interface SealingKeyReport {
  /** Of the identity of this host: age1…. */
  readonly recipient: string;
  /** Everybody who can open the backups that are made from now on. */
  readonly recipients: readonly string[];
  /** The identity's file on this host. */
  readonly identityPath: string;
  /** true: the locked identity lies on the control planes, and in every label from now on. */
  readonly isLocked: boolean;
  /** Control planes that were told. */
  readonly machines: readonly string[];
  /** Control planes that did not answer; the next apply tells them. */
  readonly skipped: readonly string[];
}

/**
 * Sees to it that this host's identity opens the cluster's backups, and with a passphrase that the locked identity travels with them. An
 * identity is made when there is none; those who could open backups before still can. Backups that exist already stay sealed as they are.
 * Throws LOCKED, MACHINE_UNREACHABLE when no control plane answers, and SEALING_KEY_UNUSABLE when cluster.yaml names recipients and no
 * identity of this host is among them.
 */
export async function setSealingKey(
  ctx: Context,
  spec: ClusterSpec,
  options: SealingKeyOptions = {},
): Promise<SealingKeyReport> {
  if (options.passphrase !== undefined) ctx.redactor.add(options.passphrase);
  const fleet = openFleet(ctx, spec, options);
  return withClusterLock(ctx, spec.name, async () => {
    const observed = await observe(ctx, fleet, { parts: [] });
    const names = fleet.controlPlanes.map(({ name }) => name);
    const machines = names.filter((name) => observed.machines[name]?.facts !== undefined);
    if (machines.length === 0) throw new QuorateError('MACHINE_UNREACHABLE', `${names.join(', ')}: no answer`);
    const verb = 'etcd snapshot key create';
    return withOperatorLock(ctx, fleet, observed, verb, (alone) =>
      recorded(alone, spec, verb, async () => {
        const { key, recipients } = await chooseKey(alone, fleet, machines);
        const files = await filesOf(key.identity, recipients, options.passphrase);
        for (const name of machines) await fleet.machine(name).writeFiles(alone, files);
        return {
          recipient: key.recipient,
          recipients,
          identityPath: identityPath(spec.name),
          isLocked: options.passphrase !== undefined,
          machines,
          skipped: names.filter((name) => !machines.includes(name)),
        };
      }),
    );
  });
}

interface Key {
  readonly identity: string;
  readonly recipient: string;
}

async function chooseKey(
  ctx: Context,
  fleet: Fleet,
  machines: readonly string[],
): Promise<{ readonly key: Key; readonly recipients: readonly string[] }> {
  const { name, etcd } = fleet.spec;
  const listed = etcd.snapshots.recipients;
  const before = listed.length > 0 ? listed : await recipientsOn(ctx, fleet, machines);
  const own = await Promise.all(
    (await findIdentities(name, ctx)).map(async (identity) => ({ identity, recipient: await recipientOf(identity) })),
  );
  const known = own.find(({ recipient }) => before.includes(recipient));
  if (known !== undefined) return { key: known, recipients: before };
  if (listed.length > 0) throw notListed(name);
  const key = await makeIdentity(name, ctx);
  if (key.isNew) ctx.emit('warning', { text: `${key.path} on this host opens the backups of ${name}: keep it safe` });
  return { key, recipients: [...before, key.recipient] };
}

/** Those of all machines, each once. */
async function recipientsOn(ctx: Context, fleet: Fleet, machines: readonly string[]): Promise<readonly string[]> {
  const texts = await Promise.all(machines.map((name) => fleet.machine(name).readFile(ctx, RECIPIENTS_PATH)));
  const lines = texts.flatMap((content) =>
    Buffer.from(content ?? '')
      .toString()
      .split('\n'),
  );
  return [...new Set(lines.map((line) => line.trim()).filter((line) => line.startsWith('age1')))];
}

function notListed(cluster: string): QuorateError {
  const path = identityPath(cluster);
  return new QuorateError(
    'SEALING_KEY_UNUSABLE',
    `cluster.yaml names recipients, and ${path} holds the identity of none`,
    {
      hint: `put one of their identities into ${path}, or add the recipient of yours to etcd.snapshots.recipients`,
    },
  );
}

/** The locked identity first: an archive that is sealed in between is sealed to those of before. */
async function filesOf(
  identity: string,
  recipients: readonly string[],
  passphrase: string | undefined,
): Promise<readonly RenderedFile[]> {
  const locked =
    passphrase === undefined
      ? []
      : [rootFile(LOCKED_IDENTITY_PATH, `${(await lockIdentity(identity, passphrase)).trim()}\n`)];
  return [...locked, recipientsFile(recipients)];
}
