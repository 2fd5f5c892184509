// What is read from a machine in one round trip. Plain POSIX shell: it must run on a bare Debian host too.
import { BINARIES_STAMP } from '../machines/facts.ts';
import { HOST_PACKAGES } from '../machines/ssh/packages.ts';
import { BACKUP_SERVICE, BACKUP_TIMER } from '../manifests/backup-units.ts';
import { BACKUP_STATE_DIR, CLUSTER_PATH, LAST_GOOD_MARK, RENEWAL_STATE_PATH } from '../manifests/paths.ts';

/** Files that quorate manages, as find(1) starting points; only regular files below them are observed. */
export const MANAGED_PATHS = [
  '/etc/kubernetes',
  '/etc/containerd',
  '/etc/crictl.yaml',
  '/etc/haproxy',
  '/etc/keepalived',
  '/etc/nginx/nginx.conf',
  '/etc/quorate',
  '/etc/sysctl.d/90-quorate.conf',
  '/etc/modules-load.d/quorate.conf',
  '/etc/profile.d/quorate.sh',
  '/etc/systemd/system',
  '/etc/cni/net.d',
  '/usr/local/lib/quorate',
  '/var/lib/kubelet/config.yaml',
  '/var/lib/kubelet/instance-config.yaml',
  '/var/lib/kubelet/kubeadm-flags.env',
  '/var/lib/kubelet/pki',
  LAST_GOOD_MARK,
] as const;

/** systemd units whose state matters to a plan or to a person. */
export const OBSERVED_UNITS = [
  'containerd.service',
  'kubelet.service',
  'etcd.service',
  'haproxy.service',
  'nginx.service',
  'keepalived.service',
  'systemd-modules-load.service',
  'systemd-sysctl.service',
  'quorate-network.service',
  'flannel-cni.path',
  'quorate-approve-kubelet-serving.timer',
  BACKUP_TIMER,
  BACKUP_SERVICE,
  'quorate-renew-certificates.timer',
  'systemd-resolved.service',
] as const;

/**
 * Prints tab-separated records: `fact name value`, `file sha256 mode mtime path`, `unit …`, `pem path base64`, `authority path base64`,
 * `image reference`, `address interface cidr`, `package name status`, `backup state|rehearsal base64`, `renewal base64`. Paths and units
 * arrive as arguments, split by `--`.
 */
export const FACTS_SCRIPT = `
TAB=$(printf '\\t')
fact() { printf 'fact\\t%s\\t%s\\n' "$1" "$2"; }
paths=
while [ "$#" -gt 0 ] && [ "$1" != -- ]; do [ -e "$1" ] && paths="$paths $1"; shift; done
shift
fact now "$(date +%s%N)"
fact hostname "$(cat /proc/sys/kernel/hostname)"
fact kernel "$(cat /proc/sys/kernel/osrelease)"
fact arch "$(uname -m)"
fact machine-id "$(cat /etc/machine-id 2>/dev/null)"
fact boot-id "$(cat /proc/sys/kernel/random/boot_id)"
fact cpus "$(nproc)"
while read -r key value _; do [ "$key" = MemTotal: ] && fact memory-kib "$value"; done < /proc/meminfo
while read -r key value _; do case $key in CapBnd:) fact capabilities "$value";; esac; done < /proc/1/status
while read -r a b c soft hard _; do [ "$a $b" = 'Max open' ] && fact nofile "$hard"; done < /proc/1/limits
[ -f /sys/fs/cgroup/cgroup.controllers ] && fact cgroup v2 || fact cgroup v1
lines=0; while read -r _; do lines=$((lines + 1)); done < /proc/swaps; [ "$lines" -gt 1 ] && fact swap yes
[ -f ${CLUSTER_PATH} ] && fact cluster "$(head -n 1 ${CLUSTER_PATH})"
for wal in /var/lib/etcd/member/wal/*.wal; do [ -e "$wal" ] && fact etcd-data yes && break; done
for program in etcd kube-apiserver; do pgrep -x "$program" >/dev/null 2>&1 && printf 'running\\t%s\\n' "$program"; done
for path in /etc/kubernetes/manifests/etcd.yaml /etc/systemd/system/etcd.service; do
  [ -f "$path" ] && sed -n "s/^[- ]*--\\(initial-[a-z-]*\\)=\\([^ \\\\]*\\).*/etcd\\t\\1\\t\\2/p" "$path"
done
( . /etc/os-release; fact os-id "$ID"; fact os-version "$VERSION_ID"; fact os-name "$PRETTY_NAME" )
fact disk-free-kib "$(df -Pk /var/lib | { read -r _; read -r _ _ _ free _; echo "$free"; })"
ip -o -4 addr show 2>/dev/null | while read -r _ interface _ cidr _; do printf 'address\\t%s\\t%s\\n' "$interface" "$cidr"; done
if [ -n "$paths" ]; then
  find $paths -xdev -type f -printf '%m\\t%T@\\t%p\\n' | while IFS= read -r line; do printf 'stat\\t%s\\n' "$line"; done
  find $paths -xdev -type f -exec sha256sum {} + | while read -r sum path; do printf 'sum\\t%s\\t%s\\n' "$sum" "$path"; done
fi
systemctl show --timestamp=us+utc -p Id,ActiveState,UnitFileState,ActiveEnterTimestamp,ExecReload "$@" 2>/dev/null | while IFS= read -r line; do printf 'unit\\t%s\\n' "$line"; done
pem() { printf 'pem\\t%s\\t%s\\n' "$1" "$2"; }
for path in /etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt; do [ -f "$path" ] && pem "$path" "$(base64 -w0 < "$path")"; done
for path in /etc/kubernetes/*.conf; do
  [ -f "$path" ] || continue
  data=$(sed -n 's/^ *client-certificate-data: *//p' "$path")
  [ -n "$data" ] && pem "$path" "$data"
  data=$(sed -n 's/^ *certificate-authority-data: *//p' "$path")
  [ -n "$data" ] && printf 'authority\\t%s\\t%s\\n' "$path" "$data"
done
for path in /var/lib/kubelet/pki/kubelet-client-current.pem /var/lib/kubelet/pki/kubelet-server-current.pem; do
  [ -f "$path" ] && pem "$path" "$(sed -n '/BEGIN CERT/,/END CERT/p' "$path" | base64 -w0)"
done
if [ -S /run/containerd/containerd.sock ] && command -v ctr >/dev/null; then
  timeout 10 ctr -n k8s.io images ls -q 2>/dev/null | while IFS= read -r line; do printf 'image\\t%s\\n' "$line"; done
fi
if [ -S /var/lib/haproxy/stats ] && command -v socat >/dev/null; then
  echo 'show stat' | timeout 3 socat -t 2 stdio /var/lib/haproxy/stats 2>/dev/null | while IFS= read -r line; do printf 'haproxy\\t%s\\n' "$line"; done
fi
if command -v dpkg-query >/dev/null; then
  dpkg-query -W -f='package\\t\${Package}\\t\${db:Status-Status}\\n' ${HOST_PACKAGES.join(' ')} 2>/dev/null
fi
for name in state rehearsal; do
  [ -f ${BACKUP_STATE_DIR}/$name.json ] && printf 'backup\\t%s\\t%s\\n' "$name" "$(base64 -w0 < ${BACKUP_STATE_DIR}/$name.json)"
done
[ -f ${RENEWAL_STATE_PATH} ] && printf 'renewal\\t%s\\n' "$(base64 -w0 < ${RENEWAL_STATE_PATH})"
[ -f ${BINARIES_STAMP} ] && printf 'binaries\\t%s\\n' "$(base64 -w0 < ${BINARIES_STAMP})"
exit 0
`;
