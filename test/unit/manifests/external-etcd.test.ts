// etcd on machines of its own: its unit, and what the control planes are told about it.
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { kubeadmClusterConfiguration } from '../../../src/manifests/addons/kubeadm-config.ts';
import { etcdPod } from '../../../src/manifests/etcd.ts';
import { etcdServiceFiles, networkFiles, staticPodDigests, staticPodFiles } from '../../../src/manifests/node-files.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { asText, fileOf, machineOf, makeFacts, RESTRICTED_HOST } from './helpers.ts';

const spec = makeSpec({ etcdMachines: 3, workers: 1, driver: 'ssh' });
const BOOTSTRAP = { etcdToken: 'demo-1', initialClusterState: 'new' } as const;
const etcd1 = machineOf(spec, 'etcd1');
const cp1 = machineOf(spec, 'cp1');
const unit = (facts = makeFacts()) =>
  fileOf(etcdServiceFiles(spec, etcd1, facts, BOOTSTRAP), '/etc/systemd/system/etcd.service');
/** `--name=value` lines by name. */
const flags = (lines: readonly string[]) =>
  Object.fromEntries(
    lines.flatMap((line) => [/--([a-z-]+)=(\S*)/.exec(line)?.slice(1) as [string, string]].filter(Boolean)),
  );

describe('an etcd machine', () => {
  it('gets these files', async () => {
    const files = [...networkFiles(spec, etcd1), ...etcdServiceFiles(spec, etcd1, makeFacts(), BOOTSTRAP)];
    await expect(asText(files)).toMatchFileSnapshot('../../golden/manifests/3etcd/etcd1.txt');
  });

  it('runs its member with the very flags of the static pod', () => {
    const pod = etcdPod(spec, etcd1, makeFacts(), BOOTSTRAP) as unknown as {
      spec: { containers: [{ command: string[] }] };
    };
    const inPod = pod.spec.containers[0].command.slice(1);
    const inUnit = unit()
      .split('\n')
      .filter((line) => line.startsWith('  --'));
    expect(flags(inUnit)).toEqual(flags(inPod));
    expect(flags(inUnit)).toMatchObject({
      'initial-cluster': 'etcd1=https://10.88.0.31:2380,etcd2=https://10.88.0.32:2380,etcd3=https://10.88.0.33:2380',
      'listen-client-urls': 'https://127.0.0.1:2379,https://10.88.0.31:2379',
    });
  });

  it('asks for no more than its host can give', () => {
    expect(unit(makeFacts(RESTRICTED_HOST))).toContain('LimitNOFILE=20000\n');
    expect(unit(makeFacts(RESTRICTED_HOST))).not.toContain('OOMScoreAdjust');
    expect(unit()).toContain('OOMScoreAdjust=-900\n');
  });
});

describe('a control plane without etcd', () => {
  const files = staticPodFiles(spec, cp1, makeFacts(), BOOTSTRAP);

  it('has no etcd among its static pods', () => {
    expect(files.filter(({ path }) => path.endsWith('/etcd.yaml'))).toEqual([]);
    expect(Object.keys(staticPodDigests(spec, cp1, makeFacts(), BOOTSTRAP))).toEqual([
      'kube-apiserver',
      'kube-controller-manager',
      'kube-scheduler',
    ]);
  });

  it('asks every member, with the certificate of a client', () => {
    const pod = parse(fileOf(files, '/etc/kubernetes/manifests/kube-apiserver.yaml'));
    expect(flags(pod.spec.containers[0].command)).toMatchObject({
      'etcd-servers': 'https://10.88.0.31:2379,https://10.88.0.32:2379,https://10.88.0.33:2379',
      'etcd-cafile': '/etc/kubernetes/pki/etcd/ca.crt',
      'etcd-certfile': '/etc/kubernetes/pki/apiserver-etcd-client.crt',
      'etcd-keyfile': '/etc/kubernetes/pki/apiserver-etcd-client.key',
    });
  });
});

describe("kubeadm's record", () => {
  it('says where etcd is, and nothing of a member of its own', () => {
    expect(kubeadmClusterConfiguration(spec)).toMatchObject({
      etcd: {
        external: {
          endpoints: ['https://10.88.0.31:2379', 'https://10.88.0.32:2379', 'https://10.88.0.33:2379'],
          caFile: '/etc/kubernetes/pki/etcd/ca.crt',
          certFile: '/etc/kubernetes/pki/apiserver-etcd-client.crt',
          keyFile: '/etc/kubernetes/pki/apiserver-etcd-client.key',
        },
      },
    });
    expect(kubeadmClusterConfiguration(spec)).not.toHaveProperty('etcd.local');
    expect(kubeadmClusterConfiguration(makeSpec())).not.toHaveProperty('etcd.external');
  });
});
