// Where actions meet the drivers: the only place that turns a specification into machines that can be reached.
import { requiredArtifacts } from '../artifacts/catalog.ts';
import { pullArtifacts } from '../artifacts/pull.ts';
import type { Context } from '../core/context.ts';
import { createDrivers } from '../machines/drivers.ts';
import { createFleet, type Fleet } from '../machines/fleet.ts';
import { bakeNodeImage } from '../machines/local/node-image.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** The cluster's machines behind their drivers. Nothing is contacted yet. New local machines carry all artifacts. */
export function openFleet(ctx: Context, spec: ClusterSpec, options: { readonly bundleDir?: string } = {}): Fleet {
  const nodeImage = async () =>
    bakeNodeImage(ctx, await pullArtifacts(ctx, requiredArtifacts(spec.kubernetesVersion), options));
  return createFleet(spec, createDrivers({ nodeImage }));
}
