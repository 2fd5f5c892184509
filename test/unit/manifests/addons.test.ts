import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { addonGroups, addonObjects } from '../../../src/manifests/addons/index.ts';
import { bootstrapTokenSecret } from '../../../src/manifests/bootstrap-token.ts';
import { nodeTaints } from '../../../src/manifests/node-labels.ts';
import type { KubeObject } from '../../../src/manifests/object.ts';
import type { Taint } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { machineOf } from './helpers.ts';

const INPUT = { caCertificate: 'CERT' };
const spec = makeSpec();

interface Workload extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: Record<string, string> };
    readonly template: {
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: {
        readonly serviceAccountName: string;
        readonly tolerations: readonly { key?: string; operator?: string; effect?: string }[];
        readonly containers: readonly { name: string; resources: { requests: Record<string, string> } }[];
      };
    };
  };
}

function workloads(of = spec): Workload[] {
  return addonObjects(of, INPUT).filter(({ kind }) => ['Deployment', 'DaemonSet'].includes(kind)) as Workload[];
}

function find(kind: string, name: string, of = spec): KubeObject | undefined {
  return addonObjects(of, INPUT).find((object) => object.kind === kind && object.metadata.name === name);
}

function tolerates(workload: Workload, taint: Taint): boolean {
  return workload.spec.template.spec.tolerations.some(
    ({ key, operator, effect }) =>
      (effect === undefined || effect === taint.effect) &&
      (key === taint.key || (key === undefined && operator === 'Exists')),
  );
}

describe('add-ons', () => {
  it('are four workloads that select their own pods and ask for what they use', () => {
    expect(workloads().map(({ metadata }) => metadata.name)).toEqual([
      'kube-proxy',
      'kube-flannel-ds',
      'coredns',
      'metrics-server',
    ]);
    for (const { spec: workload } of workloads()) {
      expect(workload.template.metadata.labels).toMatchObject(workload.selector.matchLabels);
      for (const { resources } of workload.template.spec.containers) {
        expect(Object.keys(resources.requests).sort()).toEqual(['cpu', 'memory']);
      }
    }
  });

  it('may run on control planes', () => {
    for (const workload of workloads()) {
      for (const taint of nodeTaints(machineOf(spec, 'cp1'))) {
        expect(tolerates(workload, taint), `${workload.metadata.name} ${taint.key}`).toBe(true);
      }
    }
  });

  it('are unique, and have the account they run as', () => {
    const keys = addonObjects(spec, INPUT).map(
      ({ kind, metadata }) => `${kind}/${metadata.namespace}/${metadata.name}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
    for (const { metadata, spec: workload } of workloads()) {
      expect(keys).toContain(`ServiceAccount/${metadata.namespace}/${workload.template.spec.serviceAccountName}`);
    }
  });

  it('come after what they refer to', () => {
    for (const [group, stages] of Object.entries(addonGroups(spec, INPUT))) {
      const stageOf = (kind: string) => stages.findIndex((stage) => stage.some((object) => object.kind === kind));
      const expectOrder = (first: string, then: string) =>
        stageOf(then) === -1 || expect(stageOf(first), `${group}: ${first} before ${then}`).toBeLessThan(stageOf(then));
      expectOrder('Namespace', 'ServiceAccount');
      expectOrder('ServiceAccount', 'DaemonSet');
      expectOrder('ServiceAccount', 'Deployment');
    }
    const { networking, dns } = addonGroups(spec, INPUT);
    expect([networking.length, dns.length], 'namespaces, prerequisites, workloads').toEqual([3, 2]);
  });

  it('keep one copy of CoreDNS and metrics-server through a drain, unless there is only one', () => {
    expect(find('PodDisruptionBudget', 'coredns')).toMatchObject({ spec: { minAvailable: 1 } });
    const single = makeSpec({ controlPlanes: 1, workers: 0 });
    expect(find('PodDisruptionBudget', 'coredns', single)).toBeUndefined();
    expect(workloads(single).map((workload) => workload.spec.replicas ?? 'every node')).toEqual([
      'every node',
      'every node',
      1,
      1,
    ]);
  });

  it('never put two copies of CoreDNS on one machine', () => {
    expect(find('Deployment', 'coredns')).toMatchObject({
      spec: {
        template: {
          spec: {
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname' }],
              },
            },
          },
        },
      },
    });
  });

  it('verify kubelets in metrics-server', () => {
    expect(JSON.stringify(find('Deployment', 'metrics-server'))).not.toContain('insecure-tls');
  });

  it('use the addresses of the specification', () => {
    expect(find('Service', 'kube-dns')).toMatchObject({ spec: { clusterIP: '10.43.0.10' } });
    const flannel = find('ConfigMap', 'kube-flannel-cfg') as { data?: Record<string, string> } | undefined;
    expect(JSON.parse(flannel?.data?.['net-conf.json'] ?? '{}')).toMatchObject({
      Network: '10.42.0.0/16',
      Backend: { Type: 'vxlan', Port: 8472 },
    });
    const info = find('ConfigMap', 'cluster-info') as { data?: Record<string, string> } | undefined;
    expect(parse(info?.data?.kubeconfig ?? '')).toMatchObject({
      clusters: [{ cluster: { server: 'https://10.88.0.10:6443', 'certificate-authority-data': 'Q0VSVA==' } }],
    });
  });
});

describe('bootstrap token', () => {
  it('is a Secret in the form that the API server authenticates by', () => {
    const secret = bootstrapTokenSecret(
      { id: 'abcdef', secret: '0123456789abcdef' },
      new Date('2030-01-01T00:00:00.123Z'),
    );
    expect(secret).toMatchObject({
      type: 'bootstrap.kubernetes.io/token',
      metadata: { name: 'bootstrap-token-abcdef' },
    });
    const data = Object.entries((secret as unknown as { data: Record<string, string> }).data).map(([key, value]) => [
      key,
      Buffer.from(value, 'base64').toString(),
    ]);
    expect(Object.fromEntries(data)).toEqual({
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      expiration: '2030-01-01T00:00:00Z',
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    });
  });
});
