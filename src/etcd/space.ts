// How much of a member's file is air, and when that is worth a moment without the member. Pure.
import type { ObservedMember } from './types.ts';

/**
 * Below this a file is not worth it: 100 MiB, as OpenShift's defragmentation controller has it (openshift/cluster-etcd-operator
 * pkg/operator/defragcontroller, minDefragBytes).
 */
export const DEFRAG_MIN_BYTES = 100 * 1024 ** 2;

/** The share of the file that is not in use from which it is worth it: 45 % (the same controller, maxFragmentedPercentage). */
export const DEFRAG_MIN_SHARE = 0.45;

type Sizes = Pick<NonNullable<ObservedMember['status']>, 'dbSizeBytes' | 'dbInUseBytes'>;

/** The share of a member's file that is not in use, 0 to 1. */
export function fragmentation({ dbSizeBytes, dbInUseBytes }: Sizes): number {
  return dbSizeBytes <= 0 ? 0 : Math.max(0, 1 - dbInUseBytes / dbSizeBytes);
}

/** Why a member's file is left as it is; undefined: defragmenting it is worth it. */
export function whyNotDefragment(sizes: Sizes): string | undefined {
  if (sizes.dbSizeBytes < DEFRAG_MIN_BYTES) return `its file is smaller than ${DEFRAG_MIN_BYTES / 1024 ** 2} MiB`;
  const share = Math.round(fragmentation(sizes) * 100);
  return fragmentation(sizes) > DEFRAG_MIN_SHARE
    ? undefined
    : `${share} % of its file is unused, not more than ${DEFRAG_MIN_SHARE * 100} %`;
}
