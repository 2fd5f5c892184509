// Which machines may balance, and what the endpoint may be for each kind of load balancer.
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { QuorateError } from '../../../src/core/errors.ts';
import { renderClusterYaml } from '../../../src/spec/init.ts';
import { parseSpec } from '../../../src/spec/load.ts';
import type { Problem } from '../../../src/spec/problem.ts';
import { loadBalancers } from '../../../src/spec/types.ts';

type Machine = Readonly<Record<string, unknown>>;

const planes = (more: (index: number) => object = () => ({})): Machine[] =>
  [1, 2, 3].map((index) => ({ name: `cp${index}`, role: 'control-plane', local: {}, ...more(index) }));
const balancers = (count: number, more: (index: number) => object = () => ({})): Machine[] =>
  Array.from({ length: count }, (_, i) => ({ name: `lb${i + 1}`, role: 'loadbalancer', local: {}, ...more(i) }));
const worker = { name: 'worker1', role: 'worker', local: {} };

/** `kind: message` of every problem, one a line. */
function check(spec: object): string {
  const whole = {
    apiVersion: 'quorate/v1alpha1',
    kind: 'Cluster',
    metadata: { name: 'demo' },
    spec: {
      kubernetesVersion: 'v1.36.3',
      controlPlaneEndpoint: '10.87.0.10:6443',
      machines: [...planes(), worker],
      ...spec,
    },
  };
  const text = (problems: readonly Problem[]) => problems.map(({ kind, message }) => `${kind}: ${message}`).join('\n');
  try {
    return text(parseSpec(stringify(whole, { lineWidth: 0 })).warnings);
  } catch (error) {
    if (error instanceof QuorateError) return text(error.data.problems as readonly Problem[]);
    throw error;
  }
}

describe('load balancers in cluster.yaml', () => {
  it.each(['haproxy', 'nginx', 'external'])('may be %s on the control planes’ cluster', (type) => {
    expect(check({ loadBalancer: { type } })).toBe('');
  });

  it.each(['haproxy', 'nginx'])('may be two machines of their own with %s', (type) => {
    expect(check({ loadBalancer: { type }, machines: [...planes(), worker, ...balancers(2)] })).toBe('');
  });

  it('are warned about when one machine is all there is', () => {
    const text = check({ machines: [...planes(), worker, ...balancers(1)] });
    expect(text).toMatch(/^warning: lb1 is the only load balancer: while it is down nobody reaches the API/);
  });

  it('cannot be machines and external at once', () => {
    const text = check({ loadBalancer: { type: 'external' }, machines: [...planes(), worker, ...balancers(2)] });
    expect(text).toMatch(
      /^invalid: spec\.loadBalancer\.type external means .* \(lb1 and lb2\) would have nothing to do/,
    );
  });

  it('are warned about when one zone holds them all and the control planes have several', () => {
    const zone = (index: number) => ({ zone: 'abc'[index % 3] });
    const spread = [...planes(zone), worker, ...balancers(2, zone)];
    expect(check({ machines: spread })).toBe('');
    const together = [...planes(zone), worker, ...balancers(2, () => ({ zone: 'a' }))];
    expect(check({ machines: together })).toContain('warning: zone "a" holds all load balancers (lb1 and lb2)');
  });
});

describe('the endpoint', () => {
  const ssh = (machines: readonly Machine[]) =>
    machines.map(({ local: _local, ...rest }, index) => ({ ...rest, ssh: { host: `192.0.2.${index + 11}` } }));
  const machines = ssh([...planes(), worker]);
  const controlPlaneEndpoint = 'api.example.com:6443';

  it('may be a name with an external load balancer, and with no other', () => {
    const external = check({ controlPlaneEndpoint, machines, loadBalancer: { type: 'external' } });
    expect(external).not.toContain('controlPlaneEndpoint');
    for (const type of ['haproxy', 'nginx'])
      expect(check({ controlPlaneEndpoint, machines, loadBalancer: { type } })).toContain('keepalived needs an IPv4');
  });

  it('says where local machines live, so it is an address for them', () => {
    const text = check({ controlPlaneEndpoint, loadBalancer: { type: 'external' } });
    expect(text).toContain('local machines live in the /24 around it, so it must be an IPv4 address');
  });

  it('may be this host with an external load balancer', () => {
    const endpoint = { controlPlaneEndpoint: '10.87.0.1:6443' };
    expect(check({ ...endpoint, loadBalancer: { type: 'external' } })).toBe('');
    expect(check(endpoint)).toContain("this host's own address");
  });
});

describe('quorate init', () => {
  const init = (options: Parameters<typeof renderClusterYaml>[0]) => parseSpec(renderClusterYaml(options)).spec;

  it('writes load balancers on machines of their own', () => {
    const spec = init({ loadBalancers: 2, loadBalancer: 'nginx' });
    expect(spec.loadBalancer.type).toBe('nginx');
    expect(loadBalancers(spec).map(({ name, address }) => `${name} ${address}`)).toEqual([
      'lb1 10.87.0.41',
      'lb2 10.87.0.42',
    ]);
  });

  it('leaves balancing to the control planes, or to the owner', () => {
    expect(loadBalancers(init({})).map(({ name }) => name)).toEqual(['cp1', 'cp2', 'cp3']);
    expect(loadBalancers(init({ loadBalancer: 'external' }))).toEqual([]);
  });

  it('refuses machines for a load balancer that is external', () => {
    expect(() => renderClusterYaml({ loadBalancers: 2, loadBalancer: 'external' })).toThrowError(
      expect.objectContaining({ code: 'USAGE', message: expect.stringContaining('nothing to do') }),
    );
  });

  it.each([
    ['nginx', { loadBalancers: 2, loadBalancer: 'nginx' }],
    ['external', { loadBalancer: 'external' }],
  ] as const)('explains %s', async (title, options) => {
    await expect(renderClusterYaml(options)).toMatchFileSnapshot(`../../golden/spec/init-${title}.yaml`);
  });
});
