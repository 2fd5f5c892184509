// What a machine ran before it is changed, kept on the machine itself until the change has proved good: whoever comes after a run
// that was killed finds it there.
import type { Context } from '../core/context.ts';
import type { Machine } from '../machines/machine.ts';

const DIR = '/var/lib/quorate/last-good';

/** Files that a change of a running machine may write. */
const KEPT = [
  'etc/kubernetes/manifests',
  'etc/kubernetes/kube-apiserver',
  'etc/containerd/config.toml',
  'etc/systemd/system/containerd.service',
  'etc/systemd/system/etcd.service',
  'etc/systemd/system/kubelet.service',
  'etc/systemd/system/kubelet.service.d',
  'var/lib/kubelet/config.yaml',
  'var/lib/kubelet/instance-config.yaml',
  'var/lib/kubelet/kubeadm-flags.env',
  'usr/local/share/quorate/binaries.json',
];

/**
 * Arguments: binaries that will be replaced. One that is complete stays: a run that was ended half-way has left a mixture behind, and
 * what was good is what was there before it. Files only: directories stay when it is restored.
 */
const KEEP_SCRIPT = `set -eu
dir=${DIR}
[ ! -e "$dir/complete" ] || exit 0
rm -rf "$dir"
install -d -m 0700 "$dir"
cd /
for path in ${KEPT.join(' ')} "$@"; do [ ! -e "$path" ] || find "$path" -type f; done > "$dir/list"
tar -cf "$dir/files.tar" -T "$dir/list"
sync "$dir/files.tar" "$dir/list"
: > "$dir/complete"
sync "$dir/complete"
`;

/**
 * Everything back as it was, and nothing that came with the change; manifests last, because the kubelet acts on them at once. Programs
 * that run are unlinked, not written over ("text file busy").
 */
const RESTORE_SCRIPT = `set -eu
dir=${DIR}
[ -e "$dir/complete" ] || { echo "nothing was kept" >&2; exit 1; }
cd /
for path in ${KEPT.join(' ')}; do
  [ -d "$path" ] || continue
  find "$path" -type f | while IFS= read -r file; do grep -qxF "$file" "$dir/list" || rm -f "$file"; done
done
tar -C / --unlink-first --exclude='etc/kubernetes/manifests/*' -xf "$dir/files.tar"
if grep -q '^etc/kubernetes/manifests/' "$dir/list"; then
  tar -C / --unlink-first --wildcards -xf "$dir/files.tar" 'etc/kubernetes/manifests/*'
fi
systemctl daemon-reload
for unit in "$@"; do systemctl restart "$unit"; done
`;

/** Keeps what the machine runs now, unless something is kept already. `binaries` are the absolute paths that will be replaced. */
export async function keepLastGood(ctx: Context, machine: Machine, binaries: readonly string[]): Promise<void> {
  const paths = binaries.map((path) => path.slice(1));
  await machine.exec(ctx, ['sh', '-c', KEEP_SCRIPT, 'keep', ...paths], { timeoutMs: 120_000 });
}

/** Puts back what was kept and restarts these units. Throws COMMAND_FAILED when nothing was. */
export async function restoreLastGood(ctx: Context, machine: Machine, units: readonly string[]): Promise<void> {
  await machine.exec(ctx, ['sh', '-c', RESTORE_SCRIPT, 'restore', ...units], { timeoutMs: 180_000 });
}

/** The change has proved good: what was before it is of no use any more. */
export async function forgetLastGood(ctx: Context, machine: Machine): Promise<void> {
  await machine.exec(ctx, ['rm', '-rf', DIR]);
}
