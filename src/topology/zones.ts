// What losing a failure zone does to the quorum.
import { type ClusterSpec, controlPlanes, machinesOf } from '../spec/types.ts';
import { quorum } from '../spec/voters.ts';

/** What is gone and what is left when every machine of one zone fails at once. */
export interface ZoneLoss {
  readonly zone: string;
  /** Names of the control planes (voters) in it. */
  readonly controlPlanes: readonly string[];
  readonly workers: readonly string[];
  /** Voters that remain when the zone is lost. */
  readonly votersAfter: number;
  /** A quorum remains: the API goes on. */
  readonly survives: boolean;
  /** Further voters that may fail after the loss. */
  readonly toleranceLeft: number;
  readonly reason: string;
}

/** Each zone's loss by itself; two at once are not considered. */
export interface ZoneReport {
  readonly voters: number;
  readonly quorum: number;
  /** In alphabetical order. Empty when no machine has a zone. */
  readonly zones: readonly ZoneLoss[];
  /** Machines without a zone: they are counted as surviving every zone's loss, which is a guess. */
  readonly unzoned: readonly string[];
  /** Zones are used, every control plane has one, and the loss of any one zone leaves a quorum. */
  readonly survivesAnyZone: boolean;
}

/** The quorum after the loss of each zone, for stacked etcd: every control plane is a voter. */
export function zoneReport(spec: ClusterSpec): ZoneReport {
  const voters = controlPlanes(spec).length;
  const names = new Set(spec.machines.flatMap(({ zone }) => zone ?? []));
  const zones = [...names].sort().map((zone) => zoneLoss(spec, zone, voters));
  const isEveryVoterZoned = controlPlanes(spec).every(({ zone }) => zone !== undefined);
  return {
    voters,
    quorum: quorum(voters),
    zones,
    unzoned: spec.machines.filter(({ zone }) => zone === undefined).map(({ name }) => name),
    survivesAnyZone: zones.length > 0 && isEveryVoterZoned && zones.every(({ survives }) => survives),
  };
}

function zoneLoss(spec: ClusterSpec, zone: string, voters: number): ZoneLoss {
  const inside = (machines: ClusterSpec['machines']) =>
    machines.filter((machine) => machine.zone === zone).map(({ name }) => name);
  const lost = inside(controlPlanes(spec));
  const votersAfter = voters - lost.length;
  const needed = quorum(voters);
  const survives = voters > 0 && votersAfter >= needed;
  const toleranceLeft = Math.max(0, votersAfter - needed);
  const what = lost.length === 0 ? 'takes no voter' : `takes ${lost.length} of ${voters} voters (${lost.join(', ')})`;
  const then = survives
    ? `${votersAfter} remain, tolerance left ${toleranceLeft}`
    : `${votersAfter} remain, below quorum ${needed}`;
  return {
    zone,
    controlPlanes: lost,
    workers: inside(machinesOf(spec, 'worker')),
    votersAfter,
    survives,
    toleranceLeft,
    reason: `losing zone ${zone} ${what}: ${then}`,
  };
}
