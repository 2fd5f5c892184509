// The cluster's own network on this host: a bridge with the gateway address, NAT to the outside.
import { access } from 'node:fs/promises';
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { QuorateError } from '../../core/errors.ts';
import type { ClusterSpec } from '../../spec/types.ts';
import { ensureNat, hasNat, removeNat } from './firewall.ts';
import { listLocalClusters, readdirOrEmpty } from './records.ts';
import { findClash, type SubnetInUse, subnetsInUse } from './subnets.ts';

type MachineNetwork = NonNullable<ClusterSpec['machineNetwork']>;

/** The machines' network of a cluster; SPEC_INVALID without one (the spec's validation gives local clusters one). */
export function machineNetworkOf(spec: ClusterSpec): MachineNetwork {
  if (spec.machineNetwork) return spec.machineNetwork;
  throw new QuorateError('SPEC_INVALID', `cluster ${spec.name} has local machines but no machine network`);
}

/** Names of all network interfaces of this host. */
export async function interfaceNames(): Promise<ReadonlySet<string>> {
  return new Set(await readdirOrEmpty('/sys/class/net'));
}

/** Throws NETWORK_CLASH, naming the interface or cluster that has the subnet already. `bridge` is the cluster's own. */
export async function refuseClash(ctx: Context, spec: ClusterSpec, bridge: string): Promise<void> {
  const { subnet } = machineNetworkOf(spec);
  const [routes, addresses] = await Promise.all([
    runCommand(ctx, ['ip', '-json', '-4', 'route', 'show', 'table', 'all']),
    runCommand(ctx, ['ip', '-json', '-4', 'address']),
  ]);
  const hostUses = subnetsInUse(routes.stdout, addresses.stdout)
    .filter(({ owner }) => owner !== bridge)
    .map((use) => ({ ...use, owner: `interface ${use.owner}` }));
  const clash = findClash(subnet, [...(await clusterUses(spec.name)), ...hostUses]);
  if (clash === undefined) return;
  throw new QuorateError('NETWORK_CLASH', `subnet ${subnet} is in use: ${clash.owner} has ${clash.subnet}`, {
    data: { subnet, usedBy: clash.owner, usedSubnet: clash.subnet },
  });
}

async function clusterUses(except: string): Promise<readonly SubnetInUse[]> {
  return (await listLocalClusters())
    .filter(({ spec }) => spec.name !== except)
    .flatMap(({ spec }) =>
      spec.machineNetwork ? [{ subnet: spec.machineNetwork.subnet, owner: `cluster ${spec.name}` }] : [],
    );
}

/** Makes bridge, address and NAT, whatever of them is missing. */
export async function ensureNetwork(ctx: Context, spec: ClusterSpec, bridge: string): Promise<void> {
  const { subnet, gateway, prefixLength } = machineNetworkOf(spec);
  if (!(await interfaceNames()).has(bridge)) {
    await refuseClash(ctx, spec, bridge);
    // No spanning tree and no multicast snooping: VRRP's and flannel's packets must pass from the first second.
    await runCommand(ctx, ['ip', 'link', 'add', bridge, 'type', 'bridge', 'stp_state', '0', 'forward_delay', '0']);
  }
  const address = `${gateway}/${prefixLength}`;
  await runCommand(ctx, ['ip', 'address', 'replace', address, 'broadcast', '+', 'dev', bridge]);
  await runCommand(ctx, ['ip', 'link', 'set', bridge, 'up']);
  await ensureNat(ctx, bridge, subnet);
}

/** True when ensureNetwork has nothing to do. */
export async function isNetworkReady(ctx: Context, spec: ClusterSpec, bridge: string): Promise<boolean> {
  if (!(await interfaceNames()).has(bridge)) return false;
  const { stdout } = await runCommand(ctx, ['ip', '-json', '-4', 'address', 'show', 'dev', bridge, 'up']);
  const { gateway } = machineNetworkOf(spec);
  return stdout.includes(`"local":"${gateway}"`) && (await hasNat(ctx, bridge));
}

/** Removes NAT and bridge. Idempotent. */
export async function removeNetwork(ctx: Context, bridge: string): Promise<void> {
  await removeNat(ctx, bridge);
  await removeLink(ctx, bridge);
}

/** Deletes a network interface of this host if it is there. */
export async function removeLink(ctx: Context, name: string): Promise<void> {
  if (!(await linkExists(name))) return;
  const { exitCode, stderr } = await runCommand(ctx, ['ip', 'link', 'delete', name], { allowFailure: true });
  // It may have gone with its machine's network namespace between the look and the deletion.
  if (exitCode !== 0 && (await linkExists(name)))
    throw new QuorateError('MACHINE_FAILED', `could not delete interface ${name}: ${stderr.trim()}`);
}

/** Takes a network interface down, so that nothing leaves through it any more. True when it was there. */
export async function silenceLink(ctx: Context, name: string): Promise<boolean> {
  if (!(await linkExists(name))) return false;
  const { exitCode } = await runCommand(ctx, ['ip', 'link', 'set', name, 'down'], { allowFailure: true });
  return exitCode === 0;
}

/** Whether this host has a network interface of that name, up or down. */
export async function linkExists(name: string): Promise<boolean> {
  return access(`/sys/class/net/${name}`).then(
    () => true,
    () => false,
  );
}
