import { describe, expect, it } from 'vitest';
import { findMember, memberName } from '../../../src/etcd/members.ts';
import { fragmentation, whyNotDefragment } from '../../../src/etcd/space.ts';

const MIB = 1024 ** 2;

describe('defragmenting', () => {
  it.each([
    ['a small file, all holes', 99 * MIB, 1 * MIB, /smaller than 100 MiB/],
    ['exactly 45 % unused', 200 * MIB, 110 * MIB, /45 % of its file is unused, not more/],
    ['a full file', 200 * MIB, 200 * MIB, /0 % of its file is unused/],
  ])('is not worth it for %s', (_what, dbSizeBytes, dbInUseBytes, reason) => {
    expect(whyNotDefragment({ dbSizeBytes, dbInUseBytes })).toMatch(reason);
  });

  it('is worth it for a large file with more holes than that', () => {
    expect(whyNotDefragment({ dbSizeBytes: 200 * MIB, dbInUseBytes: 109 * MIB })).toBeUndefined();
    expect(whyNotDefragment({ dbSizeBytes: 100 * MIB, dbInUseBytes: 50 * MIB })).toBeUndefined();
  });

  it('counts no holes in a file that is not there, or grows while it is looked at', () => {
    expect(fragmentation({ dbSizeBytes: 0, dbInUseBytes: 0 })).toBe(0);
    expect(fragmentation({ dbSizeBytes: 10, dbInUseBytes: 12 })).toBe(0);
  });
});

describe('a member', () => {
  const machines = [
    { name: 'cp1', address: '10.88.0.11' },
    { name: 'cp2', address: '10.88.0.12' },
  ];
  const members = [
    { id: 'a0', name: 'cp1', peerURLs: ['https://10.88.0.11:2380'] },
    { id: 'b1', name: '', peerURLs: ['https://10.88.0.12:2380'] },
    { id: '9', name: '', peerURLs: ['https://10.88.0.99:2380'] },
    // Its name is that of a machine which has another member.
    { id: 'c2', name: 'cp2', peerURLs: ['https://10.88.0.77:2380'] },
  ];

  it.each([
    ['its name', 'cp1', 'a0'],
    ['its id', 'A0', 'a0'],
    ['its id with leading zeros', '00000009', '9'],
    ['its address', '10.88.0.99', '9'],
    ['the machine that it is to be on, before a stranger of that name', 'cp2', 'b1'],
  ])('is found by %s', (_what, word, id) => {
    expect(findMember(members, machines, word)?.id).toBe(id);
  });

  it('is not found by a part of an address', () => {
    expect(findMember(members, machines, '10.88.0.1')).toBeUndefined();
    expect(findMember(members, machines, '')).toBeUndefined();
  });

  it('goes by its name, that of its machine, or its id', () => {
    expect(members.map((member) => memberName(member, machines))).toEqual(['cp1', 'cp2', '9', 'cp2']);
  });
});
