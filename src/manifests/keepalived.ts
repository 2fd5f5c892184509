// The virtual IP: VRRP among the machines that balance. It follows the local load balancer, which follows the API servers.
import { createHash } from 'node:crypto';
import type { MachineFacts } from '../machines/facts.ts';
import { type ClusterSpec, loadBalancers, type MachineSpec } from '../spec/types.ts';
import { virtualIp } from './balancing.ts';
import { CHECK_NGINX_PATH } from './nginx.ts';
import { HAPROXY_STATS_SOCKET, SCRIPTS_DIR } from './paths.ts';

/** Seconds between advertisements. A backup takes over after three missed ones and a skew below one: at most a second. */
const ADVERT_SECONDS = 0.25;
/** Highest priority that an address owner does not have (RFC 5798, 255 is the owner). */
const TOP_PRIORITY = 250;
const PRIORITY_STEP = 10;

/** Path of the script that tells whether the local HAProxy works. */
export const CHECK_HAPROXY_PATH = `${SCRIPTS_DIR}/check-haproxy`;

/**
 * VRRP router id of a cluster, 1 to 255. Two clusters on one network must differ (openshift/installer #2966), so it comes from
 * the name and the virtual IP and not from a constant.
 */
export function virtualRouterId(spec: ClusterSpec): number {
  const digest = createHash('sha256').update(`${spec.name} ${spec.endpoint.authority}`).digest();
  return 1 + (digest.readUInt32BE(0) % 255);
}

/**
 * /etc/keepalived/keepalived.conf. The routers are the machines of `spec` that balance, and no others. Throws SPEC_UNSUPPORTED when the
 * endpoint is a name.
 */
export function keepalivedConfig(spec: ClusterSpec, machine: MachineSpec, facts: MachineFacts): string {
  const routers = loadBalancers(spec);
  const peers = routers.filter((router) => router.name !== machine.name).map((router) => router.address);
  const order = Math.max(
    0,
    routers.findIndex((router) => router.name === machine.name),
  );
  const { type } = spec.loadBalancer;
  return `# Written by quorate.
global_defs {
    router_id ${machine.name}
    vrrp_version 3
    script_user root
    enable_script_security
    # A starved keepalived loses the address for no reason.
    vrrp_priority -20
    # Neighbours learn the new holder at once, again a second later, and every ten seconds in case they missed both.
    vrrp_garp_master_delay 1
    vrrp_garp_master_repeat 3
    vrrp_garp_master_refresh 10
    vrrp_garp_master_refresh_repeat 1
}

vrrp_script ${type} {
    # By way of the shell: keepalived -t refuses a script that is not there yet, and tests this file before anything is written.
    script "/bin/sh ${checkPath(spec)}"
    interval 1
    timeout 1
    fall 2
    rise 2
}

vrrp_instance kube_apiserver {
    # All start as backups: whoever is elected stays, even when one of higher priority returns.
    state BACKUP
    nopreempt
    interface ${facts.interface}
    virtual_router_id ${virtualRouterId(spec)}
    priority ${TOP_PRIORITY - PRIORITY_STEP * order}
    advert_int ${ADVERT_SECONDS}
${unicastBlock(machine.address, peers)}    virtual_ipaddress {
        ${virtualIp(spec)}/32 dev ${facts.interface}
    }
    track_script {
        ${type}
    }
}
`;
}

function checkPath(spec: ClusterSpec): string {
  return spec.loadBalancer.type === 'nginx' ? CHECK_NGINX_PATH : CHECK_HAPROXY_PATH;
}

/** Unicast needs no multicast from the network. One machine alone has nobody to tell: keepalived refuses unicast without peers. */
function unicastBlock(address: string, peers: readonly string[]): string {
  if (peers.length === 0) return '';
  return `    unicast_src_ip ${address}
    unicast_peer {
${peers.map((peer) => `        ${peer}\n`).join('')}    }
`;
}

/** HAProxy answers on its own socket: a process that hangs fails this check too, which a look at its pid would not show. */
export function checkHaproxyScript(): string {
  return `#!/bin/sh
# Succeeds while the local HAProxy answers. keepalived asks once a second.
answer=$(echo 'show info' | socat -t 0.8 -T 0.8 stdio UNIX-CONNECT:${HAPROXY_STATS_SOCKET} 2>/dev/null)
case $answer in
  'Name: HAProxy'*) exit 0 ;;
esac
exit 1
`;
}

/** keepalived.service.d/10-quorate.conf: after the load balancer, so that the first check finds it. */
export function keepalivedDropIn(spec: ClusterSpec): string {
  return `[Unit]
After=quorate-network.service ${spec.loadBalancer.type}.service
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=1
`;
}
