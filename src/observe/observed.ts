// What is, as data. Partial results are normal: an unreachable machine is a value here, not an exception.
import type { ErrorData } from '../core/events.ts';
import type { ObservedEtcd } from '../etcd/types.ts';
import type { ApiProbe } from '../kube/probe.ts';
import type { ObservedApiServer, ObservedKube } from '../kube/types.ts';
import type { MachineFacts } from '../machines/facts.ts';
import type { PowerState } from '../machines/machine.ts';
import type { MachineSpec } from '../spec/types.ts';

/** One machine: what it is, or why that is not known. */
export interface ObservedMachine {
  readonly name: string;
  readonly state: PowerState;
  /** Present exactly when state is running and the machine answered. */
  readonly facts?: MachineFacts;
  /** Why there are no facts. */
  readonly error?: ErrorData;
}

/**
 * The whole cluster at one moment. Every phase plans from it and every condition is decided from it; an absent part was not
 * asked for or did not answer.
 */
export interface Observed {
  /** Milliseconds since the Unix epoch. */
  readonly takenAtMs: number;
  readonly machines: Readonly<Record<string, ObservedMachine>>;
  /** Machines among them that the specification does not name any more. */
  readonly leaving: readonly MachineSpec[];
  /** True when the driver's host side (image, network, settings) needs nothing. */
  readonly hostPrepared: boolean;
  /**
   * The operator's file with the credentials of the bucket, by the hex SHA-256 of its bytes; absent without a bucket, and when the file
   * cannot be read.
   */
  readonly backupCredentials?: { readonly sha256: string };
  /** Names of required artifacts that do not lie in this host's cache. */
  readonly missingArtifacts: readonly string[];
  readonly etcd?: ObservedEtcd;
  /** The endpoint that every client uses, asked from here; absent before there is a CA to trust. */
  readonly endpoint?: ApiProbe;
  readonly apiServers: readonly ObservedApiServer[];
  readonly kube?: ObservedKube;
  /** Why there is no kube although an API server is ready. */
  readonly kubeError?: ErrorData;
  /** The control plane that holds the VIP; more than one is a fault. */
  readonly vipHolders: readonly string[];
}
