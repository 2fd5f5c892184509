import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { maxConnections } from '../../../src/manifests/balancing.ts';
import { containerdConfig, containerdUnit } from '../../../src/manifests/containerd.ts';
import { haproxyConfig } from '../../../src/manifests/haproxy.ts';
import { keepalivedConfig, virtualRouterId } from '../../../src/manifests/keepalived.ts';
import { sysctlSettings } from '../../../src/manifests/kernel-settings.ts';
import { kubeletConfiguration } from '../../../src/manifests/kubelet-config.ts';
import { firewallRules, masqueradeRules, networkUnit } from '../../../src/manifests/nftables.ts';
import { nginxConfig } from '../../../src/manifests/nginx.ts';
import {
  loadBalancerFiles,
  loadBalancerUnits,
  networkFiles,
  operatorConvenienceFiles,
} from '../../../src/manifests/node-files.ts';
import { kubeletLabels, nodeLabels, nodeTaints } from '../../../src/manifests/node-labels.ts';
import { toYaml } from '../../../src/manifests/object.ts';
import type { ClusterSpec } from '../../../src/spec/types.ts';
import { makeMachine, makeSpec } from '../../helpers/spec.ts';
import { everyFile, fileOf, machineOf, makeFacts, RESTRICTED_HOST } from './helpers.ts';

const spec = makeSpec();

function kubelet(name: string, facts = makeFacts(), of = spec): Record<string, unknown> {
  return parse(toYaml(kubeletConfiguration(of, machineOf(of, name), facts))) as Record<string, unknown>;
}

describe('kubelet configuration', () => {
  it('follows what the machine can do', () => {
    expect(kubelet('cp1')).toMatchObject({ cgroupDriver: 'systemd' });
    expect(kubelet('cp1')).not.toHaveProperty('failCgroupV1');
    expect(kubelet('cp1')).not.toHaveProperty('featureGates');
    expect(kubelet('cp1', makeFacts(RESTRICTED_HOST))).toMatchObject({
      cgroupDriver: 'cgroupfs',
      failCgroupV1: false,
      featureGates: { KubeletInUserNamespace: true },
    });
  });

  it('agrees with containerd about cgroups and OOM scores', () => {
    for (const facts of [makeFacts(), makeFacts(RESTRICTED_HOST)]) {
      const { cgroupDriver } = kubelet('w1', facts);
      expect(containerdConfig(spec, facts)).toContain(`SystemdCgroup = ${cgroupDriver === 'systemd'}`);
      expect(containerdUnit(facts).includes('OOMScoreAdjust')).toBe(facts.hasCapSysResource);
    }
  });

  it('runs static pods on control planes only, and restarts them fast there only', () => {
    expect(kubelet('cp1')).toMatchObject({
      staticPodPath: '/etc/kubernetes/manifests',
      crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
    });
    expect(kubelet('w1')).not.toHaveProperty('staticPodPath');
    expect(kubelet('w1')).not.toHaveProperty('crashLoopBackOff');
  });

  it('leaves out the restart period where the kubelet would refuse it (before v1.35)', () => {
    const old = makeSpec({ overrides: { kubernetesVersion: 'v1.34.4' } });
    expect(kubelet('cp1', makeFacts(), old)).not.toHaveProperty('crashLoopBackOff');
  });

  it('reads the real resolv.conf behind systemd-resolved', () => {
    const resolved = { active: true, enabled: true, activeSinceMs: 1, state: 'active' };
    const facts = makeFacts({ units: { 'systemd-resolved.service': resolved } });
    expect(kubelet('w1', facts)).toMatchObject({ resolvConf: '/run/systemd/resolve/resolv.conf' });
    expect(kubelet('w1')).toMatchObject({ resolvConf: '/etc/resolv.conf' });
  });

  it('does not let a full host disk evict pods of local machines', () => {
    const local = makeSpec({ driver: 'local' });
    expect(kubelet('w1', makeFacts(), local)).toMatchObject({ imageGCHighThresholdPercent: 100 });
    expect(kubelet('w1', makeFacts(), makeSpec({ driver: 'ssh' }))).not.toHaveProperty('evictionHard');
  });
});

describe('labels and taints', () => {
  it('are those of requirements 2', () => {
    const labels = nodeLabels(machineOf(spec, 'cp1'));
    for (const role of ['control-plane', 'master', 'etcd'])
      expect(labels[`node-role.kubernetes.io/${role}`]).toBe('true');
    expect(nodeLabels(machineOf(spec, 'w1'))).toEqual({ 'node-role.kubernetes.io/worker': 'true' });
    expect(nodeTaints(machineOf(spec, 'cp1'))).toEqual([
      { key: 'CriticalAddonsOnly', value: 'true', effect: 'NoExecute' },
      { key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' },
    ]);
    expect(nodeTaints(machineOf(spec, 'w1'))).toEqual([]);
  });

  it('gives a kubelet only labels that NodeRestriction lets it set', () => {
    const labels = {
      disk: 'ssd',
      'example.com/rack': '7',
      'node-role.kubernetes.io/gpu': '',
      'node.kubernetes.io/pool': 'a',
      'kubernetes.io/role': 'x',
    };
    const machine = makeMachine({ name: 'w1', role: 'worker', zone: 'b', labels });
    expect(kubeletLabels(machine)).toEqual({
      'topology.kubernetes.io/zone': 'b',
      disk: 'ssd',
      'example.com/rack': '7',
      'node.kubernetes.io/pool': 'a',
    });
    expect(nodeLabels(machine)).toMatchObject(labels);
  });
});

describe('load balancer', () => {
  it('fits its connections into the limit of open files', () => {
    // 4 000 worked and 20 000 did not with a limit of 20 000 (MACHINES.md).
    expect(maxConnections(20_000)).toBe(9_900);
    expect(maxConnections(1_048_576)).toBe(10_000);
    fc.assert(
      fc.property(fc.integer({ min: 500, max: 2_000_000 }), (limit) => {
        expect(2 * maxConnections(limit) + 100).toBeLessThanOrEqual(limit);
        expect(maxConnections(limit)).toBeGreaterThanOrEqual(100);
      }),
    );
  });

  it('knows every control plane, on every control plane alike', () => {
    const texts = ['cp1', 'cp2', 'cp3'].map((name) =>
      fileOf(loadBalancerFiles(spec, machineOf(spec, name), makeFacts()), '/etc/haproxy/haproxy.cfg'),
    );
    expect(new Set(texts).size).toBe(1);
    for (const address of ['10.88.0.11', '10.88.0.12', '10.88.0.13']) expect(texts[0]).toContain(`${address}:6443`);
    expect(texts[0]).toContain('bind 10.88.0.10:6443 transparent');
  });

  it('gives each router its own priority and all others as peers', () => {
    const texts = ['cp1', 'cp2', 'cp3'].map((name) => keepalivedConfig(spec, machineOf(spec, name), makeFacts()));
    expect(texts.map((text) => /priority (\d+)$/m.exec(text)?.[1])).toEqual(['250', '240', '230']);
    expect(texts[1]).toMatch(/unicast_peer \{\s+10\.88\.0\.11\s+10\.88\.0\.13\s+\}/);
  });

  it('does not speak unicast to nobody, which keepalived refuses', () => {
    const single = makeSpec({ controlPlanes: 1 });
    expect(keepalivedConfig(single, machineOf(single, 'cp1'), makeFacts())).not.toContain('unicast');
  });

  it('derives a router id from 1 to 255 that differs between clusters', () => {
    fc.assert(
      fc.property(fc.string(), (name) => {
        const id = virtualRouterId(makeSpec({ name }));
        expect(id).toBeGreaterThanOrEqual(1);
        expect(id).toBeLessThanOrEqual(255);
      }),
    );
    expect(virtualRouterId(makeSpec({ name: 'a' }))).not.toBe(virtualRouterId(makeSpec({ name: 'b' })));
  });

  it('is on control planes only, and nowhere when the owner brings one', () => {
    expect(loadBalancerFiles(spec, machineOf(spec, 'w1'), makeFacts())).toEqual([]);
    const external = makeSpec({ overrides: { loadBalancer: { type: 'external' } } });
    expect(loadBalancerFiles(external, machineOf(external, 'cp1'), makeFacts())).toEqual([]);
  });

  it('moves to machines of its own, where all of it is the same but the routers', () => {
    const dedicated = makeSpec({ loadBalancers: 2 });
    const on = (name: string) => loadBalancerFiles(dedicated, machineOf(dedicated, name), makeFacts());
    expect(on('cp1')).toEqual([]);
    expect(fileOf(on('lb1'), '/etc/haproxy/haproxy.cfg')).toBe(
      fileOf(loadBalancerFiles(spec, machineOf(spec, 'cp1'), makeFacts()), '/etc/haproxy/haproxy.cfg'),
    );
    expect(fileOf(on('lb2'), '/etc/keepalived/keepalived.conf')).toMatch(/unicast_peer \{\s+10\.88\.0\.41\s+\}/);
  });

  it('has units to run where it has files, in starting order', () => {
    const nginx = makeSpec({ loadBalancers: 2, overrides: { loadBalancer: { type: 'nginx' } } });
    expect(loadBalancerUnits(spec, machineOf(spec, 'cp1'))).toEqual(['haproxy.service', 'keepalived.service']);
    expect(loadBalancerUnits(nginx, machineOf(nginx, 'lb2'))).toEqual(['nginx.service', 'keepalived.service']);
    for (const { name } of [...nginx.machines, ...spec.machines].filter((machine) => machine.role === 'worker'))
      expect(loadBalancerUnits(nginx, machineOf(nginx, name))).toEqual([]);
    expect(loadBalancerUnits(nginx, machineOf(nginx, 'cp1'))).toEqual([]);
  });

  it('still lists a machine that leaves while the specification has it', () => {
    const before = makeSpec({ controlPlanes: 5 });
    const facts = makeFacts();
    const nginx: ClusterSpec = { ...before, loadBalancer: { type: 'nginx' } };
    const texts = [haproxyConfig(before, facts), nginxConfig(nginx, facts), firewallRules(before)];
    for (const text of [...texts, keepalivedConfig(before, machineOf(before, 'cp1'), facts)])
      expect(text).toContain('10.88.0.15');
  });

  it('gives NGINX as many descriptors as its connections take, within the limit', () => {
    const nginx = makeSpec({ overrides: { loadBalancer: { type: 'nginx' } } });
    fc.assert(
      fc.property(fc.integer({ min: 500, max: 2_000_000 }), (nofileHard) => {
        const text = nginxConfig(nginx, makeFacts({ nofileHard }));
        const [descriptors, connections] = ['worker_rlimit_nofile', 'worker_connections'].map((name) =>
          Number(new RegExp(`${name} (\\d+);`).exec(text)?.[1]),
        );
        expect(descriptors).toBeLessThanOrEqual(nofileHard);
        expect(connections).toBeLessThan(descriptors ?? 0);
      }),
    );
  });

  it('lets NGINX listen on an address that another machine holds, and no other machine', () => {
    const nginx = makeSpec({ loadBalancers: 2, overrides: { loadBalancer: { type: 'nginx' } } });
    const settings = (name: string, of = nginx) => sysctlSettings(of, machineOf(of, name));
    expect(settings('lb1')).toContain('net.ipv4.ip_nonlocal_bind = 1');
    expect(settings('cp1')).not.toContain('nonlocal');
    expect(settings('cp1', spec)).not.toContain('nonlocal');
  });

  it('refuses an endpoint that is a name, which it could not bind', () => {
    const { vip: _vip, ...endpoint } = { ...spec.endpoint, host: 'k8s.example.com' };
    expect(() => haproxyConfig({ ...spec, endpoint }, makeFacts())).toThrowError(/k8s\.example\.com is not an address/);
  });
});

describe('firewall', () => {
  it('lets control planes alone reach etcd, and machines and pods the other ports', () => {
    const rules = firewallRules(spec);
    expect(rules).toMatch(/set etcd_clients \{[^}]*\{ 10\.88\.0\.11, 10\.88\.0\.12, 10\.88\.0\.13 \}/);
    expect(rules).toContain('ip saddr @etcd_clients tcp dport { 2379, 2380 } accept');
    expect(rules).toMatch(/tcp dport \{ 2379, 2380, 2381, 10249, 10250, 10256, 10257, 10259 \} counter drop/);
    expect(rules).not.toContain('6443');
  });

  it('lets etcd’s own machines reach etcd too, and only those that balance speak VRRP', () => {
    const etcd1 = makeMachine({ name: 'etcd1', role: 'etcd', address: '10.88.0.31' });
    const base = makeSpec({ controlPlanes: 1, loadBalancers: 2 });
    const external = { ...base, etcd: { ...base.etcd, topology: 'external' as const } };
    const rules = firewallRules({ ...external, machines: [...base.machines, etcd1] });
    expect(rules).toMatch(/set etcd_clients \{[^}]*\{ 10\.88\.0\.11, 10\.88\.0\.31 \}/);
    expect(rules).toMatch(/set load_balancers \{[^}]*\{ 10\.88\.0\.41, 10\.88\.0\.42 \}/);
    expect(rules).toContain('ip protocol vrrp ip saddr != @load_balancers counter drop');
  });

  it('has no opinion on VRRP when the load balancer is not ours', () => {
    const external = makeSpec({ overrides: { loadBalancer: { type: 'external' } } });
    expect(firewallRules(external)).not.toMatch(/vrrp|load_balancers/);
  });

  it('is all that a machine without pods gets of the network', () => {
    const dedicated = makeSpec({ loadBalancers: 2 });
    const paths = networkFiles(dedicated, machineOf(dedicated, 'lb1')).map(({ path }) => path);
    expect(paths).toContain('/etc/quorate/nftables/firewall.nft');
    expect(paths.filter((path) => /masquerade|cni|flannel/.test(path))).toEqual([]);
    expect(networkUnit(machineOf(dedicated, 'lb1'))).not.toContain('masquerade');
  });

  it('drops after it has accepted', () => {
    const lines = firewallRules(spec).split('\n');
    const first = lines.findIndex((line) => line.includes(' drop'));
    expect(lines.slice(first).some((line) => / accept$/.test(line))).toBe(false);
  });

  it('replaces its table and nothing else', () => {
    for (const rules of [firewallRules(spec), masqueradeRules(spec)]) {
      expect(rules).not.toContain('flush ruleset');
      expect(rules).toMatch(/^table (\S+ \S+)\ndelete table \1\n\ntable \1 \{$/m);
    }
  });
});

describe('all files of a machine', () => {
  it('have one path each', () => {
    for (const { name } of spec.machines) {
      const paths = everyFile(spec, machineOf(spec, name), makeFacts()).map(({ path }) => path);
      expect(new Set(paths).size).toBe(paths.length);
    }
  });

  it('do not depend on the order in which machines are listed', () => {
    const turned = { ...spec, machines: [...spec.machines].reverse() };
    expect(firewallRules(turned)).toBe(firewallRules(spec));
    expect(operatorConvenienceFiles(turned, machineOf(spec, 'cp1'))).toEqual(
      operatorConvenienceFiles(spec, machineOf(spec, 'cp1')),
    );
  });

  it('end with a line feed and have no trailing blanks', () => {
    for (const { path, content } of everyFile(spec, machineOf(spec, 'cp1'), makeFacts())) {
      expect(String(content), path).toMatch(/[^\n]\n$/);
      expect(String(content), path).not.toMatch(/[ \t]$/m);
    }
  });
});
