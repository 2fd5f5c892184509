// What a machine ran before it is changed, kept on the machine itself until the change has proved good: whoever comes after a run
// that was killed finds it there.
import type { Context } from '../../core/context.ts';
import { BINARIES_STAMP } from '../../machines/facts.ts';
import type { Machine } from '../../machines/machine.ts';
import { LAST_GOOD_DIR, LAST_GOOD_MARK } from '../../manifests/paths.ts';
import type { GoodState } from './await-node.ts';

/** Which programs a machine has, relative to its root. */
const STAMP = BINARIES_STAMP.slice(1);

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
  STAMP,
];

/**
 * Arguments: the state as JSON, then the programs that will be replaced. Prints the state that is kept. What is complete stays: a run
 * that was ended half-way has left a mixture behind, and what was good is what was there before it. Programs are added to it as long as
 * none has been replaced, which the stamp tells. Files only: directories stay when it is restored.
 */
const KEEP_SCRIPT = `set -eu
dir=${LAST_GOOD_DIR} state=$1; shift
cd /
keep_programs() {
  { cat "$dir/programs" 2>/dev/null || true; for path in "$@"; do [ ! -f "$path" ] || echo "$path"; done; } | sort -u > "$dir/programs.new"
  tar -cf "$dir/programs.tar.new" -T "$dir/programs.new"
  sync "$dir/programs.tar.new"
  mv "$dir/programs.tar.new" "$dir/programs.tar"
  mv "$dir/programs.new" "$dir/programs"
}
if [ ! -e ${LAST_GOOD_MARK} ]; then
  rm -rf "$dir"
  install -d -m 0700 "$dir"
  for path in ${KEPT.join(' ')}; do [ ! -e "$path" ] || find "$path" -type f; done > "$dir/list"
  tar -cf "$dir/files.tar" -T "$dir/list"
  printf '%s\\n' "$state" > "$dir/state"
  [ ! -f ${STAMP} ] || cp ${STAMP} "$dir/stamp"
  keep_programs "$@"
  sync "$dir"/*
  : > ${LAST_GOOD_MARK}
  sync ${LAST_GOOD_MARK}
elif cmp -s ${STAMP} "$dir/stamp"; then
  keep_programs "$@"
fi
cat "$dir/state"
`;

/**
 * Everything back as it was, and nothing that came with the change; manifests last, because the kubelet acts on them at once. Programs
 * that run are unlinked, not written over ("text file busy").
 */
const RESTORE_SCRIPT = `set -eu
dir=${LAST_GOOD_DIR}
[ -e ${LAST_GOOD_MARK} ] || { echo "nothing was kept" >&2; exit 1; }
cd /
for path in ${KEPT.join(' ')}; do
  [ -d "$path" ] || continue
  find "$path" -type f | while IFS= read -r file; do grep -qxF "$file" "$dir/list" || rm -f "$file"; done
done
tar -C / --unlink-first --exclude='etc/kubernetes/manifests/*' -xf "$dir/files.tar"
[ ! -s "$dir/programs" ] || tar -C / --unlink-first -xf "$dir/programs.tar"
if grep -q '^etc/kubernetes/manifests/' "$dir/list"; then
  tar -C / --unlink-first --wildcards -xf "$dir/files.tar" 'etc/kubernetes/manifests/*'
fi
systemctl daemon-reload
for unit in "$@"; do systemctl restart "$unit"; done
`;

/**
 * Keeps what the machine runs now, unless something is kept already. `state` is what it is now, `binaries` are the absolute paths that
 * will be replaced. Returns the state that belongs to what is kept.
 */
export async function keepLastGood(
  ctx: Context,
  machine: Machine,
  state: GoodState,
  binaries: readonly string[],
): Promise<GoodState> {
  const paths = binaries.map((path) => path.slice(1));
  const argv = ['sh', '-c', KEEP_SCRIPT, 'keep', JSON.stringify(state), ...paths];
  const { stdout } = await machine.exec(ctx, argv, { timeoutMs: 120_000 });
  return JSON.parse(stdout) as GoodState;
}

/** Puts back what was kept and restarts these units. Throws COMMAND_FAILED when nothing was. */
export async function restoreLastGood(ctx: Context, machine: Machine, units: readonly string[]): Promise<void> {
  await machine.exec(ctx, ['sh', '-c', RESTORE_SCRIPT, 'restore', ...units], { timeoutMs: 180_000 });
}

/** The change has proved good: what was before it is of no use any more. */
export async function forgetLastGood(ctx: Context, machine: Machine): Promise<void> {
  await machine.exec(ctx, ['rm', '-rf', LAST_GOOD_DIR]);
}
