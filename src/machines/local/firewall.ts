// The way of a cluster's machines to the outside: one nftables table a cluster, and a word with a host firewall that drops.
import { runCommand } from '../../core/command.ts';
import type { Context } from '../../core/context.ts';
import { hasCode } from '../../core/errors.ts';

/** Name of the cluster's nftables table (family ip). */
export function tableName(bridge: string): string {
  return `quorate-${bridge}`;
}

/**
 * Masquerades what leaves the subnet and lets it be forwarded. The uplink's MTU may be smaller than the machines', so TCP
 * connections are told (nft(8), "tcp option maxseg size set rt mtu").
 */
export function natRules(bridge: string, subnet: string): string {
  const table = `table ip ${tableName(bridge)}`;
  return `${table}
delete ${table}
${table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${subnet} oifname != "${bridge}" masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname "${bridge}" oifname != "${bridge}" tcp flags syn tcp option maxseg size set rt mtu
    oifname "${bridge}" iifname != "${bridge}" tcp flags syn tcp option maxseg size set rt mtu
    iifname "${bridge}" accept
    oifname "${bridge}" accept
  }
}
`;
}

/** Loads the table, replacing an older one in the same transaction. */
export async function ensureNat(ctx: Context, bridge: string, subnet: string): Promise<void> {
  await runCommand(ctx, ['nft', '-f', '-'], { stdin: natRules(bridge, subnet) });
  for (const rule of forwardRules(bridge))
    if (await dropsForwarded(ctx)) {
      const present = await iptables(ctx, ['-C', 'FORWARD', ...rule]);
      if (present !== 0) await iptables(ctx, ['-I', 'FORWARD', ...rule]);
    }
}

/** Whether the cluster's own table is there. What it holds is not looked at: only ensureNat writes it. */
export async function hasNat(ctx: Context, bridge: string): Promise<boolean> {
  const { exitCode } = await runCommand(ctx, ['nft', 'list', 'table', 'ip', tableName(bridge)], { allowFailure: true });
  return exitCode === 0;
}

/** Removes the table and the rules. Idempotent. */
export async function removeNat(ctx: Context, bridge: string): Promise<void> {
  const table = `table ip ${tableName(bridge)}`;
  await runCommand(ctx, ['nft', '-f', '-'], { stdin: `${table}\ndelete ${table}\n` });
  for (const rule of forwardRules(bridge)) await iptables(ctx, ['-D', 'FORWARD', ...rule]);
}

const forwardRules = (bridge: string) =>
  ['-i', '-o'].map((side) => [side, bridge, '-m', 'comment', '--comment', tableName(bridge), '-j', 'ACCEPT']);

/** Docker, for one, sets the policy of iptables' FORWARD chain to DROP; no other table's accept overrides that. */
async function dropsForwarded(ctx: Context): Promise<boolean> {
  try {
    const { stdout } = await runCommand(ctx, ['iptables', '-S', 'FORWARD'], { allowFailure: true });
    return stdout.startsWith('-P FORWARD DROP');
  } catch (error) {
    if (hasCode(error, 'COMMAND_NOT_FOUND')) return false;
    throw error;
  }
}

async function iptables(ctx: Context, args: readonly string[]): Promise<number> {
  try {
    return (await runCommand(ctx, ['iptables', '-w', '5', ...args], { allowFailure: true })).exitCode;
  } catch (error) {
    if (hasCode(error, 'COMMAND_NOT_FOUND')) return 127;
    throw error;
  }
}
