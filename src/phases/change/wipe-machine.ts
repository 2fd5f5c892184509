// Takes everything of a cluster off a machine: a disk that quorate made is removed, a host of its owner's keeps its packages.
import { dirname } from 'node:path';
import type { Context } from '../../core/context.ts';
import { hasCode } from '../../core/errors.ts';
import { BINARIES_STAMP } from '../../machines/facts.ts';
import type { Fleet } from '../../machines/fleet.ts';
import { TEXTFILE_METRICS_DIR } from '../../manifests/paths.ts';
import type { MachineSpec } from '../../spec/types.ts';

/**
 * What `kubeadm reset` does, and what quorate itself brought: units, files, firewall tables, links, container data. Certificates and
 * keys go too. Packages of the distribution and backups, which are sealed, stay, and so do load balancers that quorate has not set up. Safe to run again, and on a machine that was only half made.
 */
const wipeScript = (backups: string) => `set -u
units='kubelet quorate-backup.timer quorate-backup.service quorate-renew-certificates.timer quorate-approve-kubelet-serving.timer flannel-cni.path flannel-cni quorate-network'
for unit in $(systemctl list-units --plain --no-legend --all 'quorate-stand-in-*' | awk '{ print $1 }'); do systemctl stop "$unit"; done
[ ! -f /etc/systemd/system/etcd.service ] || units="$units etcd"
for unit in $units; do systemctl disable --now "$unit" 2>/dev/null; done
wipe_balancer() {
  [ -f "/etc/systemd/system/$1.service.d/10-quorate.conf" ] || return 0
  systemctl disable --now "$1" 2>/dev/null
  rm -rf "/etc/systemd/system/$1.service.d" "$2"
}
wipe_balancer keepalived /etc/keepalived/keepalived.conf
wipe_balancer haproxy /etc/haproxy/haproxy.cfg
wipe_balancer nginx /etc/nginx/nginx.conf
if [ -S /run/containerd/containerd.sock ] && command -v ctr >/dev/null; then
  for task in $(ctr -n k8s.io tasks ls -q 2>/dev/null); do ctr -n k8s.io tasks kill -s KILL "$task" 2>/dev/null; done
fi
systemctl disable --now containerd 2>/dev/null
pkill -KILL -f '/usr/local/bin/[c]ontainerd-shim' 2>/dev/null
awk '$2 ~ "^/var/lib/kubelet|^/run/containerd|^/run/netns/cni" { print $2 }' /proc/mounts | sort -r | while read -r path; do umount -l "$path" 2>/dev/null; done
for table in 'inet quorate' 'inet quorate_stand_in' 'ip quorate_masquerade' 'ip kube-proxy' 'ip6 kube-proxy'; do nft delete table $table 2>/dev/null; done
for link in cni0 flannel.1; do ip link delete "$link" 2>/dev/null; done
rm -rf /etc/kubernetes /etc/quorate /etc/cni/net.d /etc/containerd /etc/crictl.yaml
rm -rf /etc/systemd/system/kubelet.service /etc/systemd/system/kubelet.service.d /etc/systemd/system/containerd.service /etc/systemd/system/etcd.service
rm -rf /etc/systemd/system/quorate-* /etc/systemd/system/flannel-cni.* /etc/sysctl.d/90-quorate.conf /etc/modules-load.d/quorate.conf /etc/profile.d/quorate.sh
rm -rf /usr/local/lib/quorate /run/flannel /run/quorate /var/log/kubernetes /var/log/pods /var/log/containers
for dir in /var/lib/etcd /var/lib/kubelet /var/lib/containerd /var/lib/cni; do
  [ ! -d "$dir" ] || find "$dir" -mindepth 1 -xdev -delete 2>/dev/null
done
[ ! -d /var/lib/quorate ] || find /var/lib/quorate -mindepth 1 -maxdepth 1 ! -path ${backups} -exec rm -rf {} +
rm -f ${TEXTFILE_METRICS_DIR}/quorate_backup.prom
stamp=${BINARIES_STAMP}
[ ! -f "$stamp" ] || tr ',{' '\\n\\n' < "$stamp" | sed -n 's/^"\\(\\/[^"]*\\)":$/\\1/p' | while IFS= read -r path; do rm -f "$path"; done
rm -rf ${dirname(BINARIES_STAMP)}
systemctl daemon-reload
for program in etcd kube-apiserver kubelet; do
  if pgrep -x "$program" >/dev/null; then echo "$program still runs" >&2; exit 1; fi
done
if [ -e /etc/kubernetes ] || [ -e /var/lib/etcd/member ]; then echo 'files of the cluster are left' >&2; exit 1; fi
`;

/**
 * Removes the cluster from a machine. false: it does not answer, and its owner finds it with everything on its disk; that is said in
 * a warning.
 */
export async function wipeMachine(ctx: Context, fleet: Fleet, machine: MachineSpec): Promise<boolean> {
  if (fleet.provider) {
    await fleet.provider.destroy(ctx, fleet.spec, machine);
    ctx.emit('machine.changed', { machine: machine.name, state: 'destroyed' });
    return true;
  }
  try {
    await fleet
      .machine(machine.name)
      .exec(ctx, ['sh', '-c', wipeScript(fleet.spec.etcd.snapshots.directory)], { timeoutMs: 180_000 });
    ctx.emit('machine.changed', { machine: machine.name, state: 'wiped' });
    return true;
  } catch (error) {
    if (!hasCode(error, 'MACHINE_UNREACHABLE')) throw error;
    const text = `${machine.name} does not answer: what is on its disk stays there; once it is back, run quorate reset ${machine.name} with a cluster file that names it`;
    ctx.emit('warning', { text });
    return false;
  }
}
