import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { initialCluster } from '../../../src/manifests/etcd.ts';
import { memoryLimit } from '../../../src/manifests/memory-limits.ts';
import { staticPodFiles } from '../../../src/manifests/node-files.ts';
import { MANIFESTS_DIR } from '../../../src/manifests/paths.ts';
import { POD_DIGEST_ANNOTATION } from '../../../src/manifests/static-pod.ts';
import { type ClusterSpec, controlPlanes } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { fileOf, machineOf, makeFacts } from './helpers.ts';

interface Pod {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  readonly spec: {
    readonly hostNetwork: boolean;
    readonly priorityClassName: string;
    readonly securityContext: unknown;
    readonly containers: readonly {
      readonly command: readonly string[];
      readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> };
      readonly ports: readonly { readonly name: string }[];
      readonly startupProbe: { readonly httpGet: { readonly port: string; readonly host: string } };
      readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
    }[];
    readonly volumes: readonly { readonly name: string; readonly hostPath: { readonly path: string } }[];
  };
}

const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
const BOOTSTRAP = { etcdToken: 'demo-1', initialClusterState: 'new' } as const;

function podsOf(spec = makeSpec(), name = 'cp1'): Record<string, Pod> {
  const files = staticPodFiles(spec, machineOf(spec, name), makeFacts(), BOOTSTRAP);
  return Object.fromEntries(
    COMPONENTS.map((component) => [component, parse(fileOf(files, `${MANIFESTS_DIR}/${component}.yaml`)) as Pod]),
  );
}

function flagsOf(pod: Pod | undefined): Record<string, string> {
  const flags = pod?.spec.containers[0]?.command.slice(1) ?? [];
  return Object.fromEntries(flags.map((flag) => flag.slice(2).split(/=(.*)/s).slice(0, 2)));
}

describe('static pods', () => {
  it('have what kubeadm looks for, for any number of control planes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 7 }),
        fc.nat(),
        fc.constantFrom('default' as const, 'fast' as const),
        (count, pick, failover) => {
          const spec = makeSpec({ controlPlanes: count, overrides: { failover } });
          const machine = controlPlanes(spec)[pick % count];
          if (!machine) throw new Error('unreachable');
          for (const [component, pod] of Object.entries(podsOf(spec, machine.name))) {
            expect(pod).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
            expect(pod.metadata).toMatchObject({ name: component, namespace: 'kube-system' });
            expect(pod.metadata.labels).toEqual({ component, tier: 'control-plane' });
            expect(pod.spec).toMatchObject({
              hostNetwork: true,
              priorityClassName: 'system-node-critical',
              securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
            });
            const [container] = pod.spec.containers;
            expect(container?.command[0]).toBe(component);
            expect(Object.keys(container?.resources.requests ?? {})).toEqual(['cpu', 'memory']);
            // No CPU limit: it would throttle heartbeats.
            expect(Object.keys(container?.resources.limits ?? {})).toEqual(['memory']);
            expect(container?.ports.map(({ name }) => name)).toContain(container?.startupProbe.httpGet.port);
            expect(container?.volumeMounts.map(({ name }) => name).sort()).toEqual(
              pod.spec.volumes.map(({ name }) => name).sort(),
            );
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('mount every file that a flag names', () => {
    for (const pod of Object.values(podsOf())) {
      const mounts = pod.spec.containers[0]?.volumeMounts.map(({ mountPath }) => mountPath) ?? [];
      for (const [flag, value] of Object.entries(flagsOf(pod))) {
        if (!value.startsWith('/')) continue;
        expect(
          mounts.some((mount) => value === mount || value.startsWith(`${mount}/`)),
          `--${flag}=${value}`,
        ).toBe(true);
      }
    }
  });

  it('carry the annotations by which kubeadm finds endpoints', () => {
    const pods = podsOf(makeSpec(), 'cp2');
    expect(pods.etcd?.metadata.annotations).toMatchObject({
      'kubeadm.kubernetes.io/etcd.advertise-client-urls': 'https://10.88.0.12:2379',
    });
    expect(pods['kube-apiserver']?.metadata.annotations).toMatchObject({
      'kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint': '10.88.0.12:6443',
    });
  });

  it('carry a digest of all that they were rendered from, the same for the same and another for any change', () => {
    const digests = (spec: ClusterSpec) =>
      Object.values(podsOf(spec)).map(({ metadata }) => metadata.annotations?.[POD_DIGEST_ANNOTATION] ?? '');
    const before = digests(makeSpec());
    expect(before.every((digest) => /^[0-9a-f]{64}$/.test(digest))).toBe(true);
    expect(new Set(before).size).toBe(COMPONENTS.length);
    expect(digests(makeSpec())).toEqual(before);
    const after = digests(makeSpec({ overrides: { kubernetesVersion: 'v1.36.1' } }));
    expect(after.filter((digest) => before.includes(digest))).toEqual([]);
  });

  it('never give up durability', () => {
    const text = COMPONENTS.map((name) => JSON.stringify(podsOf()[name])).join();
    expect(text).not.toContain('unsafe-no-fsync');
    expect(text).not.toContain('"Memory"');
  });
});

describe('etcd', () => {
  it('starts every member from the same list', () => {
    const lists = ['cp1', 'cp2', 'cp3'].map((name) => flagsOf(podsOf(makeSpec(), name).etcd)['initial-cluster']);
    expect(new Set(lists)).toEqual(
      new Set(['cp1=https://10.88.0.11:2380,cp2=https://10.88.0.12:2380,cp3=https://10.88.0.13:2380']),
    );
  });

  it('takes membership, state and token of a joining member from the caller', () => {
    const spec = makeSpec();
    const files = staticPodFiles(spec, machineOf(spec, 'cp2'), makeFacts(), {
      etcdToken: 'later',
      initialClusterState: 'existing',
      initialCluster: initialCluster(spec.machines.slice(0, 2)),
    });
    const flags = flagsOf(parse(fileOf(files, `${MANIFESTS_DIR}/etcd.yaml`)) as Pod);
    expect(flags).toMatchObject({
      'initial-cluster': 'cp1=https://10.88.0.11:2380,cp2=https://10.88.0.12:2380',
      'initial-cluster-state': 'existing',
      'initial-cluster-token': 'later',
    });
  });

  it('demands certificates of clients and peers', () => {
    expect(flagsOf(podsOf().etcd)).toMatchObject({ 'client-cert-auth': 'true', 'peer-client-cert-auth': 'true' });
  });
});

describe('kube-apiserver', () => {
  it('leaves the virtual IP to HAProxy and asks the local etcd only', () => {
    expect(flagsOf(podsOf()['kube-apiserver'])).toMatchObject({
      'bind-address': '10.88.0.11',
      'etcd-servers': 'https://127.0.0.1:2379',
    });
  });

  it('sends clients away only where there is another server', () => {
    expect(flagsOf(podsOf()['kube-apiserver'])['goaway-chance']).toBe('0.001');
    expect(flagsOf(podsOf(makeSpec({ controlPlanes: 1 }))['kube-apiserver'])).not.toHaveProperty('goaway-chance');
  });
});

describe('leader election', () => {
  it('is spelled out, with the times of requirements 1', () => {
    for (const name of ['kube-controller-manager', 'kube-scheduler']) {
      expect(flagsOf(podsOf()[name])).toMatchObject({
        'leader-elect': 'true',
        'leader-elect-lease-duration': '15s',
        'leader-elect-renew-deadline': '10s',
        'leader-elect-retry-period': '2s',
        'bind-address': '0.0.0.0',
      });
    }
  });

  it('keeps lease > renew > 1.2 × retry in every profile, which client-go demands', () => {
    for (const failover of ['default', 'fast'] as const) {
      const flags = flagsOf(podsOf(makeSpec({ overrides: { failover } }))['kube-scheduler']);
      const seconds = (name: string) => Number.parseFloat(flags[`leader-elect-${name}`] ?? '');
      expect(seconds('lease-duration')).toBeGreaterThan(seconds('renew-deadline'));
      expect(seconds('renew-deadline')).toBeGreaterThan(1.2 * seconds('retry-period'));
    }
  });
});

describe('memory limits', () => {
  it('do not change with what the kernel reserves from boot to boot', () => {
    const gib = 1024 ** 3;
    for (const nominal of [4, 8, 16, 32, 64]) {
      const seen = [0.02, 0.05, 0.08].map((share) => memoryLimit('etcd', nominal * (1 - share) * gib));
      expect(new Set(seen).size).toBe(1);
    }
  });

  it('never fall below what an idle cluster needs many times over', () => {
    expect(memoryLimit('kube-apiserver', 0)).toBe('2Gi');
    expect(memoryLimit('etcd', 1024 ** 3)).toBe('2Gi');
    expect(memoryLimit('kube-scheduler', 2 * 1024 ** 3)).toBe('1Gi');
    expect(memoryLimit('kube-apiserver', 64 * 1024 ** 3)).toBe('32Gi');
  });
});
