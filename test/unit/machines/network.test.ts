import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { natRules } from '../../../src/machines/local/firewall.ts';
import { hostsFile, networkEnv, reachableResolvers } from '../../../src/machines/local/guest-files.ts';
import { bridgeName, hostMachineName, linkName } from '../../../src/machines/local/layout.ts';
import { findClash, subnetsInUse } from '../../../src/machines/local/subnets.ts';
import { makeMachine, makeSpec } from '../../helpers/spec.ts';

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$/);

describe('names of network interfaces', () => {
  it('are readable where the name is short', () => {
    expect(bridgeName('demo')).toBe('q-demo');
    expect(linkName('demo', 'cp1')).toBe('vb-demo-cp1');
  });

  it('fit into 15 characters, whatever the cluster is called', () => {
    fc.assert(
      fc.property(label, label, (cluster, machine) => {
        expect(bridgeName(cluster).length).toBeLessThanOrEqual(15);
        expect(linkName(cluster, machine).length).toBeLessThanOrEqual(15);
        expect(hostMachineName(cluster, machine)).toMatch(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/);
      }),
    );
  });

  it('differ for long names that begin alike', () => {
    expect(bridgeName('production-east')).not.toBe(bridgeName('production-west'));
    expect(linkName('production-east', 'cp1')).not.toBe(linkName('production-west', 'cp1'));
  });

  it('avoid interfaces that are there', () => {
    const second = bridgeName('demo', new Set(['q-demo']));
    const third = bridgeName('demo', new Set(['q-demo', second]));
    expect(new Set(['q-demo', second, third]).size).toBe(3);
  });
});

describe('a clash of subnets', () => {
  const addresses = JSON.stringify([
    { ifname: 'lo', addr_info: [{ local: '127.0.0.1', prefixlen: 8 }] },
    { ifname: 'eth0', addr_info: [{ local: '10.88.0.200', prefixlen: 25 }] },
  ]);
  const routes = JSON.stringify([
    { dst: 'default', dev: 'eth0' },
    { dst: '10.90.0.0/16', dev: 'tun0' },
    { dst: '10.91.0.7', dev: 'wg0' },
    { type: 'local', dst: '10.92.0.1', dev: 'eth1' },
  ]);
  const uses = subnetsInUse(routes, addresses);

  it('is found with an address, a wider route and a single host, naming the interface', () => {
    expect(findClash('10.88.0.0/24', uses)).toEqual({ subnet: '10.88.0.200/25', owner: 'eth0' });
    expect(findClash('10.90.7.0/24', uses)?.owner).toBe('tun0');
    expect(findClash('10.91.0.0/24', uses)?.owner).toBe('wg0');
  });

  it('is not found with the default route or a neighbour', () => {
    expect(findClash('10.89.0.0/24', uses)).toBeUndefined();
  });

  it('is not found where ip has nothing to list', () => {
    expect(subnetsInUse('', '')).toEqual([]);
  });
});

describe('files of a machine', () => {
  const spec = makeSpec({ controlPlanes: 1, workers: 1 });

  it('name every machine of the cluster', () => {
    expect(hostsFile(spec)).toBe('127.0.0.1 localhost\n::1 localhost ip6-localhost\n10.88.0.11 cp1\n10.88.0.21 w1\n');
  });

  it('give address and gateway', () => {
    expect(networkEnv(spec, makeMachine({ name: 'cp1' }))).toBe(
      'ADDRESS=10.88.0.11\nPREFIX_LENGTH=24\nGATEWAY=10.88.0.1\n',
    );
  });

  it('leave out name servers on the loopback of the host', () => {
    const text =
      '# by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\noptions edns0\nsearch a.example\n';
    expect(reachableResolvers(text)).toBe('nameserver 192.0.2.1\noptions edns0\nsearch a.example\n');
    expect(reachableResolvers('nameserver 127.0.0.1\n')).toBe('');
  });
});

describe('the NAT table', () => {
  it('replaces itself in one transaction and is as reviewed', async () => {
    const rules = natRules('q-demo', '10.88.0.0/24');
    expect(rules.startsWith('table ip quorate-q-demo\ndelete table ip quorate-q-demo\n')).toBe(true);
    await expect(rules).toMatchFileSnapshot('../../golden/machines/nat.nft');
  });
});
