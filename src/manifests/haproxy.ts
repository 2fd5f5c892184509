// The load balancer in front of the API servers: TCP passthrough at the virtual IP, on every machine that may hold it.
import type { MachineFacts } from '../machines/facts.ts';
import { API_SERVER_PORT, certificatePath } from '../pki/names.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';
import { CONNECT_TIMEOUT_MS, maxConnections, virtualIp } from './balancing.ts';
import { failoverTimings } from './failover.ts';
import { HAPROXY_STATS_SOCKET } from './paths.ts';

/**
 * /etc/haproxy/haproxy.cfg, the same on all machines that balance. The API servers are those of the machines in `spec`, and of no
 * others: whoever removes a machine passes a specification that still has it. Throws SPEC_UNSUPPORTED when the endpoint is a name.
 */
export function haproxyConfig(spec: ClusterSpec, facts: MachineFacts): string {
  return `${globalSection(facts)}
${defaultsSection(spec)}
frontend kube-apiserver
    # transparent: the address may be on another machine just now; this one is ready to take it over.
    bind ${virtualIp(spec)}:${spec.endpoint.port} transparent
    default_backend kube-apiserver

${backendSection(spec)}`;
}

function globalSection(facts: MachineFacts): string {
  return `# Written by quorate. Which API servers are up: echo "show stat" | socat stdio ${HAPROXY_STATS_SOCKET}
global
    # Changes of state only (notice); one line a connection would be level info.
    log stdout format short daemon notice
    user haproxy
    group haproxy
    chroot /var/lib/haproxy
    maxconn ${maxConnections(facts.nofileHard)}
    # expose-fd: a reload hands the listening socket over, and no connection is refused.
    stats socket ${HAPROXY_STATS_SOCKET} mode 660 level admin expose-fd listeners
`;
}

function defaultsSection(spec: ClusterSpec): string {
  return `defaults
    mode tcp
    log global
    option dontlognull
    # A machine that is switched off does not answer at all: after ${CONNECT_TIMEOUT_MS} ms the connection tries another one, on the first retry.
    timeout connect ${CONNECT_TIMEOUT_MS}ms
    retries 3
    option redispatch 1
    timeout check ${failoverTimings(spec).readyzTimeoutMs}ms
    # Watches, logs -f and exec stay silent for as long as they like (kubeadm #2227); dead peers are found by keepalive.
    timeout client 24h
    timeout server 24h
    timeout tunnel 24h
    option clitcpka
    option srvtcpka
    srvtcpka-idle 5s
    srvtcpka-intvl 1s
    srvtcpka-cnt 3
`;
}

function backendSection(spec: ClusterSpec): string {
  const servers = controlPlanes(spec).map(({ name, address }) => `    server ${name} ${address}:${API_SERVER_PORT}`);
  return `backend kube-apiserver
    # Connections live for hours: what counts is how many each server has. One that returns is filled first.
    balance leastconn
    # Ready, not merely alive: while a server starts or drains, /readyz says so.
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host kubernetes
    http-check expect status 200
    # Refused: out after 0.75 s. Silent: after about 1.5 s; then its sessions are closed, so that clients do not wait for a dead server.
    default-server check check-ssl verify required ca-file ${certificatePath('ca')} check-sni kubernetes verifyhost kubernetes inter 500ms fastinter 250ms downinter 1s fall 2 rise 2 on-marked-down shutdown-sessions
${servers.join('\n')}
`;
}
