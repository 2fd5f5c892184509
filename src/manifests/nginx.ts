// NGINX as the load balancer: TCP passthrough at the virtual IP by its stream module. The open-source module has passive checks only:
// it learns that an API server is dead from a client's connection that fails. The first ones after a failure wait for the connect
// timeout, and an API server that accepts connections without being ready keeps getting them. HAProxy asks /readyz beforehand.
import type { MachineFacts } from '../machines/facts.ts';
import { API_SERVER_PORT } from '../pki/names.ts';
import { type ClusterSpec, controlPlanes } from '../spec/types.ts';
import {
  CONNECT_TIMEOUT_MS,
  DESCRIPTORS_PER_CONNECTION,
  maxConnections,
  SPARE_DESCRIPTORS,
  virtualIp,
} from './balancing.ts';
import { SCRIPTS_DIR } from './paths.ts';

/** Where Debian's nginx.service looks. */
export const NGINX_CONFIG_PATH = '/etc/nginx/nginx.conf';
/** Path of the script that tells whether the local NGINX works. */
export const CHECK_NGINX_PATH = `${SCRIPTS_DIR}/check-nginx`;

/** Loopback port at which the worker itself says a word, for keepalived. Nothing of Kubernetes has it. */
const STUB_PORT = 6444;
const STUB_ANSWER = 'nginx answers';

/** /etc/nginx/nginx.conf. Throws SPEC_UNSUPPORTED when the endpoint is a name. */
export function nginxConfig(spec: ClusterSpec, facts: MachineFacts): string {
  const descriptors = DESCRIPTORS_PER_CONNECTION * maxConnections(facts.nofileHard);
  return `# Written by quorate. Only failures are logged: journalctl -u nginx
load_module modules/ngx_stream_module.so;
user www-data;
pid /run/nginx.pid;
error_log stderr warn;
# One process has all connections: what it counts is the whole truth, and it is the one that keepalived's check asks.
worker_processes 1;
worker_rlimit_nofile ${descriptors + SPARE_DESCRIPTORS};
# After a reload the old process keeps its connections. Watches last for hours; without an end, old processes would pile up.
worker_shutdown_timeout 10m;

events {
    worker_connections ${descriptors};
}

stream {
${upstreamBlock(spec)}
${serverBlock(spec)}
    # The load balancer answers by itself here, whatever becomes of the API servers.
    server {
        listen 127.0.0.1:${STUB_PORT};
        return "${STUB_ANSWER}\\n";
    }
}
`;
}

function upstreamBlock(spec: ClusterSpec): string {
  const servers = controlPlanes(spec).map(
    ({ address }) => `        server ${address}:${API_SERVER_PORT} max_fails=2 fail_timeout=3s;\n`,
  );
  return `    upstream kube_apiserver {
        # Connections live for hours: what counts is how many each server has. One that returns is filled first.
        least_conn;
        # Out for three seconds after two connections that failed. When all are out nobody is served, so it must not be long.
${servers.join('')}    }
`;
}

function serverBlock(spec: ClusterSpec): string {
  return `    server {
        # The address may be on another machine just now (net.ipv4.ip_nonlocal_bind); this one is ready to take it over.
        listen ${virtualIp(spec)}:${spec.endpoint.port} so_keepalive=5s:1s:3;
        proxy_pass kube_apiserver;
        # The next server is tried for a client that has not been connected yet.
        proxy_connect_timeout ${CONNECT_TIMEOUT_MS}ms;
        proxy_next_upstream on;
        proxy_next_upstream_timeout 5s;
        # Watches, logs -f and exec stay silent for as long as they like (kubeadm #2227); dead peers are found by keepalive.
        proxy_timeout 24h;
        proxy_socket_keepalive on;
    }
`;
}

/**
 * The worker answers on loopback: one that is dead refuses, one that hangs says nothing, as the kernel accepts connections for it. A
 * look at its pid would show neither.
 */
export function checkNginxScript(): string {
  return `#!/bin/sh
# Succeeds while the local NGINX answers. keepalived asks once a second.
answer=$(socat -t 0.8 -T 0.8 -u TCP4:127.0.0.1:${STUB_PORT},connect-timeout=0.8 STDOUT 2>/dev/null)
[ "$answer" = '${STUB_ANSWER}' ]
`;
}
