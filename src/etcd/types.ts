// The etcd cluster as its members describe it.

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
    readonly errors: readonly string[];
  };
  readonly error?: string;
}

export interface ObservedEtcd {
  readonly members: readonly ObservedMember[];
  readonly alarms: readonly { readonly memberId: string; readonly alarm: string }[];
}
