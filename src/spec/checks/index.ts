import type { Finding } from '../problem.ts';
import type { ClusterDraft } from '../shape.ts';
import { checkAddresses, checkEndpoint } from './addresses.ts';
import { checkControlPlaneCount, checkWorkers, checkZones } from './control-plane.ts';
import { checkEtcdMachines } from './etcd.ts';
import { checkLoadBalancers } from './load-balancers.ts';
import { checkDrivers, checkLabelsAndTaints, checkResources } from './machines.ts';
import { checkDnsNames, checkNames } from './names.ts';
import { checkNetworks, checkPodSubnet, checkServiceSubnet } from './networks.ts';
import { checkKubernetesVersion, checkSnapshots, checkUnsupported } from './support.ts';
import { type Check, viewOf } from './view.ts';

const CHECKS: readonly Check[] = [
  checkNames,
  checkDnsNames,
  checkKubernetesVersion,
  checkEndpoint,
  checkNetworks,
  checkServiceSubnet,
  checkPodSubnet,
  checkSnapshots,
  checkControlPlaneCount,
  checkEtcdMachines,
  checkWorkers,
  checkZones,
  checkLoadBalancers,
  checkDrivers,
  checkAddresses,
  checkLabelsAndTaints,
  checkResources,
  checkUnsupported,
];

/** Second half of checking: what one value alone cannot show. Runs on unfinished files too, skipping what it cannot tell. */
export function checkMeaning(draft: ClusterDraft, kubernetesVersions: readonly string[]): readonly Finding[] {
  const view = viewOf(draft, kubernetesVersions);
  return CHECKS.flatMap((check) => [...check(view)]);
}
