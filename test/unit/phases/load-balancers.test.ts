// Machines that balance: what is planned for them, and that a configuration is tested before it replaces one that works.
import { beforeAll, describe, expect, it } from 'vitest';
import type { MachineFacts } from '../../../src/machines/facts.ts';
import { createFakeDriver } from '../../../src/machines/fake/driver.ts';
import type { FakeRule } from '../../../src/machines/fake/fake-machine.ts';
import { createFleet } from '../../../src/machines/fleet.ts';
import { dropInPath, loadBalancerFiles } from '../../../src/manifests/node-files.ts';
import type { Observed } from '../../../src/observe/observed.ts';
import type { Step } from '../../../src/phases/step.ts';
import { balancerSteps } from '../../../src/phases/steps/load-balancers.ts';
import { certificatePath } from '../../../src/pki/names.ts';
import type { SharedMaterial } from '../../../src/pki/types.ts';
import type { ClusterSpec, MachineSpec } from '../../../src/spec/types.ts';
import { recordingContext } from '../../helpers/context.ts';
import { absentCluster, healthyCluster } from '../../helpers/observed.ts';
import { makeSpec } from '../../helpers/spec.ts';
import { makeToolbox } from '../../helpers/toolbox.ts';

const CA = certificatePath('ca');
const spec = makeSpec({ loadBalancers: 2 });
let healthy: Observed;
beforeAll(async () => {
  healthy = await healthyCluster(spec);
});

function machine(name: string, of: ClusterSpec = spec): MachineSpec {
  return of.machines.find((candidate) => candidate.name === name) ?? expect.fail(`no machine ${name}`);
}

function withFacts(name: string, fields: Partial<MachineFacts>): Observed {
  const seen = healthy.machines[name] ?? expect.fail('is there');
  const facts = { ...(seen.facts ?? expect.fail('answers')), ...fields };
  return { ...healthy, machines: { ...healthy.machines, [name]: { ...seen, facts } } };
}

const ids = (steps: readonly Step[]) => steps.map(({ id }) => id);

describe('the steps of a machine that balances', () => {
  it('are none when all is as it should be, and none for machines that do not balance', () => {
    for (const name of ['lb1', 'lb2', 'cp1', 'w1']) expect(balancerSteps(spec, healthy, machine(name))).toEqual([]);
  });

  it('bring HAProxy the authority first, and NGINX none', () => {
    expect(ids(balancerSteps(spec, absentCluster(spec), machine('lb1')))).toEqual([
      'lb1/authority',
      'lb1/load-balancer',
    ]);
    const nginx: ClusterSpec = { ...spec, loadBalancer: { type: 'nginx' } };
    const [step, ...others] = balancerSteps(nginx, absentCluster(nginx), machine('lb1'));
    expect(others).toEqual([]);
    expect(step?.title).toBe('write NGINX and keepalived configuration (5 files), start nginx, keepalived');
  });

  it('are those of control planes where no machine is there for it', () => {
    const plain = makeSpec();
    expect(ids(balancerSteps(plain, absentCluster(plain), machine('cp1', plain)))).toEqual(['cp1/load-balancer']);
  });

  it('renew an authority that is not the control planes’', () => {
    const files = { ...healthy.machines.lb1?.facts?.files, [CA]: { sha256: 'old', mode: 0o644, mtimeMs: 0 } };
    expect(balancerSteps(spec, withFacts('lb1', { files }), machine('lb1'))).toMatchObject([
      { id: 'lb1/authority', why: 'the control planes have another one' },
    ]);
  });

  it('stop what another type of load balancer left, before its successor starts', () => {
    const nginx: ClusterSpec = { ...spec, loadBalancer: { type: 'nginx' } };
    const steps = balancerSteps(nginx, healthy, machine('lb1'));
    expect(ids(steps)).toEqual(['lb1/retire-load-balancer', 'lb1/load-balancer']);
    expect(steps[0]?.title).toBe('stop haproxy');
    const external: ClusterSpec = { ...makeSpec(), loadBalancer: { type: 'external' } };
    const files = Object.fromEntries(
      ['haproxy.service', 'keepalived.service'].map((unit) => [dropInPath(unit), { sha256: '', mode: 0, mtimeMs: 0 }]),
    );
    const steps2 = balancerSteps(external, withFacts('cp1', { files }), machine('cp1'));
    expect(steps2.map(({ title }) => title)).toEqual(['stop keepalived and haproxy']);
  });

  it('never stop an NGINX that is not quorate’s', () => {
    expect(healthy.machines.w1?.facts?.units['nginx.service']?.active).toBe(true);
    expect(balancerSteps(spec, healthy, machine('w1'))).toEqual([]);
  });
});

describe('running them', () => {
  function start(rules: readonly FakeRule[] = []) {
    const driver = createFakeDriver({ power: 'running', rules });
    const fleet = createFleet(spec, () => driver);
    const authorities = { ca: { certificate: 'the authority' } };
    const tools = {
      ...makeToolbox(spec, () => healthy),
      fleet,
      shared: async () => ({ authorities }) as SharedMaterial,
    };
    return { tools, inside: driver.inside(spec, 'lb1') };
  }
  const steps = () => balancerSteps(spec, absentCluster(spec), machine('lb1'));
  const wordsOf = (commands: readonly { argv: readonly string[] }[]) => commands.map(({ argv }) => argv.join(' '));

  it('writes the authority, tests each configuration, then writes and starts', async () => {
    const { tools, inside } = start();
    for (const step of steps()) await step.run(recordingContext(), tools);
    expect(String(inside.files.get(CA)?.content)).toBe('the authority');
    const words = wordsOf(inside.commands);
    const at = (text: string) => words.findIndex((line) => line.includes(text));
    expect(at('haproxy -c -f /run/quorate/candidates/etc/haproxy/haproxy.cfg')).toBeGreaterThanOrEqual(0);
    expect(at('keepalived -t -f /run/quorate/candidates/etc/keepalived/keepalived.conf')).toBeGreaterThanOrEqual(0);
    expect(at('haproxy.service keepalived.service')).toBe(words.length - 1);
    expect(inside.files.has('/etc/haproxy/haproxy.cfg')).toBe(true);
  });

  it('changes nothing when a program refuses its configuration, and says why in its words', async () => {
    const refuses: FakeRule = {
      when: ({ argv }) => argv.includes('keepalived'),
      answer: {
        exitCode: 5,
        stderr: '(/run/quorate/candidates/etc/keepalived/keepalived.conf: Line 3) number 900 outside range\n',
      },
    };
    const { tools, inside } = start([refuses]);
    const step = steps().at(-1) ?? expect.fail('has steps');
    await expect(step.run(recordingContext(), tools)).rejects.toMatchObject({
      code: 'CONFIG_REJECTED',
      message: expect.stringContaining('(/etc/keepalived/keepalived.conf: Line 3) number 900 outside range'),
    });
    for (const { path } of loadBalancerFiles(spec, machine('lb1'), healthy.machines.lb1?.facts ?? expect.fail()))
      expect(inside.files.has(path), path).toBe(false);
    expect(wordsOf(inside.commands).filter((line) => line.includes('systemctl'))).toEqual([]);
  });
});
