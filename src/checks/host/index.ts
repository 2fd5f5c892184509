// Every question about this host, in the order in which they are asked and shown.

import type { Context } from '../../core/context.ts';
import { messageOf } from '../../core/errors.ts';
import { throwIfAborted } from '../../core/wait.ts';
import { clockCheck } from './clock.ts';
import { forwardPolicyCheck, networkServicesCheck } from './conflicts.ts';
import { diskLatencyCheck } from './disk-latency.ts';
import { cgroupCheck, kernelNetworkCheck, nofileCheck, overlayCheck, sysctlCheck } from './kernel.ts';
import { hostnameCheck, resolverCheck } from './names.ts';
import { defaultRouteCheck, portCheck, subnetCheck, vipCheck, vrrpCheck } from './networks.ts';
import { capabilitiesCheck, containerCheck, rootCheck } from './privileges.ts';
import { cacheDiskCheck, cpuCheck, diskCheck, memoryCheck, swapCheck } from './resources.ts';
import { sourcesCheck } from './sources.ts';
import { backupToolsCheck, localToolsCheck, sshToolsCheck } from './tools.ts';
import { type HostCheck, type HostFinding, type HostQuestion, isLocal, skipped } from './types.ts';
import { votersCheck } from './voters.ts';

export { type Host, thisHost } from './host.ts';
export type { HostCheck, HostFinding, HostQuestion, HostState } from './types.ts';

/** The host preflight. */
export const HOST_CHECKS: readonly HostCheck[] = [
  rootCheck,
  capabilitiesCheck,
  containerCheck,
  localToolsCheck,
  sshToolsCheck,
  backupToolsCheck,
  memoryCheck,
  cpuCheck,
  swapCheck,
  diskCheck,
  cacheDiskCheck,
  diskLatencyCheck,
  overlayCheck,
  cgroupCheck,
  kernelNetworkCheck,
  sysctlCheck,
  nofileCheck,
  votersCheck,
  subnetCheck,
  defaultRouteCheck,
  vipCheck,
  portCheck,
  vrrpCheck,
  networkServicesCheck,
  forwardPolicyCheck,
  clockCheck,
  resolverCheck,
  hostnameCheck,
  sourcesCheck,
];

/** A check with its answer. */
export interface HostResult extends HostFinding {
  readonly id: string;
  readonly title: string;
}

/** Asks one question. A check that breaks tells nothing about the host: it is skipped, with the reason. */
export async function runHostCheck(ctx: Context, check: HostCheck, question: HostQuestion): Promise<HostResult> {
  return { id: check.id, title: check.title, ...(await answer(ctx, check, question)) };
}

async function answer(ctx: Context, check: HostCheck, question: HostQuestion): Promise<HostFinding> {
  if (check.onlyLocal && !isLocal(question.spec)) return skipped('only matters for local machines');
  try {
    return await check.run(ctx, question);
  } catch (error) {
    throwIfAborted(ctx);
    return skipped(`could not be told: ${messageOf(error)}`);
  }
}
