// A named condition of a healthy cluster, decided from an observation alone. One list serves health, up and (later) drills.
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** ok: holds. failed: does not. skipped: cannot be told, or does not apply. */
export interface ConditionResult {
  readonly state: 'ok' | 'failed' | 'skipped';
  /** What was seen; for a failure, what is wrong. */
  readonly detail: string;
}

export interface Condition {
  /** For scripts: etcd-leader. */
  readonly id: string;
  /** Reads after "waiting for": `etcd members agree on the leader`. */
  readonly title: string;
  /** true: decided from Observed.kube alone, so that a wait for it need not look at the machines again. */
  readonly needsKubeOnly?: boolean;
  check(spec: ClusterSpec, observed: Observed): ConditionResult;
}

export interface CheckedCondition extends ConditionResult {
  readonly id: string;
  readonly title: string;
}

export const ok = (detail: string): ConditionResult => ({ state: 'ok', detail });
export const failed = (detail: string): ConditionResult => ({ state: 'failed', detail });
export const skipped = (detail: string): ConditionResult => ({ state: 'skipped', detail });

/** ok with `good` when nothing is in `problems`, else failed with them all. */
export function expectNone(problems: readonly string[], good: string): ConditionResult {
  return problems.length === 0 ? ok(good) : failed(problems.join('; '));
}

export function evaluate(conditions: readonly Condition[], spec: ClusterSpec, observed: Observed): CheckedCondition[] {
  return conditions.map(({ id, title, check }) => ({ id, title, ...check(spec, observed) }));
}
