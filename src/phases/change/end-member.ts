// The end of a member's process and of its data on the machine, once the others have let it go.
import type { Context } from '../../core/context.ts';
import type { Machine } from '../../machines/machine.ts';
import { ETCD_DATA_DIR, ETCD_MANIFEST } from '../../manifests/paths.ts';
import { awaitStopped } from './apply-change.ts';

/** Whether it is a static pod or a unit, and whether it runs, waits to be started again, or was never there. Argument: its manifest. */
export const STOP_MEMBER_SCRIPT = 'systemctl disable --now etcd 2>/dev/null; rm -f "$1"; pkill -x etcd; true';

/**
 * Moves the data out of the way: one copy stays, the newest, for whoever wants to know what became of it. An empty disk is fine, and so
 * is one where a run was killed before. Argument: etcd's data directory.
 */
export const SET_ASIDE_SCRIPT = `set -eu
cd "$1" 2>/dev/null || exit 0
[ -e member ] || exit 0
rm -rf removed-*
mv member "removed-$(date +%s)"
`;

/** Ends a member that is none any more. Its data is set aside, or with `rm` deleted. Safe to run again. */
export async function endMember(ctx: Context, host: Machine, data: 'set-aside' | 'rm'): Promise<void> {
  await host.exec(ctx, ['sh', '-c', STOP_MEMBER_SCRIPT, 'end-member', ETCD_MANIFEST]);
  await awaitStopped(ctx, host, 'etcd');
  const end = data === 'rm' ? 'rm -rf "$1/member"' : SET_ASIDE_SCRIPT;
  await host.exec(ctx, ['sh', '-c', end, 'end-member', ETCD_DATA_DIR]);
}
