// Every certificate of a cluster: looked at, judged, and issued anew. None of it needs the API.
import { type CertificateSurvey, checkCertificates, type SurveyedMachine } from '../checks/certificates.ts';
import type { CheckedCondition } from '../checks/condition.ts';
import { mapLimit } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import { messageOf, QuorateError } from '../core/errors.ts';
import { withClusterLock } from '../engine/lock.ts';
import { recorded } from '../engine/run.ts';
import type { Fleet } from '../machines/fleet.ts';
import { observe } from '../observe/observe.ts';
import type { ObservedMachine } from '../observe/observed.ts';
import { readServing, servingPorts } from '../observe/served.ts';
import { hasEnded, type RenewalChoice, refuseUnknownChoice, renewCertificates } from '../phases/renew-certificates.ts';
import { type CertificateRow, inventory, type MissingCertificate } from '../pki/inventory.ts';
import { AUTHORITY_NAMES, certificatePath } from '../pki/names.ts';
import { readable, type ServedPort, servedPort } from '../pki/served.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { type ChangeOptions, type ChangeReport, carryOut } from './carry-out.ts';
import { type DriverOptions, openFleet } from './cluster.ts';

/** Machines that are asked at once for what they serve: each costs this host a process meanwhile. */
const MACHINES_AT_ONCE = 16;

/** Looks at every certificate on every machine that answers, on disk and as it is served. Throws only ABORTED. */
export async function surveyCertificates(
  ctx: Context,
  spec: ClusterSpec,
  options: DriverOptions = {},
): Promise<CertificateSurvey> {
  const fleet = openFleet(ctx, spec, options);
  const { machines, takenAtMs } = await observe(ctx, fleet, { parts: [] });
  const looks = await mapLimit(spec.machines, MACHINES_AT_ONCE, async (machine) => {
    const seen = machines[machine.name];
    if (seen?.facts === undefined) return { name: machine.name, reason: reasonOf(seen) };
    try {
      return await surveyMachine(ctx, spec, fleet, machine, seen.facts, takenAtMs);
    } catch (error) {
      if (ctx.signal.aborted) throw error;
      return { name: machine.name, reason: messageOf(error) };
    }
  });
  return {
    cluster: spec.name,
    takenAtMs,
    machines: looks.filter((look): look is SurveyedMachine => 'rows' in look),
    silent: looks.filter((look): look is CertificateSurvey['silent'][number] => 'reason' in look),
  };
}

function reasonOf(seen: ObservedMachine | undefined): string {
  return seen?.error?.message ?? `the machine is ${seen?.state ?? 'unknown'}`;
}

async function surveyMachine(
  ctx: Context,
  spec: ClusterSpec,
  fleet: Fleet,
  machine: MachineSpec,
  facts: NonNullable<ObservedMachine['facts']>,
  nowMs: number,
): Promise<SurveyedMachine> {
  const { certificates, files, renewal } = facts;
  const asked = servingPorts(spec, machine);
  const { presented, kubeconfigs, programs } = await readServing(ctx, fleet.machine(machine.name), asked);
  const ports = asked.map((port) => servedPort(port, presented[port.target], certificates));
  return {
    machine,
    ...inventory(spec, { machine, certificates, served: ports }, nowMs),
    ports,
    kubeconfigs,
    programs,
    certificates,
    digests: Object.fromEntries(Object.entries(files).map(([path, { sha256 }]) => [path, sha256])),
    ...(renewal ? { renewal } : {}),
  };
}

/** What narrows the list. */
export interface ListChoice {
  readonly machines?: readonly string[];
  /** Only those that end within so many days, or have ended. */
  readonly withinDays?: number;
}

/** The list as `-o json` shows it. */
export interface CertificateList {
  readonly cluster: string;
  readonly certificates: readonly CertificateRow[];
  readonly missing: readonly MissingCertificate[];
  /** Ports whose certificate is made in memory when the program starts. */
  readonly inMemory: readonly (ServedPort & { readonly machine: string })[];
  readonly silent: CertificateSurvey['silent'];
}

/** Every certificate, machine after machine. Throws MACHINE_NOT_FOUND. */
export async function listCertificates(
  ctx: Context,
  spec: ClusterSpec,
  choice: ListChoice = {},
  options: DriverOptions = {},
): Promise<CertificateList> {
  refuseUnknownChoice(spec, choice);
  const wanted = (name: string) => choice.machines === undefined || choice.machines.includes(name);
  const narrowed = { ...spec, machines: spec.machines.filter(({ name }) => wanted(name)) };
  const { machines, silent } = await surveyCertificates(ctx, narrowed, options);
  const { withinDays } = choice;
  return {
    cluster: spec.name,
    certificates: machines
      .flatMap(({ rows }) => rows)
      .filter(({ daysLeft }) => withinDays === undefined || daysLeft < withinDays),
    missing: machines.flatMap(({ missing }) => missing),
    inMemory: machines.flatMap(({ machine, ports }) =>
      ports.filter(({ path }) => path === undefined).map((port) => ({ ...port, machine: machine.name })),
    ),
    silent,
  };
}

/** The conditions in their order. `good`: none has failed. */
export interface CertificateCheck {
  readonly cluster: string;
  readonly good: boolean;
  readonly conditions: readonly CheckedCondition[];
}

/** Judges every certificate. Something that is wrong is a result, not an error. */
export async function checkAllCertificates(
  ctx: Context,
  spec: ClusterSpec,
  options: DriverOptions = {},
): Promise<CertificateCheck> {
  const conditions = checkCertificates(spec, await surveyCertificates(ctx, spec, options));
  return { cluster: spec.name, good: conditions.every(({ state }) => state !== 'failed'), conditions };
}

/**
 * Issues the chosen certificates anew, one machine at a time. Works without an API and with every certificate expired. Throws USAGE,
 * MACHINE_NOT_FOUND, PKI_INVALID for an authority that has ended, and as carryOut.
 */
export async function renew(
  ctx: Context,
  spec: ClusterSpec,
  choice: RenewalChoice,
  options: ChangeOptions,
): Promise<ChangeReport> {
  refuseUnknownChoice(spec, choice);
  const verb = 'certs renew';
  return withClusterLock(ctx, spec.name, () =>
    recorded(ctx, spec, verb, async () => {
      const fleet = openFleet(ctx, spec, options);
      const observed = await observe(ctx, fleet);
      refuseEndedAuthorities(Object.values(observed.machines), observed.takenAtMs);
      const ignoresApi = hasEnded(spec, observed);
      const change = { verb, first: [renewCertificates(choice)], rest: [], ignoresApi };
      return carryOut(ctx, fleet, observed, change, options);
    }),
  );
}

/** What an authority signs ends with it. */
function refuseEndedAuthorities(machines: readonly ObservedMachine[], nowMs: number): void {
  for (const { name, facts } of machines) {
    for (const authority of AUTHORITY_NAMES) {
      const info = readable(facts?.certificates[certificatePath(authority)]);
      if (info === undefined || info.notAfter.getTime() > nowMs) continue;
      const text = `the authority ${certificatePath(authority)} of ${name} ended on ${info.notAfter.toISOString().slice(0, 10)}`;
      throw new QuorateError('PKI_INVALID', text, {
        hint: 'no certificate outlives its authority: it has to be replaced first',
      });
    }
  }
}
