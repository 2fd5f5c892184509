// Which versions a cluster may go to, forward and back.
import { beforeAll, describe, expect, it } from 'vitest';
import { previousOf, reachedVersion, versionChange } from '../../../src/engine/version-change.ts';
import { announcedRecord, finishedRecord } from '../../../src/manifests/cluster-record.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import { healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const base = makeSpec();
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(base);
});

/** A cluster whose record says `reached` and whose control planes run these versions. */
function running(reached: string, planes: readonly string[]): Observed {
  const kube = healthy.kube ?? expect.fail('answers');
  const record = { ...(kube.record ?? expect.fail('is there')), kubernetesVersion: reached };
  const nodes = kube.nodes.map((node, index) => ({ ...node, version: planes[index] ?? reached }));
  return { ...healthy, kube: { ...kube, record, nodes } };
}

const OLD = ['v1.35.4', 'v1.35.4', 'v1.35.4'];
const NEW = ['v1.36.3', 'v1.36.3', 'v1.36.3'];

describe('a change of version', () => {
  it.each<[what: string, reached: string, planes: readonly string[], to: string, ok: boolean, reason: string]>([
    ['none', 'v1.36.3', NEW, 'v1.36.3', true, 'runs already'],
    ['a patch forward', 'v1.36.1', ['v1.36.1', 'v1.36.1', 'v1.36.1'], 'v1.36.3', true, 'is a patch upgrade'],
    ['a patch back', 'v1.36.3', NEW, 'v1.36.1', true, 'v1.36.3 back to v1.36.1 is within a minor version'],
    ['a minor forward', 'v1.35.4', OLD, 'v1.36.3', true, 'is the next minor version'],
    ['two minors at once', 'v1.34.4', ['v1.34.4', 'v1.34.4', 'v1.34.4'], 'v1.36.3', false, 'upgrade to v1.35 first'],
    [
      'a minor back while old control planes are left',
      'v1.35.4',
      ['v1.36.3', 'v1.36.3', 'v1.35.4'],
      'v1.35.4',
      true,
      '1 control plane still runs 1.35',
    ],
    [
      'a minor back when the last one has gone, though the record says the old one yet',
      'v1.35.4',
      NEW,
      'v1.35.4',
      false,
      'restore the snapshot from before the upgrade into a new cluster instead',
    ],
    ['a minor back afterwards', 'v1.36.3', NEW, 'v1.35.4', false, 'is a downgrade'],
    ['two minors back', 'v1.36.3', NEW, 'v1.34.4', false, 'more than one minor version'],
    ['further, half-way through an upgrade', 'v1.35.4', ['v1.36.1', ...OLD.slice(1)], 'v1.36.3', true, 'next minor'],
    ['on, half-way through an upgrade', 'v1.35.4', ['v1.36.3', ...OLD.slice(1)], 'v1.36.3', true, 'next minor'],
    [
      'another minor, half-way through an upgrade',
      'v1.34.4',
      ['v1.35.4', 'v1.34.4', 'v1.34.4'],
      'v1.36.3',
      false,
      'upgrade to v1.35 first',
    ],
  ])('%s', (_what, reached, planes, to, ok, reason) => {
    const verdict = versionChange({ ...base, kubernetesVersion: to }, running(reached, planes));
    expect(verdict.ok, verdict.reason).toBe(ok);
    expect(verdict.reason).toContain(reason);
  });

  it('counts control planes only: workers are changed after them and may lag behind', () => {
    const observed = running('v1.36.3', [...NEW, 'v1.35.4', 'v1.35.4']);
    expect(versionChange({ ...base, kubernetesVersion: 'v1.35.4' }, observed).ok).toBe(false);
  });

  it('is allowed where nothing is known', () => {
    const { kube: _kube, ...mute } = healthy;
    expect(versionChange(base, mute)).toMatchObject({ ok: true, reason: expect.stringContaining('nothing is known') });
  });

  it('starts from the record, else from what kubeadm says', () => {
    const kube = healthy.kube ?? expect.fail('answers');
    const { record: _record, ...unrecorded } = kube;
    expect(reachedVersion(running('v1.35.4', NEW))).toBe('v1.35.4');
    expect(reachedVersion({ ...healthy, kube: unrecorded })).toBe('v1.36.3');
    const { clusterConfiguration: _text, ...bare } = unrecorded;
    expect(reachedVersion({ ...healthy, kube: bare })).toBeUndefined();
    expect(reachedVersion({ ...healthy, kube: { ...bare, clusterConfiguration: '' } })).toBeUndefined();
  });
});

describe('the way back', () => {
  const at = (kubernetesVersion: string) => ({ ...base, kubernetesVersion });
  const upgraded = finishedRecord(at('v1.36.3'), finishedRecord(at('v1.36.1'), undefined));

  it('leads nowhere without a record, and from a cluster that was never upgraded', () => {
    expect(previousOf(undefined)).toBeUndefined();
    expect(previousOf(finishedRecord(base, undefined))).toBeUndefined();
  });

  it('from an upgrade that has ended goes to the version before it, however often it is interrupted', () => {
    expect(previousOf(upgraded)).toBe('v1.36.1');
    const killed = announcedRecord(at('v1.36.1'), upgraded, [], 0);
    expect(previousOf(killed)).toBe('v1.36.1');
    expect(previousOf(announcedRecord(at('v1.36.1'), killed, [], 0))).toBe('v1.36.1');
    expect(previousOf(finishedRecord(at('v1.36.1'), killed))).toBeUndefined();
  });

  it('from an upgrade that has not ended goes to where it began, and no further', () => {
    const halfWay = announcedRecord(at('v1.37.0'), upgraded, [], 0);
    expect(previousOf(halfWay)).toBe('v1.36.3');
    const killed = announcedRecord(at('v1.36.3'), halfWay, [], 0);
    expect(previousOf(killed)).toBe('v1.36.3');
    expect(previousOf(finishedRecord(at('v1.36.3'), killed))).toBe('v1.36.1');
  });

  it('is finished by a plain up with the file at that version, which may go there', () => {
    const killed = announcedRecord(at('v1.36.1'), upgraded, [], 0);
    const seen = running('v1.36.3', ['v1.36.1', 'v1.36.3', 'v1.36.3']);
    const observed = { ...seen, kube: { ...(seen.kube ?? expect.fail('answers')), record: killed } };
    expect(versionChange(at('v1.36.1'), observed).ok).toBe(true);
    expect(finishedRecord(at('v1.36.1'), killed).kubernetesVersion).toBe('v1.36.1');
  });
});
