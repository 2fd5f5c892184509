// What a bare Debian or Ubuntu host has to have installed, and how it gets there: from its own package sources, or, where it
// has no network, from those of this host.
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import type { MachineFacts } from '../facts.ts';
import type { Machine } from '../machine.ts';
import { fetchPackages } from './fetch-packages.ts';

/**
 * Every node: what kubelet, kube-proxy and containerd call (kubernetes.io, "Installing kubeadm"), and what quorate's own
 * scripts on a machine use. The image of local machines has them all (local/base-packages.ts).
 */
const NODE_PACKAGES: readonly string[] = [
  'ca-certificates',
  'conntrack',
  'curl',
  'dbus',
  'ethtool',
  'iproute2',
  'iptables',
  'jq',
  'kmod',
  'nftables',
  'openssl',
  'procps',
  'socat',
  'util-linux',
];

/** Machines that balance the API servers and can hold the virtual IP. */
const BALANCER_PACKAGES: readonly string[] = ['haproxy', 'keepalived'];

/** Control planes: what backups are sealed with. */
const SEALING_PACKAGES: readonly string[] = ['age'];
/** Control planes of clusters whose backups go to a bucket. */
const BUCKET_PACKAGES: readonly string[] = ['rclone'];

/** Every package that a machine may need; facts say which of these are installed. */
export const HOST_PACKAGES: readonly string[] = [
  ...NODE_PACKAGES,
  ...BALANCER_PACKAGES,
  ...SEALING_PACKAGES,
  ...BUCKET_PACKAGES,
];

/** What a machine is for, as far as it decides what has to be installed. */
export interface HostDuties {
  readonly isBalancer: boolean;
  readonly isControlPlane: boolean;
  /** Backups are copied to a bucket. */
  readonly hasBucket: boolean;
}

/** The packages that a machine lacks, sorted. */
export function missingPackages(facts: MachineFacts, duties: HostDuties): readonly string[] {
  const wanted = [
    ...NODE_PACKAGES,
    ...(duties.isBalancer ? BALANCER_PACKAGES : []),
    ...(duties.isControlPlane ? SEALING_PACKAGES : []),
    ...(duties.isControlPlane && duties.hasBucket ? BUCKET_PACKAGES : []),
  ];
  return wanted.filter((name) => !facts.packages.includes(name)).sort();
}

/** exit code of INSTALL_SCRIPT: the package sources do not answer, or do not have it. Nothing was changed. */
const CANNOT_FETCH = 45;
const INSTALL_DEADLINE_MS = 15 * 60_000;
/** Where package files lie on a host while they are installed. */
const PUSH_DIRECTORY = '/var/cache/quorate/packages';

/**
 * Arguments: `fetch` or `files`, the packages, then package files in the second case. No service starts by itself: it would
 * run on a package's configuration, and keepalived's would be another VRRP router in the network. policy-rc.d is Debian's
 * way to say so; one that the owner has made stays. Services of these packages are left disabled; quorate enables its own.
 */
const INSTALL_SCRIPT = `set -eu
mode=$1 packages=$2
shift 2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ] || grep -q 'quorate: nothing starts' $policy; then
  trap 'rm -f $policy' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\\n# quorate: nothing starts while packages are installed\\nexit 101\\n' > $policy
  chmod 755 $policy
fi
apt() { apt-get -qq -y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 "$@"; }
if [ "$mode" = fetch ]; then
  apt update || true
  apt --no-install-recommends --download-only install $packages || exit ${CANNOT_FETCH}
  apt --no-install-recommends --no-download install $packages
else
  apt --no-install-recommends install "$@"
  rm -f -- "$@"
fi
for package in $packages; do
  case $package in haproxy|keepalived) systemctl disable --quiet "$package.service";; esac
done
`;

/**
 * Installs packages on a host. Throws HOST_PACKAGES_MISSING, naming them, when neither the host nor this one can fetch them,
 * and COMMAND_FAILED with apt's words when they do not install.
 */
export async function installPackages(
  ctx: Context,
  machine: Machine,
  facts: Pick<MachineFacts, 'os' | 'arch'>,
  packages: readonly string[],
): Promise<void> {
  const fetched = await install(ctx, machine, ['fetch', packages.join(' ')], true);
  if (fetched.exitCode === 0) return;
  if (fetched.exitCode !== CANNOT_FETCH) await install(ctx, machine, ['fetch', packages.join(' ')], false);
  const said = (fetched.stderr.trim() || fetched.stdout.trim()).slice(-400);
  const files = await fetchPackages(ctx, machine, facts, packages).catch((error: unknown) => {
    throw lacking(machine, packages, said, error);
  });
  const remote = files.map(({ name }) => `${PUSH_DIRECTORY}/${name}`);
  for (const [index, { path }] of files.entries()) await machine.upload(ctx, path, remote[index] ?? '', 0o644);
  await install(ctx, machine, ['files', packages.join(' '), ...remote], false);
}

function install(ctx: Context, machine: Machine, args: readonly string[], allowFailure: boolean) {
  const argv = ['sh', '-c', INSTALL_SCRIPT, 'install-packages', ...args];
  return machine.exec(ctx, argv, { allowFailure, timeoutMs: INSTALL_DEADLINE_MS });
}

function lacking(machine: Machine, packages: readonly string[], said: string, cause: unknown): unknown {
  if (cause instanceof QuorateError && cause.code !== 'HOST_PACKAGES_MISSING') return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new QuorateError(
    'HOST_PACKAGES_MISSING',
    `${machine.name} lacks ${packages.join(', ')}; it cannot fetch them (${said.split('\n').at(-1)}), and ${why}`,
    {
      hint: `on ${machine.name}: apt-get install --no-install-recommends ${packages.join(' ')}`,
      data: { machine: machine.name, packages },
      cause,
    },
  );
}
