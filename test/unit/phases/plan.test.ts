import { beforeAll, describe, expect, it } from 'vitest';
import { makePlan, planReport, skippedMachines } from '../../../src/engine/plan.ts';
import type { MachineFacts } from '../../../src/machines/facts.ts';
import { FORMED_PATH } from '../../../src/manifests/paths.ts';
import type { Observed, ObservedMachine } from '../../../src/observe/observed.ts';
import { SHARED_PATHS } from '../../../src/pki/names.ts';
import { renderPlan } from '../../../src/report/plan-screen.ts';
import { PLAIN_THEME } from '../../../src/report/theme.ts';
import { absentCluster, healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';

const spec = makeSpec();
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

/** The healthy cluster with one machine's facts changed. */
function withFacts(name: string, change: (facts: MachineFacts) => Partial<MachineFacts>): Observed {
  const machine = healthy.machines[name];
  if (!machine?.facts) throw new Error(`no machine ${name}`);
  const facts = { ...machine.facts, ...change(machine.facts) };
  return { ...healthy, machines: { ...healthy.machines, [name]: { ...machine, facts } } };
}

const without = <T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> =>
  Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));

/** etcd with one member that does not answer. */
function withoutStatus(name: string) {
  const members = (healthy.etcd?.members ?? []).map((member) => {
    const { status: _gone, ...rest } = member;
    return member.name === name ? rest : member;
  });
  return { alarms: [], members };
}

const steps = (observed: Observed) => makePlan(spec, observed).flatMap((phase) => phase.steps);

describe('the plan', () => {
  it('of a cluster that does not exist yet, as people read it', async () => {
    const observed = absentCluster(spec);
    const text = renderPlan(planReport(spec, observed, makePlan(spec, observed)), PLAIN_THEME);
    await expect(`${text}\n`).toMatchFileSnapshot('../../golden/plan/new-cluster.txt');
  });

  it('of a cluster that is as specified is empty', () => {
    expect(steps(healthy).map(({ id, why }) => `${id}: ${why}`)).toEqual([]);
  });

  it('mends a file that somebody changed, and restarts what reads it', () => {
    const path = '/var/lib/kubelet/config.yaml';
    const observed = withFacts('w1', ({ files }) => ({
      files: { ...files, [path]: { sha256: 'edited', mode: 0o600, mtimeMs: 0 } },
    }));
    expect(steps(observed)).toMatchObject([{ id: 'w1/roll', why: 'differs from cluster.yaml' }]);
    expect(steps(observed)[0]?.details).toEqual([
      `write kubelet configuration (1 file), restart kubelet: differs: ${path}`,
    ]);
  });

  it('restarts a unit that is older than its configuration: the run ended between the two', () => {
    const observed = withFacts('w1', ({ files, units }) => {
      const path = '/var/lib/kubelet/config.yaml';
      const file = files[path] ?? expect.fail('is managed');
      const since = units['kubelet.service']?.activeSinceMs ?? 0;
      return { files: { ...files, [path]: { ...file, mtimeMs: since + 1 } } };
    });
    expect(steps(observed)).toMatchObject([
      { id: 'w1/roll', details: ['restart kubelet: kubelet older than its configuration'] },
    ]);
  });

  it('starts a unit that is down', () => {
    const observed = withFacts('cp2', ({ units }) => ({
      units: { ...units, 'haproxy.service': { active: false, enabled: true, activeSinceMs: 0, state: 'failed' } },
    }));
    expect(steps(observed)).toMatchObject([{ id: 'cp2/load-balancer', why: 'haproxy not running' }]);
  });

  it('passes a changed static pod through the quorum gate, one of a member that is down not', () => {
    const path = '/etc/kubernetes/manifests/kube-apiserver.yaml';
    const changed = withFacts('cp3', ({ files }) => ({
      files: { ...files, [path]: { sha256: 'edited', mode: 0o600, mtimeMs: 0 } },
    }));
    expect(steps(changed)).toMatchObject([{ id: 'cp3/roll', disruption: { machine: 'cp3', kind: 'restart' } }]);
    const missing = withFacts('cp3', ({ files }) => ({ files: without(files, path), running: [] }));
    const down = steps({ ...missing, etcd: withoutStatus('cp3') });
    expect(down).toMatchObject([{ id: 'cp3/static-pods' }]);
    expect(down[0]?.disruption).toBeUndefined();
  });

  it('issues only the certificates that are wanting', () => {
    const path = '/etc/kubernetes/pki/apiserver.crt';
    const observed = withFacts('cp1', ({ certificates }) => ({ certificates: without(certificates, path) }));
    expect(steps(observed)).toMatchObject([{ id: 'cp1/certificates', title: 'issue 1 certificate (apiserver)' }]);
  });

  it('refuses to choose between two different authorities', () => {
    const path = '/etc/kubernetes/pki/ca.crt';
    const observed = withFacts('cp2', ({ files }) => ({
      files: { ...files, [path]: { sha256: 'another', mode: 0o644, mtimeMs: 0 } },
    }));
    expect(() => steps(observed)).toThrowError(expect.objectContaining({ code: 'PKI_CONFLICT' }));
  });

  it('refuses to start a member anew that has lost its data, and starts one that never ran', () => {
    const emptied = withFacts('cp2', () => ({ hasEtcdData: false }));
    const silent = withoutStatus('cp2');
    expect(() => steps({ ...emptied, etcd: silent })).toThrowError(
      expect.objectContaining({
        code: 'ETCD_MEMBER_LOST',
        hint: expect.stringContaining('quorate etcd member replace cp2'),
      }),
    );
    const members = silent.members.map((member) => (member.name === 'cp2' ? { ...member, clientURLs: [] } : member));
    expect(() => steps({ ...emptied, etcd: { alarms: [], members } })).not.toThrow();
  });

  it('takes a member that answers for one that has its data, whenever its machine was looked at', () => {
    expect(() => steps(withFacts('cp2', () => ({ hasEtcdData: false })))).not.toThrow();
  });

  it('writes all of the authorities anew where a killed run left a part of them and nothing uses them yet', () => {
    const facts = (name: string, keep: readonly string[]): [string, ObservedMachine] => {
      const machine = healthy.machines[name] ?? expect.fail('is there');
      const files = Object.fromEntries(
        Object.entries(machine.facts?.files ?? {}).filter(
          ([path]) => path !== FORMED_PATH && (!SHARED_PATHS.includes(path) || keep.includes(path)),
        ),
      );
      return [
        name,
        { ...machine, ...(machine.facts ? { facts: { ...machine.facts, files, hasEtcdData: false } } : {}) },
      ];
    };
    const ca = ['/etc/kubernetes/pki/ca.crt', '/etc/kubernetes/pki/ca.key'];
    const machines = {
      ...healthy.machines,
      ...Object.fromEntries([facts('cp1', ca), facts('cp2', []), facts('cp3', [])]),
      w1: { name: 'w1', state: 'absent' as const },
      w2: { name: 'w2', state: 'absent' as const },
    };
    const { etcd: _etcd, kube: _kube, ...rest } = healthy;
    const found = steps({ ...rest, machines }).filter(({ id }) => id.endsWith('/authorities'));
    expect(found.map(({ title }) => title)).toEqual(
      Array(3).fill("write the cluster's authorities and keys (9 files)"),
    );
  });

  it('gives a machine with remains of an older attempt what the complete one holds', () => {
    const observed = withFacts('cp2', ({ files }) => ({
      files: {
        ...without(files, '/etc/kubernetes/pki/sa.key'),
        '/etc/kubernetes/pki/ca.key': { sha256: 'older', mode: 0o600, mtimeMs: 0 },
      },
    }));
    // Its static pods are rendered from what lies there now; once the keys are back they are as they should be.
    expect(steps(observed).filter(({ id }) => id !== 'cp2/roll')).toMatchObject([
      { id: 'cp2/authorities', title: "write the cluster's authorities and keys (2 files)" },
    ]);
  });

  it('leaves out a machine that does not answer, and says so', () => {
    const observed: Observed = {
      ...healthy,
      machines: {
        ...healthy.machines,
        w2: {
          name: 'w2',
          state: 'unreachable',
          error: { code: 'MACHINE_UNREACHABLE', message: 'no route', hint: '', family: 'connect' },
        },
      },
    };
    expect(steps(observed)).toEqual([]);
    expect(skippedMachines(spec, observed)).toEqual([{ name: 'w2', reason: 'no route' }]);
  });

  it('boots a machine that is powered off and plans nothing else for it', () => {
    const observed: Observed = { ...healthy, machines: { ...healthy.machines, w2: { name: 'w2', state: 'stopped' } } };
    expect(steps(observed)).toMatchObject([{ id: 'w2/start', why: 'is powered off' }]);
  });

  it('applies an add-on object that is missing or was changed', () => {
    const kube = healthy.kube ?? expect.fail('answers');
    const key = 'Deployment/kube-system/coredns';
    const observed = { ...healthy, kube: { ...kube, addons: without(kube.addons, key) } };
    expect(steps(observed)).toMatchObject([{ id: 'cluster-objects', title: 'apply 1 object (with coredns)' }]);
  });

  it('restores a role label that was removed', () => {
    const kube = healthy.kube ?? expect.fail('answers');
    const nodes = kube.nodes.map((node) => (node.name === 'w1' ? { ...node, labels: {} } : node));
    const found = steps({ ...healthy, kube: { ...kube, nodes } });
    expect(found).toMatchObject([{ id: 'w1/labels' }]);
    expect(found[0]?.why).toContain('node-role.kubernetes.io/worker');
  });
});
