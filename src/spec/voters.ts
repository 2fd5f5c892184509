// The arithmetic of majorities (Raft; etcd FAQ, "What is failure tolerance?"). The one place that computes it: everything
// above reads it through topology/quorum.ts; it lies here because checking cluster.yaml needs it too.

/** Voters that must be up for etcd to answer: floor(n/2)+1. */
export function quorum(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** Voters that may fail at the same time: n - quorum(n). 0 for an empty cluster, which has nothing to lose. */
export function tolerance(voters: number): number {
  return Math.max(0, voters - quorum(voters));
}

/**
 * More voters than this are refused: "an etcd cluster probably should have no more than seven nodes" (etcd FAQ, "What is
 * maximum cluster size?"), because each write waits for a majority.
 */
export const MAX_VOTERS = 7;
