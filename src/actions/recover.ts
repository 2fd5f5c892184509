// `quorate recover`: says what has happened and which command is the way out, and recovers a lost quorum when it is told to.
import { listArchives } from '../backup/store.ts';
import { type Situation, situationsOf, totalLoss } from '../checks/situations.ts';
import type { Context } from '../core/context.ts';
import { QuorateError } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import { readSurvivor, type Survivor } from '../etcd/survivors.ts';
import type { Fleet } from '../machines/fleet.ts';
import { observe } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import { standInHolder } from '../phases/membership.ts';
import { type LostQuorum, recoverQuorum } from '../phases/recover-quorum.ts';
import { type ClusterSpec, etcdMachines, type MachineSpec } from '../spec/types.ts';
import { quorum } from '../topology/quorum.ts';
import { type ChangeOptions, type ChangeReport, carryOut, MACHINES_ONLY } from './carry-out.ts';
import { type DriverOptions, openFleet } from './cluster.ts';
import { workDir } from './open-backup.ts';

/** What has happened to the cluster. */
export interface Diagnosis {
  readonly cluster: string;
  /** The gravest first; empty when nothing has. */
  readonly situations: readonly Situation[];
}

/** Looks at everything and changes nothing. */
export async function diagnose(ctx: Context, spec: ClusterSpec, options: DriverOptions = {}): Promise<Diagnosis> {
  const fleet = openFleet(ctx, spec, options);
  const observed = await observe(ctx, fleet);
  const survivors = observed.etcd === undefined ? await readSurvivors(ctx, fleet, observed) : [];
  const situations = situationsOf(spec, observed, survivors);
  const isBare = situations.length === 0 && observed.etcd === undefined;
  return { cluster: spec.name, situations: isBare ? await onlyBackups(ctx, fleet) : situations };
}

/** Bare machines look like a cluster that has never been; backups in its bucket say that there was one. */
async function onlyBackups(ctx: Context, fleet: Fleet): Promise<readonly Situation[]> {
  if (fleet.spec.etcd.snapshots.s3 === undefined) return [];
  const { archives } = await listArchives(ctx, fleet, workDir());
  const [newest] = archives;
  if (newest === undefined) return [];
  return [
    totalLoss([
      'no machine is part of a cluster',
      `the bucket has ${archives.length} of its backups, the newest of ${newest.label.takenAt}`,
    ]),
  ];
}

/** Every member that can be asked by itself. */
async function readSurvivors(ctx: Context, fleet: Fleet, observed: Observed): Promise<readonly Survivor[]> {
  const carriers = etcdMachines(fleet.spec).filter(({ name }) => observed.machines[name]?.facts?.hasEtcdData);
  return Promise.all(carriers.map(({ name }) => readSurvivor(ctx, fleet.machine(name))));
}

/** Who is left and who is not, in the words of the operator. */
export interface RecoverOptions extends ChangeOptions {
  readonly survivor: string;
  /** Machines that will never come back with their data. */
  readonly lost: readonly string[];
}

/**
 * Recovers a quorum that is lost for good from what is left, and grows the cluster again to what cluster.yaml says. Throws USAGE when the machines
 * named are not those there are, ETCD_UNAVAILABLE when the survivor does not answer, ETCD_QUORUM_AT_RISK when the quorum is not lost, and as carryOut.
 */
export async function recoverLostQuorum(
  ctx: Context,
  spec: ClusterSpec,
  options: RecoverOptions,
): Promise<ChangeReport> {
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, 'recover quorum', async () => {
      const fleet = openFleet(ctx, spec, options);
      const observed = await observe(ctx, fleet, MACHINES_ONLY);
      const quorumLost = await sortMembers(ctx, fleet, observed, options);
      const change = {
        verb: 'recover quorum',
        first: [recoverQuorum(quorumLost)],
        afterFirst: (seen: Observed) => withoutLost(seen, fleet, quorumLost),
        ignoresApi: true,
      };
      return carryOut(ctx, fleet, observed, change, options);
    }),
  );
}

async function sortMembers(
  ctx: Context,
  fleet: Fleet,
  observed: Observed,
  { survivor, lost }: RecoverOptions,
): Promise<LostQuorum> {
  const carriers = etcdMachines(fleet.spec);
  const machine = named(carriers, survivor);
  const gone = lost.map((name) => named(carriers, name));
  if (gone.includes(machine)) throw new QuorateError('USAGE', `${survivor} cannot be survivor and lost`);
  const answers = await readSurvivor(ctx, fleet.machine(survivor));
  if (!answers.answers) {
    throw new QuorateError('ETCD_UNAVAILABLE', `the member of ${survivor} does not answer`, {
      hint: 'its etcd has to run: quorate machine logs, or choose another survivor (quorate recover)',
    });
  }
  const survivors = carriers.filter((candidate) => !gone.includes(candidate));
  const unnamed = survivors.filter(({ name }) => observed.machines[name]?.facts?.hasEtcdData !== true);
  if (unnamed.length > 0) {
    const names = unnamed.map(({ name }) => name).join(', ');
    throw new QuorateError('USAGE', `${names}: neither has data of etcd nor is named as lost`, {
      hint: `add to --lost what will never come back with its data`,
    });
  }
  await refuseLiving(ctx, fleet, observed, gone);
  refuseEnoughData(observed, carriers, gone);
  const isUnfinished = standInHolder(observed) !== undefined;
  if (!isUnfinished && (answers.hasLeader || survivors.length >= quorum(carriers.length))) {
    throw new QuorateError('ETCD_QUORUM_AT_RISK', 'the quorum is not lost for good: enough members are left', {
      hint: 'see what has happened: quorate recover',
    });
  }
  return { survivor: machine, survivors, lost: gone };
}

/** What answers is left, whatever the command line says: wiping it could be wiping the better half. Throws ETCD_QUORUM_AT_RISK. */
async function refuseLiving(
  ctx: Context,
  fleet: Fleet,
  observed: Observed,
  gone: readonly MachineSpec[],
): Promise<void> {
  const holding = gone.filter(({ name }) => observed.machines[name]?.facts?.hasEtcdData);
  const seen = await Promise.all(holding.map(({ name }) => readSurvivor(ctx, fleet.machine(name))));
  const living = seen.filter(({ answers }) => answers).map(({ machine }) => machine);
  if (living.length === 0) return;
  throw new QuorateError('ETCD_QUORUM_AT_RISK', `${living.join(', ')}: named as lost, and its member answers`, {
    hint: 'leave it out of --lost; a machine that is to go all the same has to be switched off first',
  });
}

/** A member that does not answer now may do so in a minute, as long as its data is there. Throws ETCD_QUORUM_AT_RISK. */
function refuseEnoughData(observed: Observed, carriers: readonly MachineSpec[], gone: readonly MachineSpec[]): void {
  const holds = ({ name }: MachineSpec) => observed.machines[name]?.facts?.hasEtcdData === true;
  if (carriers.filter(holds).length < quorum(carriers.length) || !gone.some(holds)) return;
  const names = gone.filter(holds).map(({ name }) => name);
  throw new QuorateError('ETCD_QUORUM_AT_RISK', `${names.join(', ')}: named as lost, and its data is there`, {
    hint: `start it instead: quorate up; if its data is damaged, switch it off first: quorate machine stop ${names.join(' ')}`,
  });
}

function named(carriers: readonly MachineSpec[], name: string): MachineSpec {
  const machine = carriers.find((candidate) => candidate.name === name);
  if (machine !== undefined) return machine;
  const known = carriers.map((candidate) => candidate.name).join(', ');
  throw new QuorateError('USAGE', `${name} carries no etcd; these do: ${known}`);
}

/** What will be seen once the lost ones are gone, for the plan of what comes then. */
function withoutLost(observed: Observed, fleet: Fleet, { lost }: LostQuorum): Observed {
  const machines = { ...observed.machines };
  for (const { name } of lost) {
    const state = machines[name]?.state ?? 'unreachable';
    machines[name] = { name, state: fleet.provider ? 'absent' : state };
  }
  return { ...observed, machines };
}
