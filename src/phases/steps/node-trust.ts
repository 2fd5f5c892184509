// Kubelets of nodes that have joined, when the cluster's authorities change: what they trust and what they are known by. They write
// their own certificates otherwise; here they are issued anew, because the one that signed them is about to be trusted no more.
import type { Context } from '../../core/context.ts';
import type { MachineFacts } from '../../machines/facts.ts';
import type { Observed } from '../../observe/observed.ts';
import type { ExpectedCertificate } from '../../pki/expected.ts';
import { isIssuedBy, kubeletCertificates } from '../../pki/expected-kubelet.ts';
import { issueCertificates } from '../../pki/issue.ts';
import { kubeletConf } from '../../pki/kubeconfig.ts';
import { certificatePath, KUBELET_CLIENT_LINK, KUBELET_CONF_PATH, KUBELET_SERVER_LINK } from '../../pki/names.ts';
import { trustDigest } from '../../pki/trust.ts';
import { type ClusterSpec, controlPlanes, isNode, type MachineSpec } from '../../spec/types.ts';
import type { Step } from '../step.ts';
import type { Toolbox } from '../toolbox.ts';

const CA_PATH = certificatePath('ca');

/** At most one step: a node's kubelet trusts the authorities of the control planes, and its certificates are of the one that signs. */
export function nodeTrustSteps(spec: ClusterSpec, observed: Observed, machine: MachineSpec): Step[] {
  const facts = observed.machines[machine.name]?.facts;
  const authority = authorityOf(spec, observed);
  if (!isNode(machine) || facts === undefined || authority === undefined) return [];
  // One that has not joined gets all of it when it does.
  if (facts.files[KUBELET_CONF_PATH] === undefined) return [];
  const leaves = kubeletCertificates(machine).filter(({ path }) => {
    const found = facts.certificates[path];
    return found !== undefined && !isIssuedBy(found, authority);
  });
  const isBehind = machine.role === 'worker' && trustsOthers(facts, authority);
  if (leaves.length === 0 && !isBehind) return [];
  const names = leaves.map(({ name }) => name);
  return [
    {
      id: `${machine.name}/kubelet-trust`,
      lane: machine.name,
      machine: machine.name,
      title: [
        ...(isBehind ? ["give its kubelet the cluster's authorities"] : []),
        ...(names.length > 0 ? [`issue certificates of its kubelet (${names.join(', ')})`] : []),
      ].join(', '),
      why: isBehind ? 'the control planes trust others' : `not issued by ${CA_PATH}`,
      run: (ctx, tools) => writeTrust(ctx, tools, spec, machine, leaves),
    },
  ];
}

/** The authorities of the control planes, as the first of them that answers has them; PEM. */
export function authorityOf(spec: ClusterSpec, observed: Observed): string | undefined {
  const found = controlPlanes(spec).map(({ name }) => observed.machines[name]?.facts?.certificates[CA_PATH]);
  return found.find((pem) => pem !== undefined);
}

function trustsOthers({ certificates, authorities }: MachineFacts, authority: string): boolean {
  const wanted = trustDigest(authority);
  const embedded = authorities[KUBELET_CONF_PATH];
  return trustDigest(certificates[CA_PATH]) !== wanted || (embedded !== undefined && trustDigest(embedded) !== wanted);
}

async function writeTrust(
  ctx: Context,
  tools: Toolbox,
  spec: ClusterSpec,
  machine: MachineSpec,
  leaves: readonly ExpectedCertificate[],
): Promise<void> {
  const material = await tools.shared(ctx);
  const host = tools.fleet.machine(machine.name);
  const authority = material.authorities.ca.certificate;
  const pems = await issueCertificates(material, spec, leaves, { redactor: ctx.redactor });
  const about = { clusterName: spec.name, nodeName: machine.name, server: spec.endpoint.url, authority };
  await host.writeFiles(ctx, pems);
  for (const { path, target } of [KUBELET_CLIENT_LINK, KUBELET_SERVER_LINK]) {
    if (pems.some((file) => file.path === target)) await host.exec(ctx, ['ln', '-sfn', target, path]);
  }
  // A control plane's are written with its other certificates. The authorities come last: they tell whether the rest is done.
  if (machine.role !== 'worker') return;
  await host.writeFiles(ctx, [kubeletConf(about), { path: CA_PATH, content: authority, mode: 0o644 }]);
}
