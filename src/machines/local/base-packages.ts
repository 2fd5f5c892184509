// What every local machine's operating system consists of. Any change here gives a new image (rootfs.ts: baseImageId).

/**
 * Debian packages beyond the minimal system: an init system with its bus, the network tools that Kubernetes nodes use
 * (kubernetes.io, "Installing kubeadm"; containerd and kubelet shell out to some), both load balancers with keepalived, what the
 * verification commands of an operator need, and what seals backups and copies them to a bucket.
 */
export const BASE_PACKAGES: readonly string[] = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'iproute2',
  'nftables',
  'iptables',
  'conntrack',
  'kmod',
  'haproxy',
  'nginx',
  'libnginx-mod-stream',
  'keepalived',
  'procps',
  'curl',
  'ca-certificates',
  'openssl',
  'socat',
  'ethtool',
  'util-linux',
  'openssh-server',
  'iputils-ping',
  'jq',
  'sysstat',
  'age',
  'rclone',
];

/** Never installed into the image: nobody reads manual pages in there. */
export const EXCLUDED_PATHS: readonly string[] = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
];

/** Installed, but started only when something asks for them. */
export const DISABLED_UNITS: readonly string[] = [
  'haproxy.service',
  'nginx.service',
  'keepalived.service',
  'ssh.service',
  'sysstat.service',
];

/**
 * Units that can do nothing useful in a machine that shares its host's kernel and devices, or that would do work unasked.
 * Without them a machine boots in about half a second (2 cores, measured).
 */
export const MASKED_UNITS: readonly string[] = [
  // consoles: nobody is at one
  'getty.target',
  'getty@tty1.service',
  'getty-static.service',
  'console-getty.service',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  // periodic work of Debian
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'sysstat-collect.timer',
  'sysstat-summary.timer',
  // devices, kernel and disks are the host's
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'systemd-hwdb-update.service',
  'systemd-modules-load.service',
  'kmod-static-nodes.service',
  'systemd-pstore.service',
  'systemd-repart.service',
  'systemd-binfmt.service',
  'proc-sys-fs-binfmt_misc.automount',
  'systemd-random-seed.service',
  'systemd-pcrphase.service',
  'systemd-pcrphase-sysinit.service',
  'dev-hugepages.mount',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'cryptsetup.target',
  'veritysetup.target',
  'integritysetup.target',
  // identity is set when the machine is made
  'systemd-firstboot.service',
  'systemd-machine-id-commit.service',
  'systemd-sysusers.service',
  'systemd-network-generator.service',
  // records of logins on terminals
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-initctl.socket',
  'systemd-journald-audit.socket',
];

/** A unit that makes a started container into a machine of the cluster: network, cgroups, mount propagation. */
const BOOT_UNIT = `[Unit]
Description=Network, cgroups and mount propagation of a quorate machine
DefaultDependencies=no
After=local-fs.target
Before=network-pre.target sysinit.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
EnvironmentFile=/etc/quorate/network.env
ExecStart=/usr/lib/quorate/boot

[Install]
WantedBy=sysinit.target
`;

/**
 * With cgroup v1 systemd-nspawn mounts the controllers read-only, and the kubelet has to make groups in them. Kubernetes'
 * mount propagation needs a shared root.
 */
const BOOT_SCRIPT = `#!/bin/sh
set -eu
mount --make-rshared /
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  for controller in /sys/fs/cgroup/*/; do
    if mountpoint -q "$controller"; then mount -o remount,rw,bind "$controller"; fi
  done
fi
ip link set lo up
ip address replace "$ADDRESS/$PREFIX_LENGTH" broadcast + dev host0
ip link set host0 up
ip route replace default via "$GATEWAY"
`;

/** The kernel log is the host's; the machine's own must survive its restarts and not fill the disk. */
const JOURNALD_CONF = `[Journal]
Storage=persistent
SystemMaxUse=50M
ReadKMsg=no
`;

/** Each machine gets host keys of its own the first time its SSH server is wanted. */
const SSH_KEYS_CONF = `[Service]
ExecStartPre=
ExecStartPre=/usr/bin/ssh-keygen -A
ExecStartPre=/usr/sbin/sshd -t
`;

/** Files that the image has beyond its packages: path, content, permission bits. */
export const BASE_FILES: readonly { readonly path: string; readonly content: string; readonly mode: number }[] = [
  { path: '/etc/systemd/system/quorate-boot.service', content: BOOT_UNIT, mode: 0o644 },
  { path: '/usr/lib/quorate/boot', content: BOOT_SCRIPT, mode: 0o755 },
  { path: '/etc/systemd/journald.conf.d/quorate.conf', content: JOURNALD_CONF, mode: 0o644 },
  { path: '/etc/systemd/system/ssh.service.d/quorate.conf', content: SSH_KEYS_CONF, mode: 0o644 },
  { path: '/etc/machine-id', content: '', mode: 0o444 },
];

/** Units of BASE_FILES that start at boot, with the target that wants them. */
export const ENABLED_UNITS: readonly { readonly unit: string; readonly wantedBy: string }[] = [
  { unit: 'quorate-boot.service', wantedBy: 'sysinit.target' },
];
