// Two nftables tables of our own: who may reach the control plane's ports, and how pods reach what is outside the cluster.
// kube-proxy keeps tables of its own; nothing here depends on their order.
import {
  type ClusterSpec,
  controlPlanes,
  etcdMachines,
  isNode,
  loadBalancers,
  type MachineSpec,
} from '../spec/types.ts';
import { SYSCTL_PATH } from './kernel-settings.ts';
import { ETCD_CLIENT_PORT, ETCD_METRICS_PORT, ETCD_PEER_PORT, VXLAN_PORT } from './paths.ts';

/** Where the rules lie. */
export const FIREWALL_PATH = '/etc/quorate/nftables/firewall.nft';
/** Only on nodes: pods speak to the outside with their node's address. flannel is told not to do it (artifacts/images.ts). */
export const MASQUERADE_PATH = '/etc/quorate/nftables/masquerade.nft';

/** etcd metrics; kubelet; controller-manager; scheduler; kube-proxy's metrics and health. */
const INTERNAL_PORTS = [ETCD_METRICS_PORT, 10249, 10250, 10256, 10257, 10259];

/** Makes `nft -f` replace the table in one transaction: declare it, so that it exists, delete it, write it anew. */
function replaceTable(family: string, name: string, body: string): string {
  return `#!/usr/sbin/nft -f
# Written by quorate. Loading it again replaces the table in one transaction.
table ${family} ${name}
delete table ${family} ${name}

table ${family} ${name} {
${body}}
`;
}

/**
 * Closes etcd to all but control planes and etcd's own machines, the metrics and node ports to all but machines and pods of the
 * cluster, and VRRP to all but the machines that balance. Port 6443 and NodePorts stay open, and so does everything that is not the
 * cluster's. The same on every machine: a port that nobody listens on is closed anyway. The machines are those of `spec`, and no others.
 */
export function firewallRules(spec: ClusterSpec): string {
  const balancers = loadBalancers(spec);
  return replaceTable(
    'inet',
    'quorate',
    `${addressSet('etcd_clients', [...controlPlanes(spec), ...etcdMachines(spec)])}
${addressSet('machines', spec.machines)}
${balancers.length === 0 ? '' : `${addressSet('load_balancers', balancers)}\n`}    chain input {
        type filter hook input priority filter; policy accept;
        iifname "lo" accept
        ct state established,related accept
        ip saddr @etcd_clients tcp dport { ${ETCD_CLIENT_PORT}, ${ETCD_PEER_PORT} } accept
        ip saddr @machines tcp dport { ${INTERNAL_PORTS.join(', ')} } accept
        ip saddr ${spec.networking.podSubnet} tcp dport { ${INTERNAL_PORTS.join(', ')} } accept
        tcp dport { ${[ETCD_CLIENT_PORT, ETCD_PEER_PORT, ...INTERNAL_PORTS].join(', ')} } counter drop
        ip saddr != @machines udp dport ${VXLAN_PORT} counter drop
        meta nfproto ipv6 udp dport ${VXLAN_PORT} counter drop
${balancers.length === 0 ? '' : '        ip protocol vrrp ip saddr != @load_balancers counter drop\n'}    }
`,
  );
}

/** What leaves the pod network carries its machine's address; what stays inside keeps the pod's. */
export function masqueradeRules(spec: ClusterSpec): string {
  const pods = spec.networking.podSubnet;
  return replaceTable(
    'ip',
    'quorate_masquerade',
    `    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr ${pods} ip daddr != { ${pods}, 224.0.0.0/4 } masquerade fully-random
    }
`,
  );
}

function addressSet(name: string, machines: readonly MachineSpec[]): string {
  const addresses = new Set(machines.map(({ address }) => address));
  return `    set ${name} {
        type ipv4_addr
        elements = { ${[...addresses].sort().join(', ')} }
    }
`;
}

/**
 * quorate-network.service: rules before the network comes up, at boot and whenever the files change. Modules and settings are the
 * system's own at boot; they are repeated here so that they count as soon as they are written. Masquerading only where there are pods.
 */
export function networkUnit(machine: MachineSpec): string {
  return `[Unit]
Description=quorate: firewall of the control plane${isNode(machine) ? ' and masquerading for pods' : ''}
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target systemd-modules-load.service nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=-/lib/systemd/systemd-modules-load
ExecStartPre=-/lib/systemd/systemd-sysctl ${SYSCTL_PATH}
ExecStart=/usr/sbin/nft -f ${FIREWALL_PATH}
${isNode(machine) ? `ExecStart=/usr/sbin/nft -f ${MASQUERADE_PATH}\n` : ''}
[Install]
WantedBy=multi-user.target
`;
}
