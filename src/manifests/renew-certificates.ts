// Renewal without quorate: every control plane, and every machine of role etcd, renews its own certificates once they end soon.
import { API_SERVER_PORT, certificatePath } from '../pki/names.ts';
import { RENEW_BELOW_DAYS } from '../pki/problems.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec, machinesOf } from '../spec/types.ts';
import { type RenderedFile, scriptFile, textFile } from './file.ts';
import { ETCD_CLIENT_PORT, ETCD_PEER_PORT, RENEWAL_STATE_PATH, SCRIPTS_DIR, UNITS_DIR } from './paths.ts';
import { renewScript } from './renew-script.ts';

/** Path of the script that renews. */
export const RENEW_PATH = `${SCRIPTS_DIR}/renew-certificates`;
/** What the script has to know of the cluster, as a systemd environment file. */
export const RENEW_ENVIRONMENT_PATH = '/etc/quorate/renewal.env';
/** The unit that runs daily; `systemctl start` of the service of the same name renews what is due now. */
export const RENEW_TIMER = 'quorate-renew-certificates.timer';
const RENEW_SERVICE = 'quorate-renew-certificates.service';

/** The machines that hold authorities' keys, in the order of their slots: by name, so that the order in the cluster file does not matter. */
export function renewingMachines(spec: ClusterSpec): readonly MachineSpec[] {
  return [...sorted(controlPlanes(spec)), ...sorted(machinesOf(spec, 'etcd'))];
}

function sorted(machines: readonly MachineSpec[]): readonly MachineSpec[] {
  return [...machines].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Script, environment, service and timer; nothing on machines that hold no authority's key. */
export function renewalFiles(spec: ClusterSpec, machine: MachineSpec): readonly RenderedFile[] {
  const slot = renewingMachines(spec).findIndex(({ name }) => name === machine.name);
  if (slot < 0) return [];
  return [
    scriptFile(RENEW_PATH, renewScript()),
    textFile(RENEW_ENVIRONMENT_PATH, renewEnvironment(spec, machine)),
    textFile(`${UNITS_DIR}/${RENEW_SERVICE}`, renewUnit()),
    textFile(`${UNITS_DIR}/${RENEW_TIMER}`, renewTimer(slot), { restarts: RENEW_TIMER }),
  ];
}

/** Ports of this machine with the file that each has to present, and the API servers that have to be ready before it begins. */
function renewEnvironment(spec: ClusterSpec, machine: MachineSpec): string {
  const isPlane = machine.role === 'control-plane';
  const isMember = machine.role === 'etcd' || spec.etcd.topology === 'stacked';
  const port = (number: number, name: string) => `${machine.address}:${number}=${certificatePath(name)}`;
  const ports = [
    ...(isPlane ? [port(API_SERVER_PORT, 'apiserver')] : []),
    ...(isMember ? [port(ETCD_CLIENT_PORT, 'etcd/server'), port(ETCD_PEER_PORT, 'etcd/peer')] : []),
  ];
  // Machines of role etcd neither hold the authority of the API servers nor run one.
  const servers = isPlane ? sorted(controlPlanes(spec)).map(({ address }) => `${address}:${API_SERVER_PORT}`) : [];
  return `${[`PORTS="${ports.join(' ')}"`, `API_SERVERS="${servers.join(' ')}"`, `HAS_MEMBER="${isMember ? 'yes' : ''}"`].join('\n')}\n`;
}

/** A whole minute for each port and program to show the new one, and a margin. */
function renewUnit(): string {
  return `[Unit]
Description=quorate: renew this machine's certificates that end within ${RENEW_BELOW_DAYS} days
Documentation=file://${RENEWAL_STATE_PATH}
ConditionPathExists=${certificatePath('etcd/ca')}

[Service]
Type=oneshot
EnvironmentFile=${RENEW_ENVIRONMENT_PATH}
ExecStart=${RENEW_PATH}
TimeoutStartSec=600
`;
}

/** One machine after the other, two hours apart: should one not be well afterwards, the next one finds that out and waits. */
const SLOT_HOURS = 2;

function renewTimer(slot: number): string {
  const hour = String((slot * SLOT_HOURS) % 24).padStart(2, '0');
  return `[Unit]
Description=quorate: renew this machine's certificates before they end

[Timer]
OnCalendar=*-*-* ${hour}:17:00 UTC
Persistent=true

[Install]
WantedBy=timers.target
`;
}
