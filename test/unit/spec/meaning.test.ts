import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { QuorateError } from '../../../src/core/errors.ts';
import { parseSpec } from '../../../src/spec/load.ts';
import type { Problem } from '../../../src/spec/problem.ts';

interface Machine {
  name: string;
  role: string;
  [key: string]: unknown;
}

const controlPlanes = (count: number, more: (index: number) => object = () => ({})): Machine[] =>
  Array.from({ length: count }, (_, i) => ({ name: `cp${i + 1}`, role: 'control-plane', local: {}, ...more(i) }));
const worker: Machine = { name: 'worker1', role: 'worker', local: {} };

/** All problems of a demo-like file with some fields of spec replaced. */
function check(spec: object, name = 'demo'): readonly Problem[] {
  const whole = {
    apiVersion: 'quorate/v1alpha1',
    kind: 'Cluster',
    metadata: { name },
    spec: {
      kubernetesVersion: 'v1.36.3',
      controlPlaneEndpoint: '10.87.0.10:6443',
      machines: [...controlPlanes(3), worker],
      ...spec,
    },
  };
  try {
    return parseSpec(stringify(whole, { lineWidth: 0 })).warnings;
  } catch (error) {
    if (error instanceof QuorateError) return error.data.problems as readonly Problem[];
    throw error;
  }
}

const messages = (problems: readonly Problem[]) =>
  problems.map(({ kind, message }) => `${kind}: ${message}`).join('\n');

describe('number of control planes', () => {
  it.each([3, 5, 7])('accepts %i without a warning', (count) => {
    expect(check({ machines: [...controlPlanes(count), worker] })).toEqual([]);
  });

  it.each([
    [2, 'tolerate 0 failures, as 1 does: the quorum of 2 voters is 2, that of 1 is 1'],
    [4, 'tolerate 1 failure, as 3 do: the quorum of 4 voters is 3, that of 3 is 2'],
    [6, 'tolerate 2 failures, as 5 do: the quorum of 6 voters is 4, that of 5 is 3'],
  ])('refuses %i with the arithmetic of quorum', (count, text) => {
    const [problem] = check({ machines: [...controlPlanes(count), worker] });
    expect(problem).toMatchObject({ kind: 'invalid', path: 'spec.machines' });
    expect(problem?.message).toContain(text);
  });

  it('warns about one, and says what it means', () => {
    const [problem] = check({ machines: [...controlPlanes(1), worker] });
    expect(problem?.kind).toBe('warning');
    expect(problem?.message).toContain('tolerates 0 failures');
  });

  it('refuses none, and more than seven with the reason', () => {
    expect(messages(check({ machines: [worker] }))).toContain('invalid: spec.machines has no control plane');
    expect(messages(check({ machines: [] }))).toContain('invalid: spec.machines has no control plane');
    expect(messages(check({ machines: [...controlPlanes(9), worker] }))).toContain('etcd FAQ');
    expect(messages(check({ machines: [...controlPlanes(8), worker] }))).toContain('etcd FAQ');
  });

  it('does not count while a role is unreadable', () => {
    const machines = [...controlPlanes(2), { ...worker, role: 'wroker' }];
    expect(messages(check({ machines }))).not.toContain('tolerate');
  });
});

describe('zones', () => {
  const zoned = (zones: string[]) => [...controlPlanes(zones.length, (i) => ({ zone: zones[i] })), worker];

  it('warns when a zone holds more control planes than may fail', () => {
    expect(check({ machines: zoned(['a', 'b', 'c']) })).toEqual([]);
    expect(check({ machines: zoned(['a', 'b', 'c', 'a', 'b']) })).toEqual([]);
    expect(messages(check({ machines: zoned(['a', 'a', 'a']) }))).toContain(
      'warning: zone "a" holds all 3 control planes (cp1, cp2 and cp3): losing it leaves 0 of the 2 voters',
    );
    expect(messages(check({ machines: zoned(['a', 'b', 'a']) }))).toContain('zone "a" holds 2 of 3 control planes');
  });

  it('says nothing when zones are not used', () => {
    expect(check({})).toEqual([]);
  });
});

describe('networks', () => {
  it.each([
    [{ podSubnet: '10.43.0.0/16' }, 'service subnet 10.43.0.0/16 overlaps the pod subnet 10.43.0.0/16'],
    [{ podSubnet: '10.87.0.0/20' }, "pod subnet 10.87.0.0/20 overlaps the machines' network 10.87.0.0/24"],
    [{ serviceSubnet: '10.0.0.0/11' }, 'too large'],
    [{ serviceSubnet: '10.43.0.0/29' }, 'too small'],
    [{ podSubnet: '10.42.0.0/23' }, 'room for 2 nodes'],
    [{ podSubnet: '127.0.0.0/16' }, 'loopback'],
    [{ podSubnet: '10.42.0.1/16' }, 'has bits set behind its prefix'],
    [{ podSubnet: '10.42.0.0' }, 'is not an IPv4 network'],
    [{ podSubnet: '10.42.0.0/33' }, 'is not an IPv4 network'],
  ])('refuses %j', (networking, text) => {
    expect(messages(check({ networking }))).toContain(text);
  });

  it('accepts kubeadm’s limits themselves', () => {
    expect(check({ networking: { serviceSubnet: '172.16.0.0/12', podSubnet: '10.42.0.0/22' } })).toEqual([]);
    expect(check({ networking: { serviceSubnet: '10.43.0.0/28' } })).toEqual([]);
  });

  it('places a clash with a default at the field that was written', () => {
    const [problem] = check({ controlPlaneEndpoint: '10.43.7.10:6443' });
    expect(problem?.message).toContain("service subnet 10.43.0.0/16 overlaps the machines' network 10.43.7.0/24");
    expect(problem?.line).toBe(7);
  });

  it('suggests subnets that are free', () => {
    const [problem] = check({ networking: { podSubnet: '10.43.0.0/16' } });
    expect(problem?.fix).toBe('write, for example: serviceSubnet: 10.42.0.0/16');
  });
});

describe('endpoint and addresses', () => {
  it.each([
    ['10.87.0.0:6443', 'the network address'],
    ['10.87.0.255:6443', 'the broadcast address'],
    ['10.87.0.1:6443', 'own address'],
    ['10.87.0.10:0', 'not within 1-65535'],
    ['10.87.0.10:70000', 'not within 1-65535'],
    ['10.87.0.10:10250', 'used by another part'],
    ['k8s.example.com:6443', 'keepalived needs an IPv4 address'],
    ['10.87.0.300:6443', 'neither an IPv4 address nor a DNS name'],
    ['https://10.87.0.10', 'is not host:port'],
    ['127.0.0.10:6443', 'loopback'],
  ])('refuses the endpoint %s', (controlPlaneEndpoint, text) => {
    expect(messages(check({ controlPlaneEndpoint }))).toContain(text);
  });

  it('refuses an address that an earlier machine got by itself, instead of moving that machine', () => {
    const machines = [...controlPlanes(3), { ...worker, address: '10.87.0.11' }];
    const text = messages(check({ machines }));
    expect(text).toContain(
      'address 10.87.0.11 of worker1 is the address of cp1 already, which got it because it has none',
    );
  });

  it.each(['10.87.0.1', '10.87.0.10', '10.87.0.255', '10.87.1.5'])('refuses %s as address of a machine', (address) => {
    const [problem] = check({ machines: [...controlPlanes(3), { ...worker, address }] });
    expect(problem).toMatchObject({ kind: 'invalid', path: 'spec.machines[3].address' });
  });
});

describe('values of other fields', () => {
  it.each([
    ['0 */6 * * *', true],
    ['*/15 0-6,12 1 jan-mar sun', true],
    ['@daily', false],
    ['60 * * * *', false],
    ['0 0 0 * *', false],
    ['0 5-1 * * *', false],
    ['*/0 * * * *', false],
  ])('schedule %j is valid: %s', (schedule, isValid) => {
    const problems = check({ etcd: { snapshots: { schedule } } });
    expect(problems.some(({ kind }) => kind === 'invalid')).toBe(!isValid);
  });

  it('finds nothing wrong with backups that nobody asked for', () => {
    expect(check({ etcd: { topology: 'stacked' } })).toEqual([]);
  });

  it.each([
    ['1d', true],
    ['0h', false],
    ['7 days', false],
    ['1.5h', false],
  ])('retention %j is valid: %s', (retention, isValid) => {
    expect(check({ etcd: { snapshots: { retention } } }).some(({ kind }) => kind === 'invalid')).toBe(!isValid);
  });

  it('suggests the nearest version of the same minor', () => {
    const [problem] = check({ kubernetesVersion: 'v1.35.0' });
    expect(problem).toMatchObject({ code: 'SPEC_UNSUPPORTED', fix: 'write: kubernetesVersion: v1.35.4' });
  });

  it('asks for quotes where YAML read a number', () => {
    const machines = [...controlPlanes(3), { ...worker, labels: { tier: 1 } }];
    expect(check({ machines })[0]?.fix).toBe('put it in quotes: tier: "1"');
  });

  it('limits the name of a cluster', () => {
    expect(check({}, 'x'.repeat(32))).toEqual([]);
    expect(messages(check({}, 'x'.repeat(33)))).toContain('32 are the most');
  });

  it('is not confused by labels that are called like parts of JavaScript', () => {
    const machines = [...controlPlanes(3), { ...worker, labels: { constructor: 'x', toString: 'y' } }];
    expect(check({ machines })).toEqual([]);
    expect(messages(check({ constructor: 1 }))).toContain('spec.constructor is not a field');
  });
});
