// How a machine is started, as data: pure, so that the ways that this host cannot take are tested all the same.
import type { MachineSpec } from '../../spec/types.ts';
import { ownGroups, unitName } from './cgroups.ts';
import type { HostFacts } from './host-facts.ts';
import { hostMachineName, type MachineLayout } from './layout.ts';

/** Everything that the command line of one start depends on. */
export interface StartInput {
  readonly facts: HostFacts;
  readonly cluster: string;
  readonly machine: MachineSpec;
  readonly layout: MachineLayout;
  readonly bridge: string;
  /** Read-only layers of the root file system, topmost first. */
  readonly lowerDirs: readonly string[];
}

/**
 * Joins the machine's control groups, leaves its identity for others to find, assembles the root file system and becomes
 * systemd-nspawn. Runs in a mount namespace of its own, so that the root is unmounted by the kernel however the machine
 * ends. Writing 0 to cgroup.procs moves the writer. Arguments: groups…, --, supervisor file, overlay options, root, argv…
 */
export const LAUNCH_SCRIPT = `set -eu
while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs"; shift; done
shift
file=$1 options=$2 root=$3
shift 3
read -r stat < /proc/self/stat
read -r boot < /proc/sys/kernel/random/boot_id
started=$(set -- $stat; shift 21; echo "$1")
echo "$$ $started $boot" > "$file.new"
mv -f "$file.new" "$file"
mount -t overlay quorate -o "$options" "$root"
exec "$@"
`;

/**
 * Starts argv in a session of its own, output to a file, and returns once the supervisor file is there: the machine outlives
 * its starter. Ends with 1 when the process ended before. Arguments: output file, supervisor file, argv….
 */
export const DETACH_SCRIPT = `set -eu
log=$1 file=$2
shift 2
setsid "$@" > "$log" 2>&1 < /dev/null &
pid=$!
while [ ! -e "$file" ]; do
  kill -0 $pid 2> /dev/null || { cat "$log" >&2; exit 1; }
  sleep 0.01
done
`;

/** The whole command on this host that starts a machine and returns at once. */
export function startArgv(input: StartInput): readonly string[] {
  const { facts, cluster, machine, layout } = input;
  const launch = [
    ...['unshare', '--mount', '--propagation', 'slave', 'sh', '-c', LAUNCH_SCRIPT, 'sh'],
    ...[...ownGroups(facts, cluster, machine.name), '--'],
    ...[layout.supervisor, overlayOptions(input), layout.root],
    ...nspawnArgv(input),
  ];
  if (!facts.hasSystemd) return ['sh', '-c', DETACH_SCRIPT, 'sh', layout.console, layout.supervisor, ...launch];
  return [
    ...['systemd-run', '--quiet', '--collect', `--unit=${unitName(cluster, machine.name)}`, '--slice=machine.slice'],
    `--description=quorate machine ${machine.name} of cluster ${cluster}`,
    ...unitProperties(input).flatMap((property) => ['-p', property]),
    ...['--', ...launch.map(escapeForSystemd)],
  ];
}

/** systemd replaces variables in a unit's command line; `$$` stands for one `$` (systemd.service(5), "Command lines"). */
function escapeForSystemd(argument: string): string {
  return argument.split('$').join('$$');
}

function unitProperties({ facts, machine, layout }: StartInput): readonly string[] {
  const { memoryBytes, cpus } = machine.local ?? {};
  const isV2 = facts.cgroup.version === 'v2';
  return [
    'Delegate=yes',
    'KillMode=mixed',
    'TasksMax=infinity',
    // One process killed for memory must not take the machine along.
    'OOMPolicy=continue',
    `StandardOutput=truncate:${layout.console}`,
    `StandardError=append:${layout.console}`,
    ...(isV2 && memoryBytes !== undefined ? [`MemoryMax=${memoryBytes}`] : []),
    ...(isV2 && cpus !== undefined ? [`CPUQuota=${Math.round(cpus * 100)}%`] : []),
  ];
}

function overlayOptions({ layout, lowerDirs }: StartInput): string {
  return `lowerdir=${lowerDirs.join(':')},upperdir=${layout.upper},workdir=${layout.work}`;
}

/** systemd-nspawn(1). `env` sets what nspawn takes from its environment only. */
export function nspawnArgv(input: StartInput): readonly string[] {
  const { facts, cluster, machine, layout, bridge } = input;
  const { binds } = layout;
  return [
    ...['env', `SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=${facts.cgroup.version === 'v2' ? 1 : 0}`],
    // The kubelet sets kernel parameters.
    'SYSTEMD_NSPAWN_API_VFS_WRITABLE=1',
    ...['systemd-nspawn', '--quiet', '--boot', `--directory=${layout.root}`],
    ...[`--machine=${hostMachineName(cluster, machine.name)}`, `--hostname=${machine.name}`],
    // No dependence on systemd-machined; our own group or unit is the machine's.
    ...['--register=no', '--keep-unit'],
    `--network-bridge=${bridge}`,
    // A node of Kubernetes runs containers of its own, privileged ones too.
    '--capability=all',
    '--system-call-filter=add_key keyctl bpf perf_event_open @mount',
    ...['--console=read-only', '--link-journal=no', '--resolv-conf=off', '--timezone=off'],
    ...(facts.hasKmsg ? ['--bind=/dev/kmsg'] : []),
    `--bind=${binds.containerd}:/var/lib/containerd`,
    `--bind=${binds.kubelet}:/var/lib/kubelet`,
    `--bind=${binds.etcd}:/var/lib/etcd`,
  ];
}
