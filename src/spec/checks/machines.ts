import { type Finding, invalid, warning } from '../problem.ts';
import { isQualifiedName, parseMemory } from '../syntax.ts';
import { driversOf, groupBy, listNames, MACHINES, type MachineView, type SpecView } from './view.ts';

/** Each machine has one driver, and all have the same one. */
export function* checkDrivers({ machines }: SpecView): Iterable<Finding> {
  for (const { draft, path, title } of machines) {
    const drivers = driversOf(draft);
    if (drivers.length === 1) continue;
    const fix = 'write either local: {} or ssh: { host: … }';
    if (drivers.length === 0)
      yield invalid(path, `${title} does not say where it comes from`, `add local: {} or ssh: { host: … }`);
    else
      yield invalid([...path, drivers[1] ?? ''], `${title} has several drivers: ${listNames(drivers)}`, fix, {
        at: 'key',
      });
  }
  const used = groupBy(
    machines.filter(({ driver }) => driver !== undefined),
    ({ driver }) => driver,
  );
  if (used.size < 2) return;
  const groups = [...used].map(([driver, group]) => `${listNames(group.map(({ title }) => title))} (${driver})`);
  const message = `machines of different kinds cannot form one cluster: ${groups.join('; ')}. Local ones live in a network of this host that others do not reach`;
  yield invalid(MACHINES, message, 'use the same driver for all machines', { at: 'key' });
}

/** Keys of labels and taints, and what only quorate may set. */
export function* checkLabelsAndTaints({ machines }: SpecView): Iterable<Finding> {
  for (const machine of machines) {
    yield* checkLabels(machine);
    yield* checkTaints(machine);
  }
}

/** Labels that have a field of their own. */
const OWN_FIELDS: ReadonlyMap<string, string> = new Map([
  ['topology.kubernetes.io/zone', 'zone'],
  ['kubernetes.io/hostname', 'name'],
]);

function* checkLabels({ draft, path, title }: MachineView): Iterable<Finding> {
  for (const key of Object.keys(draft.labels ?? {})) {
    const place = [...path, 'labels', key];
    const field = OWN_FIELDS.get(key);
    if (!isQualifiedName(key)) {
      yield invalid(place, `"${key}" is not a valid label key (${title})`, KEY_FIX, { at: 'key' });
    } else if (field !== undefined) {
      yield invalid(place, `label ${key} of ${title} is made from its field ${field}`, `write ${field}: … instead`, {
        at: 'key',
      });
    }
  }
}

const KEY_FIX = 'write name or example.com/name: a name of at most 63 letters, digits, -, _ and .';

function* checkTaints({ draft, path, title }: MachineView): Iterable<Finding> {
  const seen = new Set<string>();
  for (const [index, taint] of (draft.taints ?? []).entries()) {
    if (typeof taint?.key !== 'string') continue;
    const place = [...path, 'taints', index];
    if (!isQualifiedName(taint.key)) {
      yield invalid([...place, 'key'], `"${taint.key}" is not a valid taint key (${title})`, KEY_FIX);
    }
    if (typeof taint.effect !== 'string') continue;
    const id = `${taint.key}:${taint.effect}`;
    // The API server refuses a node with two taints of one key and effect.
    if (seen.has(id)) yield invalid(place, `taint ${id} of ${title} is written twice`, 'remove one of the two');
    seen.add(id);
  }
}

/** kubeadm's preflight wants 1700 MB and 2 CPUs of a control plane (cmd/kubeadm/app/constants: ControlPlaneMem, ControlPlaneNumCPU). */
const CONTROL_PLANE_BYTES = 1700 * 2 ** 20;
/** Below this not even the kubelet, containerd and the system pods of a worker fit (measured: 0.23 GB when idle). */
const LEAST_BYTES = 256 * 2 ** 20;

/** Memory that a machine of its role can live on. */
export function* checkResources({ machines }: SpecView): Iterable<Finding> {
  for (const { draft, path, role, title } of machines) {
    const text = draft.local?.memory;
    const bytes = typeof text === 'string' ? parseMemory(text) : undefined;
    if (bytes === undefined) continue;
    const place = [...path, 'local', 'memory'];
    if (bytes < LEAST_BYTES) {
      yield invalid(
        place,
        `memory ${text} of ${title} is too little for any machine`,
        'write 512MiB or more, or leave it out',
      );
    } else if (role === 'control-plane' && bytes < CONTROL_PLANE_BYTES) {
      const message = `memory ${text} of ${title} is less than the 1700 MiB that kubeadm asks of a control plane; etcd may be killed`;
      yield warning(place, message, 'write 2GiB or more, or leave it out');
    }
  }
}
