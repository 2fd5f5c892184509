// Machines that come and go: what is planned, in which order, and what the gate will say to it.
import { beforeAll, describe, expect, it } from 'vitest';
import type { ObservedMember } from '../../../src/etcd/types.ts';
import { finishedRecord } from '../../../src/manifests/cluster-record.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { refuseLastCopy } from '../../../src/phases/change/retire-steps.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { facing, ledBy, outline, planned, screen, withDead, withFacts, withMembers, withNode } from './scenario.ts';

const one = makeSpec({ controlPlanes: 1, workers: 0 });
const three = makeSpec();
const five = makeSpec({ controlPlanes: 5 });
let healthyOne: Observed;
let healthyThree: Observed;
let healthyFive: Observed;
beforeAll(async () => {
  healthyOne = await healthyCluster(one);
  healthyThree = await healthyCluster(three);
  healthyFive = await healthyCluster(five);
});

const of = (phase: string, lines: readonly string[]) =>
  lines.filter((line) => line.startsWith(`${phase}: `)).map((line) => line.slice(phase.length + 2));
/** What the gate will say, step by step. */
const budget = (...args: Parameters<typeof planned>) =>
  planned(...args).flatMap(({ id, quorum }) => (quorum === undefined ? [] : [`${id}: ${quorum}`]));
const learner: ObservedMember = {
  id: 'b3',
  name: '',
  peerURLs: ['https://10.88.0.14:2380'],
  clientURLs: [],
  isLearner: true,
};

describe('three control planes become five', () => {
  it('as people read it', async () => {
    await expect(screen(five, facing(five, healthyThree))).toMatchFileSnapshot('../../golden/plan/scale-up.txt');
  });

  it('one member after the other, each with its vote before any API server beside it', () => {
    expect(of('join-control-planes', outline(five, facing(five, healthyThree)))).toEqual([
      'cp4/member',
      'cp5/member',
      'cp4/control-plane',
      'cp4/operator',
      'cp4/backup',
      'cp4/load-balancer',
      'cp5/control-plane',
      'cp5/operator',
      'cp5/backup',
      'cp5/load-balancer',
    ]);
    expect(budget(five, facing(five, healthyThree))).toEqual([
      'cp4/member: 3 voters, 4 with cp4; 4 voters, tolerance left 1',
      'cp5/member: 4 voters, 5 with cp5; 5 voters, tolerance left 2',
    ]);
  });

  it('and are named in the record before they exist', () => {
    const lines = outline(five, facing(five, healthyThree));
    expect(lines.indexOf('announce-change: record')).toBeLessThan(lines.indexOf('join-control-planes: cp4/member'));
    expect(lines.at(-1)).toBe('finish-change: record');
  });

  it('without a restart of the members that there are', () => {
    const disruptive = planned(five, facing(five, healthyThree)).filter((step) => step.disruptive);
    expect(disruptive.map(({ id }) => id)).toEqual(['cp4/member', 'cp5/member']);
  });

  it('goes on with a learner that a killed run has left', () => {
    const observed = withMembers(facing(five, healthyThree), (member) => member, [learner]);
    const steps = planned(five, observed).filter(({ id }) => id.endsWith('/member'));
    expect(steps.map(({ id, why }) => `${id}: ${why}`)).toEqual([
      'cp4/member: it is a learner that has not been promoted',
      'cp5/member: it is no member yet',
    ]);
    expect(steps[0]?.quorum).toBe('3 voters, 4 with cp4; 4 voters, tolerance left 1');
  });

  it('begins nothing on a machine that does not answer', () => {
    const observed = facing(five, healthyThree);
    const machines = { ...observed.machines, cp5: { name: 'cp5', state: 'unreachable' as const } };
    const lines = outline(five, { ...observed, machines });
    expect(of('join-control-planes', lines).filter((id) => id.startsWith('cp5'))).toEqual([]);
  });
});

describe('one control plane becomes three', () => {
  it('and says what the second voter costs until the third is there', () => {
    const spec = makeSpec({ workers: 0 });
    expect(budget(spec, facing(spec, healthyOne))).toEqual([
      'cp2/member: 1 voter, 2 with cp2; 2 voters, tolerance left 0',
      'cp3/member: 2 voters, 3 with cp3; 3 voters, tolerance left 1',
      'cp1/roll: 3 voters, 1 planned down, tolerance left 0',
    ]);
  });
});

describe('five control planes become three', () => {
  it('as people read it', async () => {
    const observed = facing(three, ledBy(healthyFive, 'cp4'));
    await expect(screen(three, observed)).toMatchFileSnapshot('../../golden/plan/scale-down.txt');
  });

  it('followers before the leader, each one whole before the next', () => {
    const observed = facing(three, ledBy(healthyFive, 'cp4'));
    const parts = ['drain', 'stop-api', 'leave-etcd', 'node', 'wipe'];
    expect(of('remove-machines', outline(three, observed))).toEqual([
      ...parts.map((part) => `cp5/${part}`),
      ...parts.map((part) => `cp4/${part}`),
    ]);
    expect(budget(three, observed)).toEqual([
      'cp5/leave-etcd: 5 voters, 4 after removing cp5; 4 voters, tolerance left 1',
      'cp4/leave-etcd: 4 voters, 3 after removing cp4; 3 voters, tolerance left 1',
    ]);
  });

  it('a dead one first, without waiting for its pods or its API server', () => {
    const observed = facing(three, withDead(healthyFive, 'cp5'));
    expect(of('remove-machines', outline(three, observed)).slice(0, 4)).toEqual([
      'cp5/leave-etcd',
      'cp5/node',
      'cp5/wipe',
      'cp4/drain',
    ]);
    expect(budget(three, observed)[0]).toBe(
      'cp5/leave-etcd: 5 voters, 4 after removing cp5; 4 voters, tolerance left 1',
    );
  });

  it('a silent one whose node is Ready is emptied all the same: the API reaches it', () => {
    const observed = facing(three, withNode(withDead(healthyFive, 'cp5'), 'cp5', { ready: true }));
    expect(of('remove-machines', outline(three, observed)).slice(0, 2)).toEqual(['cp5/drain', 'cp5/leave-etcd']);
  });

  it('none of them is touched while etcd is silent: nobody knows what it would lose', () => {
    const { etcd: _silent, ...blind } = facing(three, healthyFive);
    const steps = planned(three, blind).filter(({ phase }) => phase === 'remove-machines');
    expect(steps.map(({ id, disruptive }) => `${id} ${disruptive}`)).toEqual([
      'cp4/leave-etcd true',
      'cp5/leave-etcd true',
    ]);
  });

  it('are let in and left alone while the API cannot say whether they are of the cluster', () => {
    const { kube: _silent, ...blind } = facing(three, healthyFive);
    const lines = outline(three, blind);
    expect(of('remove-machines', lines)).toEqual([]);
    expect(lines.filter((line) => line.endsWith('/network'))).toEqual([]);
  });

  it('stay recorded until they have been taken out', () => {
    const record = finishedRecord(five, undefined);
    expect(finishedRecord(three, record).machines.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['cp4', 'cp5']),
    );
    const retired = five.machines.filter(({ name }) => ['cp4', 'cp5'].includes(name));
    expect(finishedRecord(three, record, retired).machines).toEqual(three.machines);
  });

  it('lets them in until they are gone, and closes firewall and load balancers behind them', () => {
    const lines = outline(three, facing(three, healthyFive));
    expect(of('prepare-machines', lines)).toEqual([]);
    expect(of('finish-change', lines)).toEqual([
      ...['cp1', 'cp2', 'cp3'].flatMap((name) => [`${name}/network`, `${name}/load-balancer`]),
      'w1/network',
      'w2/network',
      'record',
    ]);
  });
});

describe('a member that is replaced', () => {
  it('is refused as it is, with the way out', () => {
    const observed = withFacts(withMembers(healthyThree, silenced('cp2')), 'cp2', () => ({ hasEtcdData: false }));
    expect(() => planned(three, observed)).toThrowError(
      expect.objectContaining({
        code: 'ETCD_MEMBER_LOST',
        message: 'cp2 is a member of etcd (a1), but its data is gone',
        hint: 'replace it with a new one: quorate etcd member replace cp2',
      }),
    );
  });

  it('leaves under its own name and comes under another one in the same run: the new one first', () => {
    const machines = five.machines.filter(({ name }) => name !== 'cp2' && name !== 'cp5');
    const spec = { ...five, machines };
    const lines = outline(spec, facing(spec, healthyThree));
    expect(lines.indexOf('join-control-planes: cp4/member')).toBeGreaterThan(-1);
    expect(lines.indexOf('remove-machines: cp2/leave-etcd')).toBeGreaterThan(
      lines.indexOf('join-control-planes: cp4/control-plane'),
    );
    expect(budget(spec, facing(spec, healthyThree))).toEqual([
      'cp4/member: 3 voters, 4 with cp4; 4 voters, tolerance left 1',
      'cp2/leave-etcd: 4 voters, 3 after removing cp2; 3 voters, tolerance left 1',
    ]);
  });
});

describe('workers', () => {
  it('join and leave without the gate', () => {
    const spec = makeSpec({ workers: 1 });
    expect(of('remove-machines', outline(spec, facing(spec, healthyThree)))).toEqual([
      'w2/drain',
      'w2/node',
      'w2/wipe',
    ]);
    expect(budget(spec, facing(spec, healthyThree))).toEqual([]);
    const more = makeSpec({ workers: 3 });
    const lines = outline(more, facing(more, healthyThree));
    expect(of('form-cluster', lines).filter((id) => id.startsWith('w3'))).toEqual([
      'w3/bootstrap-token',
      'w3/kubelet',
      'w3/labels',
      'w3/bootstrap-kubeconfig',
    ]);
    expect(budget(more, facing(more, healthyThree))).toEqual([]);
  });
});

function silenced(name: string) {
  return ({ status, ...member }: ObservedMember): ObservedMember =>
    member.name === name || status === undefined ? member : { ...member, status };
}

describe('the keys of the cluster', () => {
  const external = makeSpec({ controlPlanes: 1, etcdMachines: 3 });
  const plane = external.machines.find(({ name }) => name === 'cp1') ?? expect.fail('is there');

  it('do not go with the last machine that holds them', async () => {
    const observed = await healthyCluster(external);
    expect(() => refuseLastCopy(external, observed, plane)).toThrowError(
      expect.objectContaining({
        code: 'PKI_LAST_COPY',
        message: expect.stringContaining('/etc/kubernetes/pki/ca.key'),
      }),
    );
  });

  it('may go with one of several', () => {
    for (const machine of three.machines) expect(() => refuseLastCopy(three, healthyThree, machine)).not.toThrow();
  });
});
