// The cluster's record of itself: it reads back as it was written, and says before a change what is about to be.
import { describe, expect, it } from 'vitest';
import {
  announcedRecord,
  type ClusterRecord,
  finishedRecord,
  parseRecord,
  RECORD_NAME,
  recordObject,
} from '../../../src/manifests/cluster-record.ts';
import { makeMachine, makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec({ driver: 'local' });
const record = finishedRecord(spec, undefined);
const dataOf = (content: ClusterRecord) => (recordObject(content) as unknown as { data: Record<string, string> }).data;
const names = ({ machines }: ClusterRecord) => machines.map(({ name }) => name);

describe('the record', () => {
  it('reads back as it was written, with how machines are reached, their labels and taints', () => {
    const machines = [
      makeMachine({
        name: 'cp1',
        driver: 'ssh',
        ssh: { host: 'h', user: 'ops', port: 22, keyPath: '~/.ssh/id' },
        zone: 'a',
      }),
      makeMachine({
        name: 'w1',
        role: 'worker',
        labels: { disk: 'ssd' },
        taints: [
          { key: 'gpu', value: 'yes', effect: 'NoSchedule' },
          { key: 'bare', effect: 'NoExecute' },
        ],
      }),
      makeMachine({ name: 'etcd1', role: 'etcd' }),
      makeMachine({ name: 'lb1', role: 'loadbalancer' }),
    ];
    const whole = { ...record, machines, previousVersion: 'v1.36.1', upgradingTo: 'v1.36.3' };
    expect(parseRecord(dataOf(whole))).toEqual(whole);
  });

  it('is an object that people can read: one line a machine', () => {
    expect(recordObject(record).metadata).toMatchObject({ name: RECORD_NAME, namespace: 'kube-system' });
    const text = Object.values(dataOf(record))[0] ?? '';
    expect(text.split('\n').filter((line) => line.includes('"address"'))).toHaveLength(spec.machines.length);
  });

  it('is the same text for the same content, in whatever order its keys are', () => {
    const turned = spec.machines.map((machine) => Object.fromEntries(Object.entries(machine).reverse()));
    expect(dataOf({ ...record, machines: turned as never })).toEqual(dataOf(record));
  });

  it.each<[what: string, data: Record<string, string> | undefined]>([
    ['nothing', undefined],
    ['no key', {}],
    ['no JSON', { 'record.json': 'kubernetesVersion: v1.36.3' }],
    ['a list', { 'record.json': '[]' }],
    ['no machines', { 'record.json': '{"kubernetesVersion":"v1.36.3","etcdTopology":"stacked"}' }],
    [
      'a role that there is not',
      {
        'record.json':
          '{"kubernetesVersion":"v1","etcdTopology":"stacked","machines":[{"name":"a","role":"boss","address":"b","driver":"ssh"}]}',
      },
    ],
  ])('that holds %s cannot be read, and is no exception', (_what, data) => {
    expect(parseRecord(data)).toBeUndefined();
  });

  it('of an older release, without labels and taints, can be read', () => {
    const text =
      '{"kubernetesVersion":"v1","etcdTopology":"stacked","machines":[{"name":"a","role":"worker","address":"b","driver":"ssh"}]}';
    expect(parseRecord({ 'record.json': text })?.machines).toMatchObject([{ name: 'a', labels: {}, taints: [] }]);
  });
});

describe('before a change', () => {
  it('names machines that join, and those that leave', () => {
    const next = makeSpec({ driver: 'local', controlPlanes: 5, workers: 1 });
    const announced = announcedRecord(
      next,
      record,
      spec.machines.filter(({ name }) => name === 'w2'),
      0,
    );
    expect(names(announced).sort()).toEqual(['cp1', 'cp2', 'cp3', 'cp4', 'cp5', 'w1', 'w2']);
  });

  it('knows labels and taints as they are on the nodes, of new machines as they will be', () => {
    const old = makeMachine({ name: 'w1', role: 'worker', labels: { disk: 'hdd' } });
    const now = makeMachine({ name: 'w1', role: 'worker', labels: { disk: 'ssd' } });
    const added = makeMachine({ name: 'w9', role: 'worker', labels: { disk: 'nvme' } });
    const announced = announcedRecord({ ...spec, machines: [now, added] }, { ...record, machines: [old] }, [], 0);
    expect(announced.machines.map(({ labels }) => labels.disk)).toEqual(['hdd', 'nvme']);
  });

  it('says where an upgrade goes, and keeps where it came from', () => {
    expect(announcedRecord(spec, { ...record, kubernetesVersion: 'v1.36.1' }, [], 0)).toMatchObject({
      kubernetesVersion: 'v1.36.1',
      upgradingTo: 'v1.36.3',
      upgradingSince: '1970-01-01T00:00:00Z',
    });
  });

  it('says where a way back goes, until it is there, and never that it is an upgrade', () => {
    const at = (kubernetesVersion: string) => ({ ...spec, kubernetesVersion });
    const of = (versions: Partial<ClusterRecord>) => ({ ...record, kubernetesVersion: 'v1.36.1', ...versions });
    const ways: [to: string, before: ClusterRecord][] = [
      ['v1.36.1', of({ kubernetesVersion: 'v1.36.3', previousVersion: 'v1.36.1' })],
      ['v1.36.1', of({ previousVersion: 'v1.35.4', upgradingTo: 'v1.36.3', upgradingSince: 'then' })],
      ['v1.36.0', of({ previousVersion: 'v1.35.4', upgradingTo: 'v1.36.3' })],
    ];
    for (const [to, before] of ways) {
      const announced = announcedRecord(at(to), before, [], 0);
      expect(announced).toMatchObject({ kubernetesVersion: before.kubernetesVersion, rollingBackTo: to });
      expect(announced).toMatchObject({ upgradingSince: '1970-01-01T00:00:00Z' });
      expect(announced).not.toHaveProperty('upgradingTo');
      // Ended half-way and begun again, by --rollback or by up with the file at that version.
      expect(announcedRecord(at(to), announced, [], 99_000)).toEqual(announced);
      expect(finishedRecord(at(to), announced)).not.toHaveProperty('rollingBackTo');
      const forth = announcedRecord(at('v1.36.3'), announced, [], 0);
      expect(forth).not.toHaveProperty('rollingBackTo');
    }
  });

  it('is no way back when the cluster goes on to another version than it began with', () => {
    const before = { ...record, kubernetesVersion: 'v1.36.0', upgradingTo: 'v1.36.3' };
    const announced = announcedRecord({ ...spec, kubernetesVersion: 'v1.36.1' }, before, [], 0);
    expect(announced).toMatchObject({ kubernetesVersion: 'v1.36.0', upgradingTo: 'v1.36.1' });
    expect(announced).not.toHaveProperty('rollingBackTo');
  });

  it('is said once: announcing what is announced changes nothing', () => {
    const next = makeSpec({ driver: 'local', controlPlanes: 5 });
    const announced = announcedRecord(next, record, [], 0);
    expect(dataOf(announcedRecord(next, announced, [], 0))).toEqual(dataOf(announced));
  });
});

describe('after a change', () => {
  it('remembers the version before, through later changes that are no upgrade', () => {
    const upgraded = finishedRecord(spec, { ...record, kubernetesVersion: 'v1.36.1', upgradingTo: 'v1.36.3' });
    expect(upgraded).toMatchObject({ kubernetesVersion: 'v1.36.3', previousVersion: 'v1.36.1' });
    expect(upgraded).not.toHaveProperty('upgradingTo');
    expect(finishedRecord(spec, upgraded).previousVersion).toBe('v1.36.1');
    expect(record).not.toHaveProperty('previousVersion');
  });

  it('knows no version before once it has gone back: there is nothing newer to return to', () => {
    const back = { ...spec, kubernetesVersion: 'v1.36.1' };
    const returned = finishedRecord(back, { ...record, previousVersion: 'v1.36.1', rollingBackTo: 'v1.36.1' });
    expect(returned).toMatchObject({ kubernetesVersion: 'v1.36.1' });
    expect(returned).not.toHaveProperty('previousVersion');
  });

  it('keeps the version before an upgrade that was undone before it ended', () => {
    const before = { ...record, previousVersion: 'v1.35.4', rollingBackTo: 'v1.36.3', upgradingSince: 'then' };
    const returned = finishedRecord(spec, before);
    expect(returned).toEqual({ ...record, previousVersion: 'v1.35.4' });
  });
});
