// Which secret lies where: no machine holds a key that it has no use for.
import { describe, expect, it } from 'vitest';
import { expectedCertificates } from '../../../src/pki/expected.ts';
import { SHARED_PATHS } from '../../../src/pki/names.ts';
import { sharedPathsOf, sharingMachines } from '../../../src/pki/placement.ts';
import type { ClusterSpec, MachineSpec } from '../../../src/spec/types.ts';
import { makeSpec } from '../../helpers/spec.ts';

const stacked = makeSpec({ loadBalancers: 1 });
const external = makeSpec({ etcdMachines: 3, loadBalancers: 1 });
const ETCD_CA_KEY = '/etc/kubernetes/pki/etcd/ca.key';

function machine(spec: ClusterSpec, name: string): MachineSpec {
  return spec.machines.find((candidate) => candidate.name === name) ?? expect.fail(`no machine ${name}`);
}
const certificates = (spec: ClusterSpec, name: string) =>
  expectedCertificates(spec, machine(spec, name)).map((expected) => expected.name);

describe('shared files', () => {
  it('are all on control planes where etcd is stacked, as kubeadm does it', () => {
    expect(sharedPathsOf(stacked, machine(stacked, 'cp1'))).toEqual(SHARED_PATHS);
  });

  it("leave the key of etcd's authority on etcd's machines where it is external", () => {
    const plane = sharedPathsOf(external, machine(external, 'cp1'));
    expect(plane).not.toContain(ETCD_CA_KEY);
    expect(plane).toEqual(SHARED_PATHS.filter((path) => path !== ETCD_CA_KEY));
    expect(sharedPathsOf(external, machine(external, 'etcd1'))).toEqual([
      '/etc/kubernetes/pki/etcd/ca.crt',
      ETCD_CA_KEY,
    ]);
  });

  it.each(['w1', 'lb1'])('are not on %s', (name) => {
    expect(sharedPathsOf(external, machine(external, name))).toEqual([]);
    expect(sharedPathsOf(stacked, machine(stacked, name))).toEqual([]);
  });

  it.each([
    ['stacked', stacked],
    ['external', external],
  ])('lie between them on the machines that share, %s', (_topology, spec) => {
    const found = new Set(sharingMachines(spec).flatMap((one) => sharedPathsOf(spec, one)));
    expect([...found].sort()).toEqual([...SHARED_PATHS].sort());
  });
});

describe('certificates with external etcd', () => {
  it('of a control plane are those of a client of etcd, and of no member', () => {
    expect(certificates(external, 'cp1').filter((name) => name.includes('etcd'))).toEqual(['apiserver-etcd-client']);
    expect(certificates(stacked, 'cp1').filter((name) => name.includes('etcd'))).toEqual([
      'apiserver-etcd-client',
      'etcd-server',
      'etcd-peer',
      'etcd-healthcheck-client',
    ]);
  });

  it("of an etcd machine are its member's, with its own names", () => {
    expect(certificates(external, 'etcd2')).toEqual(['etcd-server', 'etcd-peer', 'etcd-healthcheck-client']);
    const [server] = expectedCertificates(external, machine(external, 'etcd2'));
    expect(server).toMatchObject({
      issuer: 'etcd/ca',
      sans: ['etcd2', 'localhost', '10.88.0.32', '127.0.0.1', '::1'],
      usages: ['server', 'client'],
    });
  });

  it.each(['w1', 'lb1'])('are none of %s: a kubelet asks for its own', (name) => {
    expect(certificates(external, name)).toEqual([]);
  });
});
