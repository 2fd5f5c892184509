import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QuorateError } from '../../../src/core/errors.ts';
import { assignAddresses, machineNetworkOf } from '../../../src/spec/addresses.ts';
import * as cidr from '../../../src/spec/cidr.ts';
import { demoSpec, freeSubnet, renderClusterYaml } from '../../../src/spec/init.ts';
import { parseSpec } from '../../../src/spec/load.ts';
import { didYouMean, editDistance } from '../../../src/spec/suggest.ts';
import type { Role } from '../../../src/spec/types.ts';
import { KUBERNETES_VERSIONS } from '../../../src/spec/versions.ts';

const address = fc.integer({ min: 0, max: 0xffffffff });
const prefix = fc.integer({ min: 0, max: 32 });
const network = fc.tuple(address, prefix).map(([ip, length]) => cidr.cidrOf(ip, length));

describe('cidr', () => {
  it('formats and parses back', () => {
    fc.assert(fc.property(address, (ip) => cidr.parseIPv4(cidr.formatIPv4(ip)) === ip));
    fc.assert(fc.property(network, (net) => cidr.parseCidr(cidr.formatCidr(net))?.first === net.first));
  });

  it('a network holds its own addresses, as many as it says', () => {
    fc.assert(
      fc.property(network, (net) => {
        expect(cidr.cidrContains(net, net.address)).toBe(true);
        expect(net.last - net.first + 1).toBe(net.size);
        expect(cidr.cidrContains(net, net.last + 1) || cidr.cidrContains(net, net.first - 1)).toBe(false);
      }),
    );
  });

  it('overlap is symmetric, and is containment of one in the other', () => {
    fc.assert(
      fc.property(network, network, (a, b) => {
        const overlap = cidr.cidrsOverlap(a, b);
        expect(cidr.cidrsOverlap(b, a)).toBe(overlap);
        expect(cidr.cidrContains(a, b.first) || cidr.cidrContains(b, a.first)).toBe(overlap);
      }),
    );
  });

  it.each(['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', '::1', '1.2.3.-4'])(
    '%j is no address',
    (text) => {
      expect(cidr.parseIPv4(text)).toBeUndefined();
    },
  );

  it.each(['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0/8', '10.0.0.0/-1'])(
    '%j is no network',
    (text) => {
      expect(cidr.parseCidr(text)).toBeUndefined();
    },
  );
});

describe('addresses of machines', () => {
  const role = fc.constantFrom<Role>('control-plane', 'worker');
  const machine = role.map((r) => ({ role: r, driver: 'local' as const, address: undefined, sshHost: undefined }));
  const written = fc.integer({ min: 2, max: 254 }).map((n) => `10.87.0.${n}`);
  const mixed = fc.tuple(machine, fc.option(written, { nil: undefined })).map(([m, a]) => ({ ...m, address: a }));
  const vip = fc.integer({ min: 2, max: 254 }).map((n) => `10.87.0.${n}`);
  const net = machineNetworkOf('10.87.0.10');

  it('are unique and never the gateway, the virtual IP, the network or the broadcast address', () => {
    fc.assert(
      fc.property(fc.array(machine, { maxLength: 40 }), vip, (machines, virtual) => {
        const addresses = assignAddresses(machines, net, virtual);
        expect(new Set(addresses).size).toBe(machines.length);
        for (const used of [virtual, '10.87.0.0', '10.87.0.1', '10.87.0.255', undefined])
          expect(addresses).not.toContain(used);
      }),
    );
  });

  it('do not move when machines are added at the end, whatever address those have', () => {
    fc.assert(
      fc.property(
        fc.array(mixed, { maxLength: 20 }),
        fc.array(mixed, { maxLength: 20 }),
        vip,
        (before, added, virtual) => {
          const alone = assignAddresses(before, net, virtual);
          expect(assignAddresses([...before, ...added], net, virtual).slice(0, before.length)).toEqual(alone);
        },
      ),
    );
  });

  it('start at .11 for control planes and at .21 for workers', () => {
    const cp = { role: 'control-plane', driver: 'local', address: undefined, sshHost: undefined } as const;
    const worker = { ...cp, role: 'worker' } as const;
    expect(assignAddresses([cp, worker, cp, worker], net, '10.87.0.10')).toEqual([
      '10.87.0.11',
      '10.87.0.21',
      '10.87.0.12',
      '10.87.0.22',
    ]);
    expect(assignAddresses([cp], net, '10.87.0.11')).toEqual(['10.87.0.12']);
  });
});

describe('renderClusterYaml', () => {
  const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?$/);
  const options = fc.record({
    name,
    controlPlanes: fc.constantFrom(1, 3, 5, 7),
    workers: fc.integer({ min: 0, max: 20 }),
    driver: fc.constantFrom('local' as const, 'ssh' as const),
    subnet: fc.integer({ min: 0, max: 255 }).map((n) => `10.87.${n}.0/24`),
    kubernetesVersion: fc.constantFrom(...KUBERNETES_VERSIONS),
  });

  it('reads back as what was asked for', () => {
    fc.assert(
      fc.property(options, (wanted) => {
        const { spec, warnings } = parseSpec(renderClusterYaml(wanted), 'cluster.yaml', { unsupported: 'allow' });
        const count = (role: Role) => spec.machines.filter((machine) => machine.role === role).length;
        expect(spec.name).toBe(wanted.name);
        expect(spec.kubernetesVersion).toBe(wanted.kubernetesVersion);
        expect(spec.endpoint.authority).toBe(`${wanted.subnet.replace('.0/24', '.10')}:6443`);
        expect([count('control-plane'), count('worker')]).toEqual([wanted.controlPlanes, wanted.workers]);
        expect(spec.machines.every(({ driver }) => driver === wanted.driver)).toBe(true);
        // Its own warnings are about what was asked for, nothing else.
        const expected = [wanted.controlPlanes === 1, wanted.workers === 0].filter(Boolean).length;
        expect(warnings.length).toBe(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('writes the addresses that machines would get anyway', () => {
    fc.assert(
      fc.property(options, (wanted) => {
        const text = renderClusterYaml({ ...wanted, driver: 'local' });
        expect(parseSpec(text.replace(/ address: [0-9.]+,/g, '')).spec).toEqual(parseSpec(text).spec);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    [{ controlPlanes: 4 }, 'as 3 do'],
    [{ controlPlanes: 0 }, 'no control plane'],
    [{ name: 'Not Valid' }, 'is not a valid name'],
    [{ subnet: '10.0.0.0/16' }, 'prefix length 24'],
    [{ subnet: 'x' }, 'prefix length 24'],
    [{ subnet: '10.43.1.0/24' }, 'overlaps'],
    [{ kubernetesVersion: 'v1.2' }, 'is not a Kubernetes version'],
  ])('refuses %j as a wrong command line', (wrong, text) => {
    let error: unknown;
    try {
      renderClusterYaml(wrong);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(QuorateError);
    expect(error).toMatchObject({ code: 'USAGE' });
    expect((error as QuorateError).message).toContain(text);
  });

  it('matches its golden files', async () => {
    await expect(renderClusterYaml()).toMatchFileSnapshot('../../golden/spec/init-local.yaml');
    await expect(renderClusterYaml({ driver: 'ssh' })).toMatchFileSnapshot('../../golden/spec/init-ssh.yaml');
  });
});

describe('demoSpec', () => {
  it('has three control planes and two workers, spread over zones, at 10.87.0.10', () => {
    const spec = demoSpec();
    expect(spec.machines.map(({ name, zone, address }) => [name, zone, address])).toEqual([
      ['cp1', 'a', '10.87.0.11'],
      ['cp2', 'b', '10.87.0.12'],
      ['cp3', 'c', '10.87.0.13'],
      ['worker1', 'a', '10.87.0.21'],
      ['worker2', 'b', '10.87.0.22'],
    ]);
    expect(spec.endpoint.url).toBe('https://10.87.0.10:6443');
    expect(spec.machineNetwork).toEqual({ subnet: '10.87.0.0/24', gateway: '10.87.0.1', prefixLength: 24 });
    expect(spec.file).toBeUndefined();
    expect(spec.machines.every(({ local }) => local?.memoryBytes === undefined && local?.cpus === undefined)).toBe(
      true,
    );
  });
});

describe('freeSubnet', () => {
  it('takes the first 10.87.N.0/24 that nothing overlaps', () => {
    expect(freeSubnet([])).toBe('10.87.0.0/24');
    expect(freeSubnet(['10.87.0.1/24', '10.87.1.128/25', 'default', '0.0.0.0/0', 'fe80::1/64'])).toBe('10.87.2.0/24');
    expect(freeSubnet(['10.87.0.0/17'])).toBe('10.87.128.0/24');
  });

  it('says so when none is free', () => {
    expect(() => freeSubnet(['10.0.0.0/8'])).toThrow('no network of 10.87.0.0/16 is free');
  });
});

describe('suggestions', () => {
  it('distance is a metric on equality and order', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b)).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });

  it('finds the word that was meant, and none when nothing is near', () => {
    expect(didYouMean('podSubent', ['podSubnet', 'serviceSubnet'])).toBe('podSubnet');
    expect(didYouMean('service-subnet', ['podSubnet', 'serviceSubnet'])).toBe('serviceSubnet');
    expect(didYouMean('flavour', ['podSubnet', 'serviceSubnet'])).toBeUndefined();
  });
});

describe('parseSpec', () => {
  it('never throws anything but its report, whatever is typed', () => {
    const line = fc.oneof(
      fc.constantFrom(...renderClusterYaml().split('\n')),
      fc.string({ maxLength: 20 }),
      fc.constantFrom(
        'spec:',
        '  - {',
        '    machines: [',
        '\t',
        'a: *b',
        '- &x [*x]',
        '? {a: 1}',
        '!!set {x}',
        '<<: {a: 1}',
      ),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
        try {
          parseSpec(lines.join('\n'));
        } catch (error) {
          if (!(error instanceof QuorateError) || error.family !== 'config') throw error;
          const problems = error.data.problems as { line: number; column: number; message: string; fix: string }[];
          expect(problems.length).toBeGreaterThan(0);
          for (const problem of problems) expect(Math.min(problem.line, problem.column)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 400 },
    );
  });
});
