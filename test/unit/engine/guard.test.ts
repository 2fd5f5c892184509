// What a file may ask of a living cluster, and what it is told where it may not.
import { beforeAll, describe, expect, it } from 'vitest';
import { refuseImpossibleChanges } from '../../../src/engine/guard.ts';
import { makePlan } from '../../../src/engine/plan.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import type { ClusterSpec, MachineSpec } from '../../../src/spec/types.ts';
import { absentCluster, healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

const { networking } = spec;
const machines = (change: (machine: MachineSpec) => Partial<MachineSpec>) => ({
  machines: spec.machines.map((machine) => ({ ...machine, ...change(machine) })),
});
const onlyOf = (name: string, fields: Partial<MachineSpec>) => machines((m) => (m.name === name ? fields : {}));

function refusal(change: Partial<ClusterSpec>, observed = healthy): { code?: string; message?: string } {
  try {
    refuseImpossibleChanges({ ...spec, ...change }, observed);
    return {};
  } catch (error) {
    return error as { code: string; message: string };
  }
}

describe('what a living cluster cannot change', () => {
  it.each<[what: string, change: Partial<ClusterSpec>, line: string]>([
    [
      'its name',
      { name: 'other' },
      'metadata.name: demo to other: it is in certificates, kubeconfigs and the etcd token',
    ],
    [
      'its endpoint',
      { endpoint: { ...spec.endpoint, authority: '10.88.0.9:6443' } },
      'spec.controlPlaneEndpoint: 10.88.0.10:6443 to 10.88.0.9:6443: every kubelet and kubeconfig has it; add a further name to certSANs instead',
    ],
    [
      'the pod subnet',
      { networking: { ...networking, podSubnet: '10.99.0.0/16' } },
      'spec.networking.podSubnet: 10.42.0.0/16 to 10.99.0.0/16: nodes and pods have addresses of it',
    ],
    [
      'the service subnet',
      { networking: { ...networking, serviceSubnet: '10.98.0.0/16' } },
      'spec.networking.serviceSubnet: 10.43.0.0/16 to 10.98.0.0/16: Services have addresses of it, and the API server its certificate',
    ],
    [
      'the DNS domain',
      { networking: { ...networking, dnsDomain: 'corp.internal' } },
      'spec.networking.dnsDomain: cluster.local to corp.internal: it is in tokens and in every pod',
    ],
    [
      'where etcd is',
      { etcd: { ...spec.etcd, topology: 'external' } },
      'spec.etcd.topology: stacked to external: its members would all have to move; build a new cluster and restore a backup into it',
    ],
    [
      'what a machine is',
      onlyOf('w1', { role: 'loadbalancer' }),
      'role of w1: worker to loadbalancer: remove the machine (apply the file without it), then add it anew',
    ],
    [
      'the address of a machine',
      onlyOf('w2', { address: '10.88.0.99' }),
      'address of w2: 10.88.0.22 to 10.88.0.99: remove the machine (apply the file without it), then add it anew',
    ],
    [
      'how a machine is reached',
      onlyOf('cp1', { driver: 'ssh' }),
      'driver of cp1: fake to ssh: remove the machine (apply the file without it), then add it anew',
    ],
  ])('%s', (_what, change, line) => {
    const { code, message } = refusal(change);
    expect(code).toBe('IMMUTABLE_CHANGE');
    expect(message?.split('\n')[0]).toBe('a living cluster cannot change');
    expect(message?.split('\n')).toContain(`  ${line}`);
  });

  it('all of its members at once', () => {
    const moved = spec.machines.map((machine, index) => ({
      ...machine,
      name: `new${index}`,
      address: `10.88.0.${100 + index}`,
    }));
    expect(refusal({ machines: moved }).message).toContain(
      'all members of etcd: 10.88.0.11 10.88.0.12 10.88.0.13 to 10.88.0.100 10.88.0.101 10.88.0.102: none of them would be left',
    );
  });

  it('is said of everything at once, and by the plan', () => {
    const change = { name: 'other', networking: { ...networking, podSubnet: '10.99.0.0/16' } };
    expect(refusal(change).message?.split('\n')).toHaveLength(3);
    expect(() => makePlan({ ...spec, ...change }, healthy)).toThrowError(
      expect.objectContaining({ code: 'IMMUTABLE_CHANGE' }),
    );
  });
});

describe('what a living cluster can change', () => {
  it.each<[what: string, change: Partial<ClusterSpec>]>([
    ['nothing', {}],
    ['more control planes', { machines: makeSpec({ controlPlanes: 5 }).machines }],
    ['fewer control planes', { machines: makeSpec({ controlPlanes: 1 }).machines }],
    ['no workers', { machines: makeSpec({ workers: 0 }).machines }],
    ['labels', onlyOf('w1', { labels: { disk: 'ssd' } })],
    ['names in certificates', { certSANs: ['localhost', 'k8s.example.com'] }],
    ['how it is balanced', { loadBalancer: { type: 'nginx' } }],
    ['an older patch release', { kubernetesVersion: 'v1.36.1' }],
  ])('%s', (_what, change) => {
    expect(refusal(change)).toEqual({});
  });

  it('is anything while there is no cluster', () => {
    expect(refusal({ name: 'other', kubernetesVersion: 'v1.34.4' }, absentCluster(spec))).toEqual({});
  });
});

describe('versions', () => {
  const withKubelet = (version: string): Observed => {
    const kube = healthy.kube ?? expect.fail('answers');
    const nodes = kube.nodes.map((node) => (node.name === 'w1' ? { ...node, version } : node));
    return { ...healthy, kube: { ...kube, nodes } };
  };

  it('that are too far back are refused with their reason', () => {
    expect(refusal({ kubernetesVersion: 'v1.34.4' })).toMatchObject({
      code: 'VERSION_SKEW',
      message: 'v1.36.3 back to v1.34.4 is more than one minor version',
    });
  });

  it('of a kubelet that is too old for the API server are refused, those of a newer one are rolled back with the rest', () => {
    expect(refusal({}, withKubelet('v1.32.9'))).toMatchObject({
      code: 'VERSION_SKEW',
      message: expect.stringContaining('w1: kubelet v1.32.9 with API server v1.36.3: 4 minor versions older'),
    });
    expect(refusal({}, withKubelet('v1.33.0'))).toEqual({});
    expect(refusal({}, withKubelet('v1.37.0'))).toEqual({});
  });
});

describe('a machine that refuses us', () => {
  it('is a matter for its owner before anything is changed; one that does not answer is not', () => {
    const closed = (code: 'SUDO_REFUSED' | 'MACHINE_UNREACHABLE'): Observed => ({
      ...healthy,
      machines: {
        ...healthy.machines,
        w1: { name: 'w1', state: 'unreachable', error: { code, message: 'no', hint: 'mend it', family: 'connect' } },
      },
    });
    expect(refusal({}, closed('SUDO_REFUSED'))).toMatchObject({ code: 'SUDO_REFUSED', hint: 'mend it' });
    expect(refusal({}, closed('MACHINE_UNREACHABLE'))).toEqual({});
  });
});

describe('a machine of another cluster', () => {
  it('is neither written to nor wiped', () => {
    const { facts } = healthy.machines.w1 ?? expect.fail('is there');
    const machines = {
      ...healthy.machines,
      w1: { name: 'w1', state: 'running', facts: { ...facts, cluster: 'prod' } },
    };
    const observed = { ...healthy, machines } as Observed;
    expect(refusal({}, observed)).toMatchObject({
      code: 'FOREIGN_MACHINE',
      message: 'not of cluster demo: w1 is part of prod',
    });
  });
});
