import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { disruptionBatches, type OrderTarget } from '../../../src/topology/order.ts';
import { mayDisrupt, type QuorumView, tolerance } from '../../../src/topology/quorum.ts';

const allUp = (count: number): QuorumView => ({
  voters: Array.from({ length: count }, (_, index) => ({ name: `cp${index + 1}`, up: true })),
  learners: [],
  plannedDown: [],
});
const targets = (count: number): OrderTarget[] => allUp(count).voters.map(({ name }) => ({ name }));

describe('disruptionBatches', () => {
  it('takes followers before the leader, and the VIP holder last among equals', () => {
    const [cp1, cp2, cp3] = ['cp1', 'cp2', 'cp3'].map((name) => ({ name }));
    const order = (list: (OrderTarget | undefined)[]) =>
      disruptionBatches(
        list.flatMap((t) => t ?? []),
        allUp(3),
      ).flat();
    expect(order([cp1 && { ...cp1, isLeader: true }, cp2, cp3])).toEqual(['cp2', 'cp3', 'cp1']);
    expect(order([cp1 && { ...cp1, isVipHolder: true }, cp2, cp3])).toEqual(['cp2', 'cp3', 'cp1']);
    expect(order([cp1 && { ...cp1, isLeader: true }, cp2 && { ...cp2, isVipHolder: true }, cp3])).toEqual([
      'cp3',
      'cp2',
      'cp1',
    ]);
  });

  it('takes one at a time of three, two of five, three of seven', () => {
    expect(disruptionBatches(targets(3), allUp(3)).map((batch) => batch.length)).toEqual([1, 1, 1]);
    expect(disruptionBatches(targets(5), allUp(5)).map((batch) => batch.length)).toEqual([2, 2, 1]);
    expect(disruptionBatches(targets(7), allUp(7)).map((batch) => batch.length)).toEqual([3, 3, 1]);
  });

  it('repairs members that are down first, and goes slower while others stay down', () => {
    const view = { ...allUp(5), voters: allUp(5).voters.map((voter) => ({ ...voter, up: voter.name !== 'cp4' })) };
    expect(disruptionBatches(targets(5), view)).toEqual([['cp4'], ['cp1', 'cp2'], ['cp3', 'cp5']]);
    expect(disruptionBatches(targets(3), view)).toEqual([['cp1'], ['cp2'], ['cp3']]);
  });

  const scene = fc.integer({ min: 1, max: 7 }).chain((count) =>
    fc.record({
      ups: fc.array(fc.boolean(), { minLength: count, maxLength: count }),
      chosen: fc.subarray(targets(count), { minLength: 1 }),
      leader: fc.integer({ min: 1, max: count }),
      holder: fc.integer({ min: 1, max: count }),
    }),
  );

  it('holds every target once, and no batch exceeds the tolerance or fails the gate while the rest is up', () => {
    fc.assert(
      fc.property(scene, ({ ups, chosen, leader, holder }) => {
        const voters = ups.map((up, index) => ({ name: `cp${index + 1}`, up }));
        const view = { voters, learners: [], plannedDown: [] };
        const list = chosen.map(({ name }) => ({
          name,
          isLeader: name === `cp${leader}`,
          isVipHolder: name === `cp${holder}`,
        }));
        const batches = disruptionBatches(list, view);
        expect(batches.flat().sort()).toEqual(chosen.map(({ name }) => name).sort());
        const downAtFirst = new Set(voters.filter(({ up }) => !up).map(({ name }) => name));
        const outside = voters.filter(({ name, up }) => !up && !chosen.some((target) => target.name === name)).length;
        for (const batch of batches.filter((names) => names.some((name) => !downAtFirst.has(name)))) {
          const limit = tolerance(voters.length) - outside;
          expect(batch.length).toBeLessThanOrEqual(Math.max(1, limit));
          if (limit < 1) continue;
          // Everyone who was to be repaired is up again by now; within a batch each is planned before the next one asks.
          const now = voters.map((voter) => ({
            ...voter,
            up: voter.up || chosen.some(({ name }) => name === voter.name),
          }));
          for (const [index, machine] of batch.entries()) {
            const state = { voters: now, learners: [], plannedDown: batch.slice(0, index) };
            expect(mayDisrupt(state, { kind: 'restart', machine }).allowed).toBe(true);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('the leader, when up, is in the last batch', () => {
    fc.assert(
      fc.property(scene, ({ ups, chosen, leader }) => {
        const name = `cp${leader}`;
        if (!chosen.some((target) => target.name === name) || !ups[leader - 1]) return;
        const voters = ups.map((up, index) => ({ name: `cp${index + 1}`, up }));
        const list = chosen.map((target) => ({ ...target, isLeader: target.name === name }));
        expect(disruptionBatches(list, { voters, learners: [], plannedDown: [] }).at(-1)?.at(-1)).toBe(name);
      }),
    );
  });
});
