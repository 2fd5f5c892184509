import { MAX_CLUSTER_NAME } from '../defaults.ts';
import { type Finding, invalid, type SpecPath } from '../problem.ts';
import { isCertSAN, isSubdomain } from '../syntax.ts';
import { ENDPOINT, type SpecView } from './view.ts';

const CLUSTER_NAME: SpecPath = ['metadata', 'name'];

/** The cluster's name fits into the names that are made of it, and each machine has a name of its own. */
export function* checkNames(view: SpecView): Iterable<Finding> {
  const name = view.clusterName;
  if (name !== undefined && name.length > MAX_CLUSTER_NAME) {
    yield invalid(
      CLUSTER_NAME,
      `metadata.name "${name}" has ${name.length} characters; ${MAX_CLUSTER_NAME} are the most, because other names are made of it`,
      `write, for example: name: ${name.slice(0, MAX_CLUSTER_NAME).replace(/-+$/, '')}`,
    );
  }
  yield* checkMachineNames(view);
}

function* checkMachineNames({ machines }: SpecView): Iterable<Finding> {
  const first = new Map<string, number>();
  for (const { draft, path } of machines) {
    const name = draft.name;
    if (typeof name !== 'string') continue;
    const place = [...path, 'name'];
    const earlier = first.get(name);
    if (earlier !== undefined) {
      const names = new Set(machines.map((machine) => machine.draft.name));
      const message = `machine name "${name}" is taken by spec.machines[${earlier}]`;
      yield invalid(place, message, `write a name of its own, for example: name: ${freeName(name, names)}`);
    } else first.set(name, Number(path.at(-1)));
    if (name === 'localhost') {
      yield invalid(
        place,
        'machine name "localhost" means this host everywhere',
        'write another name, for example: name: cp1',
      );
    }
  }
}

function freeName(name: string, taken: ReadonlySet<unknown>): string {
  const stem = name.replace(/[0-9]+$/, '').slice(0, 58);
  let number = 2;
  while (taken.has(`${stem}${number}`)) number += 1;
  return `${stem}${number}`;
}

/** DNS names: the endpoint, the names on certificates, and the cluster's domain. */
export function* checkDnsNames({ spec, endpoint, vip }: SpecView): Iterable<Finding> {
  for (const [index, name] of (spec.certSANs ?? []).entries()) {
    if (typeof name !== 'string' || isCertSAN(name)) continue;
    yield invalid(
      ['spec', 'certSANs', index],
      `"${name}" in spec.certSANs is neither a DNS name in lower case nor an IP address`,
      'write for example api.example.com or 192.0.2.10, without scheme and port',
    );
  }
  const domain = spec.networking?.dnsDomain;
  if (typeof domain === 'string' && !isSubdomain(domain)) {
    const message = `spec.networking.dnsDomain "${domain}" is not a DNS name in lower case`;
    yield invalid(['spec', 'networking', 'dnsDomain'], message, 'write, for example: dnsDomain: cluster.local');
  }
  if (endpoint === undefined || vip !== undefined) return;
  if (!isSubdomain(endpoint.host) || /^[0-9.]+$/.test(endpoint.host)) {
    const message = `spec.controlPlaneEndpoint "${endpoint.host}" is neither an IPv4 address nor a DNS name in lower case`;
    yield invalid(ENDPOINT, message, 'write, for example: controlPlaneEndpoint: 10.87.0.10:6443');
  }
}
