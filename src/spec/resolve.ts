// From a checked cluster.yaml to the frozen ClusterSpec that everything downstream reads.
import { assignAddresses, gatewayOf, machineNetworkOf } from './addresses.ts';
import { formatCidr, nthAddress, parseCidr, parseIPv4 } from './cidr.ts';
import { DEFAULTS } from './defaults.ts';
import type { ClusterFile, MachineFile } from './schema.ts';
import { parseMemory, splitEndpoint } from './syntax.ts';
import type { ClusterSpec, DriverKind, Endpoint, MachineSpec, Networking, SnapshotSpec } from './types.ts';
import { withV } from './versions.ts';

/** Fills in what can be derived and freezes the result. Only for files that passed all checks. */
export function resolveSpec(file: ClusterFile): ClusterSpec {
  const { metadata, spec } = file;
  const endpoint = resolveEndpoint(spec.controlPlaneEndpoint);
  const hasLocal = spec.machines.some((machine) => machine.local !== undefined);
  const network = endpoint.vip === undefined ? undefined : machineNetworkOf(endpoint.vip);
  return deepFreeze({
    name: metadata.name,
    kubernetesVersion: withV(spec.kubernetesVersion),
    endpoint,
    certSANs: [...spec.certSANs],
    networking: resolveNetworking(spec.networking),
    loadBalancer: spec.loadBalancer,
    etcd: { topology: spec.etcd.topology, snapshots: resolveSnapshots(spec.etcd.snapshots) },
    failover: spec.failover,
    machines: resolveMachines(spec.machines, endpoint.vip),
    ...(hasLocal && network !== undefined
      ? {
          machineNetwork: {
            subnet: formatCidr(network),
            gateway: gatewayOf(network),
            prefixLength: network.prefixLength,
          },
        }
      : {}),
  });
}

function resolveEndpoint(text: string): Endpoint {
  const { host, port = DEFAULTS.port } = splitEndpoint(text);
  const authority = `${host}:${port}`;
  return {
    host,
    port,
    authority,
    url: `https://${authority}`,
    ...(parseIPv4(host) === undefined ? {} : { vip: host }),
  };
}

function resolveNetworking(networking: ClusterFile['spec']['networking']): Networking {
  const services = parseCidr(networking.serviceSubnet);
  return {
    ...networking,
    apiServiceIP: (services && nthAddress(services, 1)) ?? '',
    dnsServiceIP: (services && nthAddress(services, 10)) ?? '',
  };
}

function resolveSnapshots({ s3, ...rest }: ClusterFile['spec']['etcd']['snapshots']): SnapshotSpec {
  return { ...rest, ...(s3 === undefined ? {} : { s3 }) };
}

function resolveMachines(machines: readonly MachineFile[], vip: string | undefined): readonly MachineSpec[] {
  const network = vip === undefined ? undefined : machineNetworkOf(vip);
  const addresses = assignAddresses(
    machines.map((machine) => ({
      role: machine.role,
      driver: driverOf(machine),
      address: machine.address,
      sshHost: machine.ssh?.host,
    })),
    network,
    vip,
  );
  return machines.map((machine, index) => resolveMachine(machine, addresses[index] ?? ''));
}

function driverOf(machine: MachineFile): DriverKind {
  if (machine.ssh !== undefined) return 'ssh';
  return machine.fake === undefined ? 'local' : 'fake';
}

function resolveMachine(machine: MachineFile, address: string): MachineSpec {
  const { name, role, zone, labels, taints, local, ssh, fake } = machine;
  return {
    name,
    role,
    ...(zone === undefined ? {} : { zone }),
    address,
    labels,
    taints: taints.map(({ key, value, effect }) => ({ key, effect, ...(value === undefined ? {} : { value }) })),
    driver: driverOf(machine),
    ...(local === undefined ? {} : { local: resolveLocal(local) }),
    ...(ssh === undefined ? {} : { ssh: resolveSsh(ssh) }),
    ...(fake === undefined ? {} : { fake }),
  };
}

function resolveLocal({ memory, cpus }: NonNullable<MachineFile['local']>): NonNullable<MachineSpec['local']> {
  const memoryBytes = memory === undefined ? undefined : parseMemory(memory);
  return { ...(memoryBytes === undefined ? {} : { memoryBytes }), ...(cpus === undefined ? {} : { cpus }) };
}

function resolveSsh({ host, user, port, keyPath }: NonNullable<MachineFile['ssh']>): NonNullable<MachineSpec['ssh']> {
  return { host, user, port, ...(keyPath === undefined ? {} : { keyPath }) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
