import type { FileContent } from '../core/file.ts';
import type { Redactor } from '../core/redact.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { type Issuer, openAuthority } from './certificate.ts';
import { type ExpectedCertificate, localServer } from './expected.ts';
import { kubeletConf, renderKubeconfig } from './kubeconfig.ts';
import { type AuthorityName, KUBELET_CLIENT_LINK, KUBELET_SERVER_LINK, PKI_DIR } from './names.ts';
import { pairFiles } from './shared.ts';
import type { KeyPair, SharedMaterial } from './types.ts';

/** The clock of issuing, and who has to know of the keys. */
export interface IssueOptions {
  /** Milliseconds since the Unix epoch; default now. */
  readonly nowMs?: number;
  /** Learns the keys that are embedded, base64, in kubeconfigs. */
  readonly redactor?: Redactor;
}

/** kubelet.conf of a control plane: it holds no secret and never expires, it names the local API server. */
export function controlPlaneKubeletConf(
  material: SharedMaterial,
  spec: ClusterSpec,
  machine: MachineSpec,
): FileContent {
  return kubeletConf({
    clusterName: spec.name,
    nodeName: machine.name,
    server: localServer(machine),
    authority: material.authorities.ca.certificate,
  });
}

/**
 * The files of some certificates of the table, fresh keys included: all for a new machine, or those that certificateProblems found
 * wanting. A kubelet's is written to the target of its link (names.ts); the caller makes the link. Throws PKI_INVALID for an authority
 * that cannot sign.
 */
export async function issueCertificates(
  material: SharedMaterial,
  spec: ClusterSpec,
  wanted: readonly ExpectedCertificate[],
  options: IssueOptions = {},
): Promise<FileContent[]> {
  const nowMs = options.nowMs ?? Date.now();
  const issuers = await openAuthorities(material, wanted);
  const files = wanted.map(async (expected) => {
    const issue = issuers.get(expected.issuer);
    return issue ? filesOf(material, spec, expected, await issue(expected, nowMs), options) : [];
  });
  return (await Promise.all(files)).flat();
}

async function openAuthorities(
  material: SharedMaterial,
  wanted: readonly ExpectedCertificate[],
): Promise<ReadonlyMap<AuthorityName, Issuer>> {
  const names = [...new Set(wanted.map(({ issuer }) => issuer))];
  const opened = names.map(async (name) => [name, await openAuthority(material.authorities[name])] as const);
  return new Map(await Promise.all(opened));
}

function filesOf(
  material: SharedMaterial,
  spec: ClusterSpec,
  expected: ExpectedCertificate,
  pair: KeyPair,
  { redactor }: IssueOptions,
): FileContent[] {
  if (expected.kind === 'pair') return pairFiles(expected.path.slice(PKI_DIR.length + 1, -'.crt'.length), pair);
  if (expected.kind === 'kubelet') {
    const { target } = expected.path === KUBELET_SERVER_LINK.path ? KUBELET_SERVER_LINK : KUBELET_CLIENT_LINK;
    return [{ path: target, content: pair.certificate + pair.privateKey, mode: 0o600 }];
  }
  redactor?.add(Buffer.from(pair.privateKey).toString('base64'));
  const content = renderKubeconfig({
    cluster: spec.name,
    user: expected.commonName,
    server: expected.server ?? spec.endpoint.url,
    authority: material.authorities.ca.certificate,
    credentials: { pair },
  });
  return [{ path: expected.path, content, mode: 0o600 }];
}

/** A client certificate of the cluster's authority, for the operator itself or for a person. */
export async function issueClient(
  material: SharedMaterial,
  client: { readonly commonName: string; readonly organizations: readonly string[]; readonly ttlMs: number },
  options: IssueOptions = {},
): Promise<KeyPair> {
  const issue = await openAuthority(material.authorities.ca);
  const pair = await issue({ ...client, sans: [], usages: ['client'] }, options.nowMs ?? Date.now());
  options.redactor?.add(Buffer.from(pair.privateKey).toString('base64'));
  return pair;
}
