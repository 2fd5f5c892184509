import type { Context } from '../../core/context.ts';
import type { Host } from './host.ts';
import { type HostCheck, ok, warning } from './types.ts';

/** A service that rewrites what a cluster's network needs, and how to make peace with it. */
interface Conflict {
  readonly process: string;
  readonly unit: string;
  readonly does: string;
  readonly fix: string;
  /** A file whose presence shows that peace has been made. */
  readonly settledBy?: string;
}

const NETWORK_MANAGER_CONF = '/etc/NetworkManager/conf.d/quorate.conf';

const CONFLICTS: readonly Conflict[] = [
  {
    process: 'firewalld',
    unit: 'firewalld',
    does: 'drops packets between pods and machines',
    fix: 'systemctl disable --now firewalld',
  },
  {
    process: 'NetworkManager',
    unit: 'NetworkManager',
    does: "takes over the cluster's bridges and veth pairs",
    fix: `printf '[keyfile]\\nunmanaged-devices=interface-name:q-*;interface-name:vb-*;interface-name:flannel*;interface-name:veth*\\n' > ${NETWORK_MANAGER_CONF} && systemctl reload NetworkManager`,
    settledBy: NETWORK_MANAGER_CONF,
  },
  {
    process: 'nm-cloud-setup',
    unit: 'nm-cloud-setup.timer',
    does: 'adds routing rules that cut pods off',
    fix: 'systemctl disable --now nm-cloud-setup.timer nm-cloud-setup.service',
  },
];

/** Three services are known to break cluster networks (RKE2's known issues list the same). */
export const networkServicesCheck: HostCheck = {
  id: 'network-services',
  title: "no service of this host rewrites the cluster's network",
  run: async (ctx, { host }) => {
    const active: Conflict[] = [];
    for (const conflict of CONFLICTS) {
      const isSettled = conflict.settledBy !== undefined && (await host.read(conflict.settledBy)) !== undefined;
      if (!isSettled && (await isActive(ctx, host, conflict))) active.push(conflict);
    }
    if (active.length === 0) return ok(`none of ${CONFLICTS.map(({ process }) => process).join(', ')} is in the way`);
    return warning(
      active.map(({ process, does }) => `${process} is running: it ${does}`).join('; '),
      active.map(({ fix }) => fix).join(' ; '),
    );
  },
};

async function isActive(ctx: Context, host: Host, { process, unit }: Conflict): Promise<boolean> {
  const { stdout } = await host.run(ctx, ['systemctl', 'is-active', unit], 3000);
  if (stdout.trim() === 'active') return true;
  // Where systemd is not PID 1, a process of that name (cut at 15 characters by the kernel) is all there is to see.
  return (await host.run(ctx, ['pgrep', '-x', process.slice(0, 15)], 3000)).exitCode === 0;
}

/** Docker sets the policy of the FORWARD chain to DROP, which stops the machines' packets too. */
export const forwardPolicyCheck: HostCheck = {
  id: 'forward-policy',
  title: 'this host forwards packets',
  onlyLocal: true,
  run: async (ctx, { host }) => {
    const rules = await host.run(ctx, ['nft', 'list', 'ruleset']);
    const dropping = [...rules.stdout.matchAll(/^table (\S+ \S+) \{|hook forward priority [^;]*; policy (\w+);/gm)];
    let table = '';
    const found: string[] = [];
    for (const [, name, policy] of dropping) {
      if (name !== undefined) table = name;
      else if (policy === 'drop') found.push(table);
    }
    if (found.length === 0) return ok('no chain on the forward hook drops by default');
    return warning(
      `forwarded packets are dropped by default in table ${found.join(', ')}`,
      'nft insert rule ip filter FORWARD iifname "q-*" accept; nft insert rule ip filter FORWARD oifname "q-*" accept',
    );
  },
};
