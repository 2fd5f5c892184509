// The two clusters that are compared: the same five machines, one network each.
import { supportedKubernetesVersions } from '../src/artifacts/catalog.ts';
import { parseSpec } from '../src/spec/load.ts';
import type { ClusterSpec } from '../src/spec/types.ts';

export interface BenchCluster {
  /** cluster.yaml, for the command line. */
  readonly yaml: string;
  readonly spec: ClusterSpec;
}

export interface BenchClusterOptions {
  readonly name: string;
  /** First three bytes of the machines' /24: `10.90.0`. */
  readonly network: string;
  /** Port of the endpoint at the virtual IP. */
  readonly port: number;
}

/** Three control planes and two workers, as issue and DESIGN.md compare them. Throws SPEC_INVALID. */
export function benchCluster({ name, network, port }: BenchClusterOptions): BenchCluster {
  const machines = [
    ...['cp1', 'cp2', 'cp3'].map(
      (cp, i) => `{ name: ${cp}, role: control-plane, address: ${network}.${11 + i}, local: {} }`,
    ),
    ...['worker1', 'worker2'].map(
      (worker, i) => `{ name: ${worker}, role: worker, address: ${network}.${21 + i}, local: {} }`,
    ),
  ];
  const yaml = `apiVersion: quorate/v1alpha1
kind: Cluster
metadata:
  name: ${name}
spec:
  kubernetesVersion: ${supportedKubernetesVersions()[0]}
  controlPlaneEndpoint: ${network}.10:${port}
  machines:
${machines.map((machine) => `    - ${machine}\n`).join('')}`;
  return { yaml, spec: parseSpec(yaml, `${name}.yaml`).spec };
}
