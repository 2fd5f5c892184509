// Which archives have had their time. Pure.
import type { StoredArchive } from './store.ts';

/** What may go. Both given: an archive goes when either says so. */
export interface PruneRules {
  /** Age in milliseconds beyond which archives go. */
  readonly olderThanMs?: number;
  /** How many of the newest stay. */
  readonly keep?: number;
}

/** The archives to remove, of a list with the newest first. The newest always stays, whatever the rules. */
export function expired(
  archives: readonly StoredArchive[],
  { olderThanMs, keep }: PruneRules,
  nowMs: number,
): readonly StoredArchive[] {
  return archives.filter(({ label }, index) => {
    if (index === 0) return false;
    const isOld = olderThanMs !== undefined && nowMs - Date.parse(label.takenAt) > olderThanMs;
    return isOld || (keep !== undefined && index >= keep);
  });
}
