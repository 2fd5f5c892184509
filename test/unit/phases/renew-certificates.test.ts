// What `certs renew` plans: which certificates, on which machines, in which order; also when nothing answers any more.
import { beforeAll, describe, expect, it } from 'vitest';
import type { Observed } from '../../../src/observe/observed.ts';
import {
  hasEnded,
  type RenewalChoice,
  refuseUnknownChoice,
  renewCertificates,
} from '../../../src/phases/renew-certificates.ts';
import { SERIAL_LANE } from '../../../src/phases/step.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const YEAR_MS = 365 * 86_400_000;
const spec = makeSpec();
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

const plan = (choice: RenewalChoice, observed = healthy) => renewCertificates(choice).plan(spec, observed);
/** The same a year later, with nobody who answers. */
const dead = (): Observed => {
  const { kube: _kube, etcd: _etcd, ...rest } = healthy;
  return { ...rest, takenAtMs: healthy.takenAtMs + YEAR_MS + 86_400_000 };
};

describe('the plan of a renewal', () => {
  it('is every leaf of every control plane, one machine after the other, the leader of etcd last', () => {
    const steps = plan({});
    expect(steps.map(({ id }) => id)).toEqual(['cp2/renew', 'cp3/renew', 'cp1/renew']);
    expect(new Set(steps.map(({ lane }) => lane))).toEqual(new Set([SERIAL_LANE]));
    expect(steps[0]?.title).toMatch(/^issue 11 certificates anew \(apiserver, .*scheduler.conf\)$/);
    expect(steps[0]?.why).toBe('the first of them ends in 365 days');
    // Nothing is stopped that a quorum or the only API server hangs on.
    expect(steps.filter(({ disruption }) => disruption !== undefined)).toEqual([]);
  });

  it('is what was named, on the machines that were named', () => {
    expect(plan({ names: ['apiserver'], machines: ['cp1'] }).map(({ title }) => title)).toEqual([
      'issue 1 certificate anew (apiserver)',
    ]);
  });

  it('is nothing when nothing ends within the time', () => {
    expect(plan({ withinDays: 30 })).toEqual([]);
    expect(plan({ withinDays: 400 })).toHaveLength(3);
  });

  it('leaves the certificates of kubelets to them, unless they are named or a kubelet has missed its time', () => {
    expect(plan({ names: ['kubelet-client'], machines: ['cp1'] })).toHaveLength(1);
    expect(plan({}, dead())[0]?.title).toContain('kubelet-client');
    expect(plan({ machines: ['w1'] })).toEqual([]);
    const seen = healthy.machines.w1 ?? expect.fail('is there');
    const facts = seen.facts ?? expect.fail('answers');
    const path = '/var/lib/kubelet/pki/kubelet-client-current.pem';
    const pem = healthy.machines.cp1?.facts?.certificates[path] ?? '';
    const observed = {
      ...dead(),
      machines: {
        ...healthy.machines,
        w1: { ...seen, facts: { ...facts, certificates: { ...facts.certificates, [path]: pem } } },
      },
    };
    expect(plan({}, observed).map(({ id }) => id)).toContain('w1/renew');
  });

  it('needs neither an API nor etcd, and waits for them at the end', () => {
    const steps = plan({ withinDays: 0 }, dead());
    expect(steps.map(({ id }) => id)).toEqual(['cp1/renew', 'cp2/renew', 'cp3/renew', 'api']);
    expect(steps[0]?.why).toBe('one of them has ended or cannot be read');
  });

  it('takes silence for no proof that anything has ended: it still waits for each machine', () => {
    const { kube: _kube, etcd: _etcd, ...silent } = healthy;
    expect(plan({}, silent).map(({ id }) => id)).toEqual(['cp1/renew', 'cp2/renew', 'cp3/renew']);
    expect([hasEnded(spec, silent), hasEnded(spec, dead())]).toEqual([false, true]);
  });

  it('leaves out a machine that does not answer', () => {
    const machines = { ...healthy.machines, cp2: { name: 'cp2', state: 'unreachable' as const } };
    expect(plan({}, { ...healthy, machines }).map(({ id }) => id)).toEqual(['cp3/renew', 'cp1/renew']);
  });
});

describe('a choice', () => {
  it('names what there is', () => {
    expect(() => refuseUnknownChoice(spec, { names: ['apiserver', 'etcd-peer'], machines: ['cp1'] })).not.toThrow();
    expect(() => refuseUnknownChoice(spec, { names: ['apiservre'] })).toThrow(/no certificate apiservre to renew/);
    expect(() => refuseUnknownChoice(spec, { machines: ['cp9'] })).toThrow(/no machine cp9/);
  });
});
