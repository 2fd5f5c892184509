// A named condition of a healthy cluster, decided from an observation alone. One list serves health, up and (later) drills.
import type { Observed } from '../observe/observed.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** ok: holds. failed: does not. skipped: cannot be told, or does not apply. */
export interface ConditionResult {
  readonly state: 'ok' | 'failed' | 'skipped';
  /** What was seen; for a failure, what is wrong. */
  readonly detail: string;
}

/** A question about a cluster. Its answer comes from the observation alone, so that it can be asked again of the same one. */
export interface Condition {
  /** For scripts: etcd-leader. */
  readonly id: string;
  /** Reads after "waiting for": `etcd members agree on the leader`. */
  readonly title: string;
  /** true: decided from Observed.kube alone, so that a wait for it need not look at the machines again. */
  readonly needsKubeOnly?: boolean;
  /** true: it tells how something went that is over. Nothing that a run does makes it hold, so no run waits for it. */
  readonly isAboutPast?: boolean;
  check(spec: ClusterSpec, observed: Observed): ConditionResult;
}

/** The answer together with the question, for reports. */
export interface CheckedCondition extends ConditionResult {
  readonly id: string;
  readonly title: string;
}

/** It holds; the detail is the evidence. */
export const ok = (detail: string): ConditionResult => ({ state: 'ok', detail });
/** It does not hold; the detail says what is wrong, and where. */
export const failed = (detail: string): ConditionResult => ({ state: 'failed', detail });
/** It cannot be told, or does not apply; the detail says why. Not a failure, and no proof either. */
export const skipped = (detail: string): ConditionResult => ({ state: 'skipped', detail });

/** ok with `good` when nothing is in `problems`, else failed with them all. */
export function expectNone(problems: readonly string[], good: string): ConditionResult {
  return problems.length === 0 ? ok(good) : failed(problems.join('; '));
}

/** Asks every condition of one observation, in the order given. */
export function evaluate(conditions: readonly Condition[], spec: ClusterSpec, observed: Observed): CheckedCondition[] {
  return conditions.map(({ id, title, check }) => ({ id, title, ...check(spec, observed) }));
}
