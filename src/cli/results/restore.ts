import type { RestoreReport } from '../../actions/restore.ts';
import type { WrittenSpec } from '../../actions/restore-backup.ts';
import { formatDuration } from '../../core/wait.ts';
import type { Theme } from '../../report/theme.ts';

/** What was restored, how long clients were without it, and what was shown about it. */
export function renderRestore(report: RestoreReport, { style, glyphs }: Theme): string {
  const { cluster, endpoint, takenAt, apiReadyMs, durationMs, keys, contentHash, revision, restoredRevision } = report;
  return [
    `${style.green(glyphs.ok)} cluster ${cluster} is as it was at ${takenAt}: ${endpoint}`,
    `  the endpoint answered after ${formatDuration(apiReadyMs)}, all was proved after ${formatDuration(durationMs)}`,
    `  ${keys} keys, content hash ${contentHash.slice(0, 16)}${glyphs.ellipsis}: as in the archive`,
    `  revision ${revision} goes on at ${restoredRevision}: no watch sees it go back`,
    `  ${style.dim('what was on the members before lies in /var/lib/etcd/before-restore-* until you remove it')}`,
  ].join('\n');
}

/** Where the cluster.yaml of a backup lies now. */
export function renderSpecWritten({ path, takenAt }: WrittenSpec, { style, glyphs }: Theme): string {
  return `${style.green(glyphs.ok)} ${path} is the cluster.yaml of the backup of ${takenAt}`;
}
