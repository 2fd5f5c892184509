// The certificates that kubelets ask the cluster for by themselves. Nobody else writes them, except when authorities rotate.
import type { MachineSpec } from '../spec/types.ts';
import type { ExpectedCertificate } from './expected.ts';
import { parseCertificate } from './inspect.ts';
import { KUBELET_CLIENT_LINK, KUBELET_SERVER_LINK } from './names.ts';

/**
 * What a node's kubelet has: the client certificate of a worker (a control plane's is in the table of expected.ts), and the one that it
 * serves with. Names are those that it asks for itself, so that it finds nothing to renew.
 */
export function kubeletCertificates(machine: MachineSpec): readonly ExpectedCertificate[] {
  const identity = {
    kind: 'kubelet',
    issuer: 'ca',
    commonName: `system:node:${machine.name}`,
    organizations: ['system:nodes'],
  } as const;
  const server: ExpectedCertificate = {
    ...identity,
    name: 'kubelet-server',
    path: KUBELET_SERVER_LINK.path,
    sans: [machine.name, machine.address],
    usages: ['server'],
  };
  if (machine.role !== 'worker') return [server];
  return [
    { ...identity, name: 'kubelet-client', path: KUBELET_CLIENT_LINK.path, sans: [], usages: ['client'] },
    server,
  ];
}

/** Whether the first certificate of `authority` has signed the first of `pem`; true for a text that is none: that is another problem. */
export function isIssuedBy(pem: string, authority: string): boolean {
  try {
    const [leaf, issuer] = [parseCertificate(pem), parseCertificate(authority)];
    return leaf.checkIssued(issuer) && leaf.verify(issuer.publicKey);
  } catch {
    return true;
  }
}
