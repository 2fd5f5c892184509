// What the cluster was last made of, kept in the cluster itself (principle 2: the operator keeps nothing). From it a later apply
// learns which machines, labels and taints were dropped from cluster.yaml, and which version a rollback returns to.
import { z } from 'zod';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { isOlder } from '../topology/version.ts';
import { configMap } from './addons/rbac.ts';
import type { KubeObject } from './object.ts';

/** ConfigMap kube-system/quorate-cluster. Nothing in it is secret: names, addresses, and how machines are reached. */
export const RECORD_NAME = 'quorate-cluster';
const RECORD_KEY = 'record.json';

const machine = z.looseObject({
  name: z.string(),
  role: z.enum(['control-plane', 'worker', 'etcd', 'loadbalancer']),
  address: z.string(),
  driver: z.enum(['local', 'ssh', 'fake']),
  labels: z.record(z.string(), z.string()).default({}),
  taints: z.array(z.looseObject({ key: z.string(), value: z.string().optional(), effect: z.string() })).default([]),
});

const record = z.object({
  /** The version that every machine has reached. */
  kubernetesVersion: z.string(),
  /** The one before it, always older: what `quorate upgrade --rollback` returns to while nothing is under way. */
  previousVersion: z.string().optional(),
  /** An upgrade that has begun and not ended. */
  upgradingTo: z.string().optional(),
  /** A way back that has begun and not ended: the version that it goes to, until every machine has reached it. */
  rollingBackTo: z.string().optional(),
  /** When the upgrade or the way back began: 2026-11-21T11:45:00Z. */
  upgradingSince: z.string().optional(),
  etcdTopology: z.enum(['stacked', 'external']),
  machines: z.array(machine),
});

/** The machines of the cluster and the versions it has been through. */
export interface ClusterRecord extends Omit<z.infer<typeof record>, 'machines'> {
  readonly machines: readonly MachineSpec[];
}

/** The record as an object of the API. */
export function recordObject(content: ClusterRecord): KubeObject {
  return configMap('kube-system', RECORD_NAME, { [RECORD_KEY]: recordText(content) });
}

/** One line a machine: `kubectl -n kube-system get cm quorate-cluster -o yaml` is for people too. */
function recordText({ machines, ...rest }: ClusterRecord): string {
  const lines = machines.map((entry) => `    ${JSON.stringify(inOrder(entry))}`);
  const head = JSON.stringify(inOrder(rest), null, 2).slice(0, -2);
  return `${head},\n  "machines": [\n${lines.join(',\n')}\n  ]\n}\n`;
}

/** Keys sorted, so that equal content is equal text. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]));
}

/** Reads a ConfigMap's data; undefined when somebody has made it unreadable (it is written anew then). */
export function parseRecord(data: Readonly<Record<string, string>> | undefined): ClusterRecord | undefined {
  try {
    const parsed = record.parse(JSON.parse(data?.[RECORD_KEY] ?? ''));
    return { ...parsed, machines: parsed.machines as unknown as MachineSpec[] };
  } catch {
    return undefined;
  }
}

/**
 * What the record says once the cluster is as the specification wants it. `retired` has been taken out by then; what else the
 * specification does not name stays recorded, because nobody has taken it out.
 */
export function finishedRecord(
  spec: ClusterSpec,
  before: ClusterRecord | undefined,
  retired: readonly Pick<MachineSpec, 'name'>[] = [],
): ClusterRecord {
  const { kubernetesVersion } = spec;
  const named = new Set([...spec.machines, ...retired].map(({ name }) => name));
  const stays = (before?.machines ?? []).filter(({ name }) => !named.has(name));
  const former = before?.kubernetesVersion === kubernetesVersion ? before.previousVersion : before?.kubernetesVersion;
  // What a way back has come from is nothing to return to: --rollback never goes forward.
  const previous = former !== undefined && isOlder(former, kubernetesVersion) ? former : undefined;
  return {
    kubernetesVersion,
    ...(previous === undefined ? {} : { previousVersion: previous }),
    etcdTopology: spec.etcd.topology,
    machines: [...spec.machines, ...stays],
  };
}

/**
 * What it says before anything is changed: machines that are about to join are named already, so that a run which is ended half-way
 * leaves none that nobody knows of; labels and taints are still those of before, because they are on the nodes.
 */
export function announcedRecord(
  spec: ClusterSpec,
  before: ClusterRecord,
  leaving: readonly MachineSpec[],
  nowMs: number,
): ClusterRecord {
  const known = new Map([...before.machines, ...leaving].map((entry) => [entry.name, entry]));
  const machines = spec.machines.map((entry) => {
    const old = known.get(entry.name);
    known.delete(entry.name);
    return old === undefined ? entry : { ...entry, labels: old.labels, taints: old.taints };
  });
  const { upgradingTo, rollingBackTo, upgradingSince, ...rest } = before;
  return {
    ...rest,
    ...underWay(spec.kubernetesVersion, before, nowMs),
    machines: [...machines, ...known.values()],
  };
}

type UnderWay = Pick<ClusterRecord, 'upgradingTo' | 'rollingBackTo' | 'upgradingSince'>;

/** Where the versions are about to go. It stands until they are there, so that the same command run again goes there too. */
function underWay(to: string, before: ClusterRecord, nowMs: number): UnderWay {
  const isBack = goesBack(to, before);
  if (to === before.kubernetesVersion && !isBack) return {};
  const isContinued = to === (isBack ? before.rollingBackTo : before.upgradingTo);
  const now = new Date(nowMs).toISOString().replace(/\.\d+/, '');
  const upgradingSince = (isContinued ? before.upgradingSince : undefined) ?? now;
  return isBack ? { rollingBackTo: to, upgradingSince } : { upgradingTo: to, upgradingSince };
}

/** To an older version than every machine has reached, or back to that one from an upgrade which has not ended. */
function goesBack(to: string, { kubernetesVersion, upgradingTo, rollingBackTo }: ClusterRecord): boolean {
  if (to === rollingBackTo) return true;
  return to === kubernetesVersion ? upgradingTo !== undefined : isOlder(to, kubernetesVersion);
}
