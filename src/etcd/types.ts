// The etcd cluster as its members describe it.

/**
 * A member of the list that the cluster keeps, and what it said of itself, if it answered (`etcdctl endpoint status`). Its
 * name is empty until it has started for the first time. Ids are lower-case hexadecimal without leading zeros.
 */
export interface ObservedMember {
  /** Hexadecimal, as etcdctl prints it. */
  readonly id: string;
  readonly name: string;
  readonly peerURLs: readonly string[];
  readonly clientURLs: readonly string[];
  readonly isLearner: boolean;
  /** From its own status; absent when it did not answer. */
  readonly status?: {
    readonly version: string;
    readonly dbSizeBytes: number;
    readonly dbInUseBytes: number;
    readonly leaderId: string;
    readonly raftTerm: number;
    readonly raftIndex: number;
    /** What of its log it has applied. */
    readonly raftAppliedIndex?: number;
    /** Of the store: one more with every write. */
    readonly revision?: number;
    /** Bytes that its database may have before it raises NOSPACE; members before 3.6 do not say. */
    readonly quotaBytes?: number;
    readonly errors: readonly string[];
  };
  readonly error?: string;
}

/**
 * The members as one that answered lists them, learners among them, and its alarms: NOSPACE, CORRUPT, or the number of one that
 * is not known here.
 */
export interface ObservedEtcd {
  readonly members: readonly ObservedMember[];
  readonly alarms: readonly { readonly memberId: string; readonly alarm: string }[];
}
