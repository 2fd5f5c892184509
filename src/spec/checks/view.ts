// What all checks read from an unfinished cluster.yaml, so that each of them states one rule and nothing else.
import { type Addressee, assignAddresses, gatewayOf, machineNetworkOf } from '../addresses.ts';
import { type Cidr, parseIPv4 } from '../cidr.ts';
import { DEFAULTS } from '../defaults.ts';
import type { Finding, SpecPath } from '../problem.ts';
import type { ClusterInput } from '../schema.ts';
import type { ClusterDraft, Draft } from '../shape.ts';
import { splitEndpoint } from '../syntax.ts';
import type { DriverKind, Role } from '../types.ts';

/** `spec` of a file that may be incomplete, but is a map at least. */
export type SpecDraft = NonNullable<Draft<ClusterInput['spec']>>;
/** One entry of spec.machines, likewise. */
export type MachineDraft = NonNullable<Draft<ClusterInput['spec']['machines'][number]>>;

/** One entry of spec.machines that is a map at least. */
export interface MachineView {
  readonly path: SpecPath;
  /** Its name, or its place in the list, for messages. */
  readonly title: string;
  readonly draft: MachineDraft;
  readonly role: Role | undefined;
  /** undefined when none or several are written. */
  readonly driver: DriverKind | undefined;
  /** As written, as chosen, or undefined when it cannot be told. */
  readonly address: string | undefined;
  readonly isAddressWritten: boolean;
}

/**
 * What the rules ask about a file, worked out once. undefined: the file does not say it, or says it wrongly, which is
 * reported elsewhere.
 */
export interface SpecView {
  readonly clusterName: string | undefined;
  readonly spec: SpecDraft;
  readonly endpoint: { readonly host: string; readonly port: number } | undefined;
  /** The endpoint's host when it is an IPv4 address. */
  readonly vip: string | undefined;
  /** Machines that are made on this host, or imitated, share this /24. */
  readonly machineNetwork: Cidr | undefined;
  readonly gateway: string | undefined;
  readonly machines: readonly MachineView[];
  /** true: the role of every machine is known, so counting makes sense. */
  readonly areRolesKnown: boolean;
  /** Kubernetes versions of this release, newest first. */
  readonly kubernetesVersions: readonly string[];
}

/** One rule, or a few that belong together. */
export type Check = (view: SpecView) => Iterable<Finding>;

/** Every driver, in the order in which messages name them. The key of a machine that names its driver has the same word. */
export const DRIVERS: readonly DriverKind[] = ['local', 'ssh', 'fake'];
/** For findings about the list as a whole. */
export const MACHINES: SpecPath = ['spec', 'machines'];
/** For findings about the endpoint, the virtual IP among them. */
export const ENDPOINT: SpecPath = ['spec', 'controlPlaneEndpoint'];

/** Gathers what checks need. */
export function viewOf(draft: ClusterDraft, kubernetesVersions: readonly string[]): SpecView {
  const spec = draft?.spec ?? {};
  const endpoint = endpointOf(spec.controlPlaneEndpoint);
  const vip = endpoint !== undefined && parseIPv4(endpoint.host) !== undefined ? endpoint.host : undefined;
  const drafts = spec.machines ?? [];
  const drivers = drafts.map((machine) => (machine ? driverOf(machine) : undefined));
  const isManaged = drivers.some((driver) => driver === 'local' || driver === 'fake');
  const machineNetwork = isManaged && vip !== undefined ? machineNetworkOf(vip) : undefined;
  const addresses = assignAddresses(
    drafts.map((machine, index) => addresseeOf(machine, drivers[index])),
    machineNetwork,
    vip,
  );
  return {
    clusterName: draft?.metadata?.name ?? undefined,
    spec,
    endpoint,
    vip,
    machineNetwork,
    gateway: machineNetwork && gatewayOf(machineNetwork),
    machines: drafts.flatMap((machine, index) =>
      machine ? [machineView(machine, index, drivers[index], addresses[index])] : [],
    ),
    areRolesKnown: Array.isArray(spec.machines) && drafts.every((machine) => typeof machine?.role === 'string'),
    kubernetesVersions,
  };
}

function endpointOf(text: string | null | undefined): SpecView['endpoint'] {
  if (typeof text !== 'string') return undefined;
  const { host, port = DEFAULTS.port } = splitEndpoint(text);
  return { host, port };
}

/** The one driver that is written. null counts: `local:` without braces was reported already, but says what was meant. */
export function driversOf(machine: MachineDraft): readonly DriverKind[] {
  return DRIVERS.filter((driver) => machine[driver] !== undefined);
}

function driverOf(machine: MachineDraft): DriverKind | undefined {
  const drivers = driversOf(machine);
  return drivers.length === 1 ? drivers[0] : undefined;
}

function addresseeOf(
  machine: Draft<ClusterInput['spec']['machines'][number]>,
  driver: DriverKind | undefined,
): Addressee {
  return {
    role: machine?.role ?? undefined,
    driver,
    address: machine?.address,
    sshHost: machine?.ssh?.host ?? undefined,
  };
}

function machineView(
  draft: MachineDraft,
  index: number,
  driver: DriverKind | undefined,
  address: string | undefined,
): MachineView {
  return {
    path: [...MACHINES, index],
    title: draft.name ?? `machine ${index + 1}`,
    draft,
    role: draft.role ?? undefined,
    driver,
    address,
    isAddressWritten: typeof draft.address === 'string',
  };
}

/** `cp1`, `cp1 and cp2`, `cp1, cp2 and cp3`. */
export function listNames(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

/** Items by key, in order. (Map.groupBy came with Node 21.) */
export function groupBy<Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): ReadonlyMap<Key, readonly Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
