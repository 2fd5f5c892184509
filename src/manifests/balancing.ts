// What HAProxy and NGINX have in common: the address that they listen on, and how many connections a machine can carry.
import { QuorateError } from '../core/errors.ts';
import type { ClusterSpec } from '../spec/types.ts';

/** A connection takes two file descriptors: the client's and the API server's. */
export const DESCRIPTORS_PER_CONNECTION = 2;
/** For checks, listeners and logs. */
export const SPARE_DESCRIPTORS = 200;
/** Ten thousand nodes, each with a kubelet and a proxy, would need twice that; five thousand is Kubernetes' own limit. */
const MAX_CONNECTIONS = 10_000;

/**
 * A machine that is switched off does not answer at all: after this long a connection tries another API server, milliseconds. Machines
 * of one cluster answer each other within a few; a lost SYN is sent again after a second only.
 */
export const CONNECT_TIMEOUT_MS = 300;

/**
 * Connections that the hard limit of open files can carry. With more, HAProxy does not start ("Cannot raise FD limit"), and NGINX runs
 * out of descriptors under load.
 */
export function maxConnections(nofileHard: number): number {
  const possible = Math.floor((nofileHard - SPARE_DESCRIPTORS) / DESCRIPTORS_PER_CONNECTION);
  // Whole hundreds, so that a limit that differs by a few does not change the file.
  return Math.max(100, Math.min(MAX_CONNECTIONS, Math.floor(possible / 100) * 100));
}

/**
 * The virtual IP. Throws SPEC_UNSUPPORTED when the endpoint is a name: nobody can hold one, and on control planes the API server has
 * the same port on the machine's own address, so that the load balancer cannot listen on all of them.
 */
export function virtualIp({ endpoint }: ClusterSpec): string {
  if (endpoint.vip !== undefined) return endpoint.vip;
  throw new QuorateError('SPEC_UNSUPPORTED', `controlPlaneEndpoint ${endpoint.host} is not an address`, {
    hint: 'give a free address of the machines’ network, or loadBalancer: { type: external }',
  });
}

/** haproxy.service.d/10-quorate.conf and NGINX's: come back at once, always. */
export function balancerDropIn(): string {
  return `[Unit]
After=quorate-network.service
StartLimitIntervalSec=0

[Service]
Restart=always
RestartSec=500ms
`;
}
