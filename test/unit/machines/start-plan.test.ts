import { describe, expect, it } from 'vitest';
import type { HostFacts } from '../../../src/machines/local/host-facts.ts';
import type { MachineLayout } from '../../../src/machines/local/layout.ts';
import { startArgv } from '../../../src/machines/local/start-plan.ts';
import { makeMachine } from '../../helpers/spec.ts';

const dir = '/state/clusters/demo/machines/cp1';
const layout: MachineLayout = {
  dir,
  upper: `${dir}/upper`,
  work: `${dir}/work`,
  root: `${dir}/root`,
  binds: { containerd: `${dir}/containerd`, kubelet: `${dir}/kubelet`, etcd: `${dir}/etcd` },
  record: `${dir}/machine.json`,
  supervisor: `${dir}/supervisor`,
  console: `${dir}/console.log`,
};
const v1: HostFacts['cgroup'] = {
  version: 'v1',
  hierarchies: ['cpu', 'memory', 'systemd', 'unified'].map((name) => ({ name, path: `/sys/fs/cgroup/${name}` })),
};
const v2: HostFacts['cgroup'] = { version: 'v2', root: '/sys/fs/cgroup' };
const machine = makeMachine({ name: 'cp1', driver: 'local', local: { memoryBytes: 2 ** 31, cpus: 1.5 } });
const planOn = (facts: HostFacts) =>
  startArgv({
    facts,
    cluster: 'demo',
    machine,
    layout,
    bridge: 'q-demo',
    lowerDirs: ['/cache/layer', '/cache/rootfs'],
  });

describe('the command that starts a machine', () => {
  const hosts: Record<string, HostFacts> = {
    'cgroup-v1': { cgroup: v1, hasSystemd: false, hasKmsg: true },
    'cgroup-v1-systemd': { cgroup: v1, hasSystemd: true, hasKmsg: true },
    'cgroup-v2': { cgroup: v2, hasSystemd: false, hasKmsg: false },
    'cgroup-v2-systemd': { cgroup: v2, hasSystemd: true, hasKmsg: true },
  };
  for (const [name, facts] of Object.entries(hosts))
    it(`is as reviewed on a host with ${name}`, async () => {
      const text = `${planOn(facts).join('\n')}\n`;
      await expect(text).toMatchFileSnapshot(`../../golden/machines/start-${name}.txt`);
    });

  it('puts the artifacts over the operating system', () => {
    expect(planOn(hosts['cgroup-v2'] as HostFacts).join(' ')).toContain('lowerdir=/cache/layer:/cache/rootfs,');
  });
});
