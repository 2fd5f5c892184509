// Kernel settings and modules that a machine needs: nodes route for pods, others do not.
import { type ClusterSpec, isNode, loadBalancers, type MachineSpec } from '../spec/types.ts';

/** Where they lie; the rest of these directories belongs to the machine's owner. */
export const SYSCTL_PATH = '/etc/sysctl.d/90-quorate.conf';
/** Modules that systemd loads at boot (modules-load.d(5)). */
export const KERNEL_MODULES_PATH = '/etc/modules-load.d/quorate.conf';

/** A dash lets systemd-sysctl go on where a kernel does not have the key. */
const NETWORK = [
  '# Pods and Services are routed by the machines.',
  'net.ipv4.ip_forward = 1',
  '# Replies may come back by another interface than the route would say (loose mode).',
  '-net.ipv4.conf.default.rp_filter = 2',
  '# Where bridged pods exist, Services are to apply to them too.',
  '-net.bridge.bridge-nf-call-iptables = 1',
];

const WHOLE_KERNEL = [
  '# kubelet, containerd and every pod that watches files take inotify instances; the usual 128 are soon gone.',
  'fs.inotify.max_user_instances = 8192',
  'fs.inotify.max_user_watches = 524288',
];

const NGINX = [
  '# NGINX listens on the virtual IP while another machine holds it.',
  'net.ipv4.ip_nonlocal_bind = 1',
  '# A dead API server is found by its open connections after eight seconds; NGINX has no times of its own for that.',
  'net.ipv4.tcp_keepalive_time = 5',
  'net.ipv4.tcp_keepalive_intvl = 1',
  'net.ipv4.tcp_keepalive_probes = 3',
];

/** /etc/sysctl.d/90-quorate.conf. A local machine shares the kernel: what counts for the whole of it is this host's affair. */
export function sysctlSettings(spec: ClusterSpec, machine: MachineSpec): string {
  const usesNginx = spec.loadBalancer.type === 'nginx' && loadBalancers(spec).some(({ name }) => name === machine.name);
  const lines = [
    '# Written by quorate.',
    ...(isNode(machine) ? NETWORK : []),
    ...(isNode(machine) && machine.driver !== 'local' ? WHOLE_KERNEL : []),
    ...(usesNginx ? NGINX : []),
  ];
  return `${lines.join('\n')}\n`;
}

/**
 * /etc/modules-load.d/quorate.conf: containerd's overlay, flannel's VXLAN and its check for br_netfilter. Only the firewall's
 * where there are no pods; empty on a local machine, where this host has loaded them.
 */
export function kernelModules(machine: MachineSpec): string {
  const wanted = isNode(machine) ? ['overlay', 'br_netfilter', 'vxlan', 'nf_tables'] : ['nf_tables'];
  const modules = machine.driver === 'local' ? [] : wanted;
  return `# Written by quorate.\n${modules.map((name) => `${name}\n`).join('')}`;
}
