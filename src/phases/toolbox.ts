// What a running step may use. Built once a run; expensive things are made on first use and shared by all steps.
import type { Artifact, CachedArtifact } from '../artifacts/types.ts';
import type { Context } from '../core/context.ts';
import type { KubeClient } from '../kube/client.ts';
import type { ApiProbe } from '../kube/probe.ts';
import type { Fleet } from '../machines/fleet.ts';
import type { ObservedPart } from '../observe/observe.ts';
import type { Observed } from '../observe/observed.ts';
import type { BootstrapToken, SharedMaterial } from '../pki/types.ts';
import type { Disruption } from './step.ts';

/** What the steps of a run share, so that a hundred machines do not make a hundred connections, tokens or sets of keys. */
export interface Toolbox {
  readonly fleet: Fleet;
  /** Obtains artifacts into the cache; returns at once for those that lie there. */
  artifacts(ctx: Context, wanted: readonly Artifact[]): Promise<readonly CachedArtifact[]>;
  /** The cluster's CAs and keys: read from a control plane that holds them, or generated when the cluster is new. */
  shared(ctx: Context): Promise<SharedMaterial>;
  /** A connection to an API server that is ready; waits for one, with a deadline. */
  kube(ctx: Context): Promise<KubeClient>;
  /** A bootstrap token that exists in the cluster and lives for this run. */
  bootstrapToken(ctx: Context): Promise<BootstrapToken>;
  /** A fresh picture of the cluster, for steps that wait for it to change. */
  observe(ctx: Context, parts?: readonly ObservedPart[]): Promise<Observed>;
  /**
   * Asks the quorum gate again, for a step that has let time pass since it was let through. Throws ETCD_QUORUM_AT_RISK and its
   * siblings; `what` is what is to be done.
   */
  askGate(ctx: Context, what: string, disruption: Disruption): Promise<void>;
  /** Asks the API server at an address whether it is ready. */
  probe(ctx: Context, address: string): Promise<ApiProbe>;
}
