// A healthy cluster on the stage: what its machines answer lies in a directory, its API servers listen on loopback addresses.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MachineFacts } from '../../src/machines/facts.ts';
import type { Observed } from '../../src/observe/observed.ts';
import { issueClient } from '../../src/pki/issue.ts';
import { API_SERVER_PORT, certificatePath, KUBELET_CLIENT_LINK, keyPath } from '../../src/pki/names.ts';
import type { SharedMaterial } from '../../src/pki/types.ts';
import { type ClusterSpec, controlPlanes, type MachineSpec } from '../../src/spec/types.ts';
import { factsText } from '../../test/helpers/facts-text.ts';
import { healthyApi } from '../../test/helpers/healthy-api.ts';
import { startTlsApi } from '../../test/helpers/kube-server.ts';
import { type HealthyFleet, healthyFleet } from '../../test/helpers/observed.ts';
import { ETCD_FILE, FACTS_DIR, OPERATOR_FILE, OPERATOR_KUBECONFIG, SPEC_FILE, YAML_FILE } from './directory.ts';
import { growthYaml } from './spec.ts';

const YEAR_MS = 365 * 86_400_000;

/** Sets a healthy cluster up below `directory`; returns what takes its API servers down. Throws EADDRINUSE. */
export async function setStage(spec: ClusterSpec, directory: string): Promise<() => Promise<void>> {
  const fleet = await healthyFleet(spec, Date.now());
  await mkdir(join(directory, FACTS_DIR), { recursive: true });
  await writeFile(join(directory, SPEC_FILE), JSON.stringify(spec));
  await writeFile(join(directory, ETCD_FILE), JSON.stringify(fleet.observed.etcd));
  await writeFile(join(directory, OPERATOR_FILE), contentOf(fleet, 'cp1', OPERATOR_KUBECONFIG));
  for (const machine of spec.machines) {
    const facts = await fullFacts(spec, fleet, machine);
    await writeFile(join(directory, FACTS_DIR, machine.name), factsText(facts));
  }
  await writeFile(join(directory, YAML_FILE), growthYaml(spec.machines.length));
  return serve(spec, fleet);
}

/** What a machine has beyond what quorate wrote: the virtual IP, and what a kubelet made for itself. */
async function fullFacts(
  spec: ClusterSpec,
  { observed, material }: HealthyFleet,
  machine: MachineSpec,
): Promise<MachineFacts> {
  const facts = observed.machines[machine.name]?.facts;
  if (facts === undefined) throw new RangeError(`${machine.name} has no facts`);
  const { vip } = spec.endpoint;
  const holds = vip !== undefined && observed.vipHolders.includes(machine.name);
  return {
    ...facts,
    addresses: holds ? [...facts.addresses, vip] : facts.addresses,
    certificates: machine.role === 'worker' ? await kubeletCertificates(machine, material) : facts.certificates,
  };
}

/** Different ones on every worker: reading the same one again and again would be too easy. */
async function kubeletCertificates({ name }: MachineSpec, material: SharedMaterial): Promise<Record<string, string>> {
  const subject = { commonName: `system:node:${name}`, organizations: ['system:nodes'], ttlMs: YEAR_MS };
  const [client, serving] = await Promise.all([issueClient(material, subject), issueClient(material, subject)]);
  return {
    [certificatePath('ca')]: material.authorities.ca.certificate,
    [KUBELET_CLIENT_LINK.path]: client.certificate,
    '/var/lib/kubelet/pki/kubelet-server-current.pem': serving.certificate,
  };
}

/** One API server for each control plane, and the load balancer at the endpoint. */
async function serve(spec: ClusterSpec, fleet: HealthyFleet): Promise<() => Promise<void>> {
  const answer = healthyApi(spec, kubeOf(fleet.observed), fleet.material.authorities.ca.certificate);
  const [first] = controlPlanes(spec);
  const places = [...controlPlanes(spec), ...(first ? [{ name: first.name, address: spec.endpoint.host }] : [])];
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    await Promise.all(closers.map((end) => end()));
  };
  try {
    for (const { name, address } of places) {
      const cert = contentOf(fleet, name, certificatePath('apiserver'));
      const key = contentOf(fleet, name, keyPath('apiserver'));
      closers.push(await startTlsApi({ host: address, port: API_SERVER_PORT, cert, key }, answer));
    }
    return close;
  } catch (error) {
    await close();
    throw error;
  }
}

function kubeOf({ kube }: Observed): NonNullable<Observed['kube']> {
  if (kube === undefined) throw new RangeError('a healthy cluster has an API');
  return kube;
}

function contentOf({ files }: HealthyFleet, machine: string, path: string): string {
  const file = files[machine]?.find((candidate) => candidate.path === path);
  if (file === undefined) throw new RangeError(`${machine} has no ${path}`);
  return Buffer.from(file.content).toString();
}
