// The arithmetic of a restore: revisions that never go back, stand-ins that are never a majority, pods that are what they are said to be.
import { describe, expect, it } from 'vitest';
import type { SurvivingMember } from '../../../src/etcd/survivors.ts';
import type { PodIdentity } from '../../../src/kube/reconcile.ts';
import { highestRevision } from '../../../src/phases/fence-control-planes.ts';
import { phantoms } from '../../../src/phases/prove-restore.ts';
import { bumpFor, REVISION_BUMP } from '../../../src/phases/restoration/restoration.ts';
import { removalOrder, standInsFor } from '../../../src/phases/restoration/stand-in.ts';
import { quorum } from '../../../src/topology/quorum.ts';

describe('the bump of a restore', () => {
  it.each([
    ['nobody knows of anything later', 1_500, 0, 1],
    ['the cluster went on for a while', 1_500, 90_000, 1],
    ['the data is of just now', 1_500, 1_500, 1],
    ['the first restore of this archive went wrong', 1_500, 1_500 + REVISION_BUMP, 2],
    ['two went wrong', 1_500, 1_500 + 2 * REVISION_BUMP + 77, 3],
  ])('is enough when %s', (_what, revision, floor, billions) => {
    expect(bumpFor(revision, floor)).toBe(billions * REVISION_BUMP);
  });

  it('puts every revision above what was seen', () => {
    for (let seed = 1; seed < 2_000; seed++) {
      const revision = (seed * 7_919) % 5_000_000;
      const floor = (seed * 104_729_461) % (6 * REVISION_BUMP);
      const bump = bumpFor(revision, floor);
      expect(revision + bump).toBeGreaterThan(floor);
      expect(bump % REVISION_BUMP).toBe(0);
      expect(bump).toBeGreaterThan(0);
    }
  });
});

describe('what a machine knows of revisions', () => {
  it.each([
    ['', 0],
    ['revision 1528\n', 1528],
    // A restore began there; what was written since is less than a billion.
    ['restored 1000001528\n', 1_000_001_528 + REVISION_BUMP - 1],
    ['restored 1000001528\nrevision 1000001999\n', 1_000_001_528 + REVISION_BUMP - 1],
    ['some other line 5\n', 0],
    // Data that cannot be read is less than a billion above the archive.
    ['unreadable\n', 5_000 + REVISION_BUMP],
  ])('%j', (text, expected) => {
    expect(highestRevision(text, 5_000)).toBe(expected);
  });
});

function membersOf(count: number): SurvivingMember[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `a${index}`,
    name: `cp${index + 1}`,
    peerURLs: [`https://10.0.0.${11 + index}:2380`],
    isLearner: false,
  }));
}

describe('stand-ins', () => {
  it('make a majority together with what is left, and none by themselves', () => {
    for (const count of [1, 3, 5, 7]) {
      for (let left = 1; left <= count; left++) {
        const members = membersOf(count);
        const standIns = standInsFor(members, members.slice(left));
        expect(standIns.length + left).toBeGreaterThanOrEqual(quorum(count));
        // Empty logs must need a vote of somebody who has data.
        expect(standIns.length).toBeLessThan(quorum(count));
      }
    }
  });

  it('are none while a quorum is left', () => {
    const members = membersOf(3);
    expect(standInsFor(members, members.slice(2))).toEqual([]);
  });

  it('do not stand in for learners, nor for members that have never started', () => {
    const [first, second, third] = membersOf(3) as [SurvivingMember, SurvivingMember, SurvivingMember];
    const members = [first, { ...second, isLearner: true }, third];
    expect(standInsFor(members, [{ ...second, isLearner: true }, third]).map(({ member }) => member.name)).toEqual([
      'cp3',
    ]);
    expect(
      standInsFor([first, { ...second, name: '' }, third], [{ ...second, name: '' }, third]).map(
        ({ member }) => member.name,
      ),
    ).toEqual(['cp3']);
  });

  it('have ports of their own', () => {
    const members = membersOf(7);
    const ports = standInsFor(members, members.slice(1)).flatMap(({ peerPort, clientPort }) => [peerPort, clientPort]);
    expect(new Set(ports).size).toBe(ports.length);
    expect(ports).toHaveLength(6);
  });
});

describe('the order of removal', () => {
  it('never leaves stand-ins a majority, and takes everyone', () => {
    for (const count of [3, 5, 7]) {
      for (let left = 1; left < quorum(count); left++) {
        const members = membersOf(count);
        const lost = members.slice(left);
        const standIns = standInsFor(members, lost).map(({ member }) => member);
        const order = removalOrder(members, lost, standIns);
        expect(order.map(({ id }) => id).sort()).toEqual(lost.map(({ id }) => id).sort());
        let voters = count;
        const alive = new Set(standIns.map(({ id }) => id));
        for (const { id } of order) {
          // Who is up has to be a majority to agree to it, and stand-ins alone never are one, before and after.
          expect(left + alive.size).toBeGreaterThanOrEqual(quorum(voters));
          alive.delete(id);
          voters -= 1;
          expect(alive.size).toBeLessThan(quorum(voters));
        }
      }
    }
  });
});

describe('phantom pods', () => {
  const pod = (uid: string, more: Partial<PodIdentity> = {}): PodIdentity => ({
    uid,
    name: `default/${uid}`,
    node: 'w1',
    isRunning: true,
    ...more,
  });

  it('are none when node and API agree', () => {
    expect(phantoms('w1', [pod('a'), pod('b', { isRunning: false }), pod('c', { node: 'w2' })], ['a'])).toEqual([]);
  });

  it('run without being known, or are known without running', () => {
    expect(phantoms('w1', [pod('a')], ['z'])).toEqual([
      'w1 runs pod z, which the API does not know',
      'default/a is said to run on w1, and does not',
    ]);
  });
});
