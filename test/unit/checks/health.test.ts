import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../../src/checks/condition.ts';
import { HEALTH_CONDITIONS } from '../../../src/checks/health.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { absentCluster, healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

const failing = (observed: Observed) =>
  evaluate(HEALTH_CONDITIONS, spec, observed).flatMap(({ id, state, detail }) =>
    state === 'failed' ? [[id, detail]] : [],
  );

describe('the health conditions', () => {
  it('all hold for a healthy cluster', () => {
    expect(failing(healthy)).toEqual([]);
  });

  it('do not hold for a cluster that does not exist', () => {
    expect(failing(absentCluster(spec)).map(([id]) => id)).toContain('etcd-quorum');
  });

  it('see two machines that hold the virtual IP', () => {
    expect(failing({ ...healthy, vipHolders: ['cp1', 'cp3'] })).toEqual([['vip', 'cp1 and cp3 hold it']]);
    expect(failing({ ...healthy, vipHolders: [] })).toEqual([['vip', 'nobody holds 10.88.0.10']]);
  });

  it('see members that follow different leaders', () => {
    const members = (healthy.etcd?.members ?? []).map((member, index) =>
      index === 2 && member.status ? { ...member, status: { ...member.status, leaderId: 'a2' } } : member,
    );
    expect(failing({ ...healthy, etcd: { members, alarms: [] } })).toEqual([['etcd-leader', 'leaders seen: a0, a2']]);
  });

  it('see an alarm and a learner', () => {
    const members = (healthy.etcd?.members ?? []).map((member, index) => ({ ...member, isLearner: index === 2 }));
    const found = failing({ ...healthy, etcd: { members, alarms: [{ memberId: 'a1', alarm: 'NOSPACE' }] } });
    expect(found).toEqual([['etcd-members', 'cp3 is a learner; alarm NOSPACE on member a1']]);
  });

  it('see a lease that nobody renews', () => {
    const kube = healthy.kube ?? expect.fail('answers');
    const lease = { holder: 'cp1', renewedMs: healthy.takenAtMs - 20_000, transitions: 0 };
    const leases = { ...kube.leases, 'kube-scheduler': lease };
    expect(failing({ ...healthy, kube: { ...kube, leases } })).toEqual([
      ['leases', 'kube-scheduler was last renewed 20 s ago'],
    ]);
  });

  it('see both DNS replicas on one node', () => {
    const kube = healthy.kube ?? expect.fail('answers');
    expect(failing({ ...healthy, kube: { ...kube, dnsNodes: ['w1', 'w1'] } })).toEqual([['dns-spread', 'on w1']]);
  });

  it('ask machines that only balance for their load balancer, and for nothing of a node', async () => {
    const other = makeSpec({ loadBalancers: 2 });
    const observed = await healthyCluster(other);
    const lb1 = observed.machines.lb1?.facts ?? expect.fail('is there');
    const failed = (with1: typeof lb1) => {
      const machines = { ...observed.machines, lb1: { name: 'lb1', state: 'running' as const, facts: with1 } };
      return evaluate(HEALTH_CONDITIONS, other, { ...observed, machines }).flatMap(({ id, state, detail }) =>
        state === 'failed' ? [[id, detail]] : [],
      );
    };
    const down = { active: false, enabled: true, activeSinceMs: 0, state: 'failed' };
    const nothing = { ...lb1.units, 'kubelet.service': down, 'containerd.service': down };
    expect(failed({ ...lb1, units: nothing })).toEqual([]);
    expect(failed({ ...lb1, units: { ...nothing, 'haproxy.service': down } })).toEqual([
      ['services', 'haproxy is failed on lb1'],
    ]);
    expect(failed({ ...lb1, backends: { ...lb1.backends, cp2: 'DOWN' } })).toEqual([
      ['backends', 'lb1 sees cp2 as DOWN'],
    ]);
  });

  it('expect no virtual IP and no units of an external load balancer, and no backends of NGINX', async () => {
    const states = async (type: 'nginx' | 'external') => {
      const other = makeSpec({ overrides: { loadBalancer: { type } } });
      const found = evaluate(HEALTH_CONDITIONS, other, await healthyCluster(other));
      expect(found.filter(({ state }) => state === 'failed')).toEqual([]);
      return Object.fromEntries(found.map(({ id, state }) => [id, state]));
    };
    expect(await states('external')).toMatchObject({ vip: 'skipped', backends: 'skipped', services: 'ok' });
    expect(await states('nginx')).toMatchObject({ vip: 'ok', backends: 'skipped', services: 'ok' });
  });

  it('see certificates about to end', () => {
    const soon = { ...healthy, takenAtMs: healthy.takenAtMs + 340 * 86_400_000 };
    expect(failing(soon).map(([id]) => id)).toContain('certificates');
  });
});
