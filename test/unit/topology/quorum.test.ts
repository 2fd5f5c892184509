import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  afterAction,
  describeQuorum,
  mayDisrupt,
  type QuorumAction,
  type QuorumView,
  quorum,
  tolerance,
} from '../../../src/topology/quorum.ts';

const view = (ups: string, planned: string[] = [], learners: string[] = []): QuorumView => ({
  // 'UdU': cp1 up, cp2 down, cp3 up.
  voters: [...ups].map((state, index) => ({ name: `cp${index + 1}`, up: state === 'U' })),
  learners,
  plannedDown: planned,
});
const restart = (machine: string): QuorumAction => ({ kind: 'restart', machine });
const remove = (machine: string): QuorumAction => ({ kind: 'remove', machine });

describe('quorum and tolerance', () => {
  it.each([
    // etcd FAQ, "What is failure tolerance?"
    [1, 1, 0],
    [2, 2, 0],
    [3, 2, 1],
    [4, 3, 1],
    [5, 3, 2],
    [6, 4, 2],
    [7, 4, 3],
    [8, 5, 3],
    [9, 5, 4],
  ])('%i voters: quorum %i, tolerance %i', (voters, needed, failures) => {
    expect([quorum(voters), tolerance(voters)]).toEqual([needed, failures]);
  });

  it('any two quorums share a voter, and one fewer is no majority', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), (n) => {
        expect(2 * quorum(n)).toBeGreaterThan(n);
        expect(2 * (quorum(n) - 1)).toBeLessThanOrEqual(n);
        expect(quorum(n) + tolerance(n)).toBe(n);
      }),
    );
  });

  it('is described in words', () => {
    expect(describeQuorum(3)).toBe('3 voters, quorum 2, tolerates 1 failure');
    expect(describeQuorum(1)).toBe('1 voter, quorum 1, tolerates 0 failures');
    expect(describeQuorum(5)).toBe('5 voters, quorum 3, tolerates 2 failures');
  });
});

describe('mayDisrupt', () => {
  it.each<[string, QuorumView, QuorumAction, boolean, string]>([
    ['restart, all up', view('UUU'), restart('cp1'), true, '3 voters, 1 planned down, tolerance left 0'],
    [
      'second restart',
      view('UUU', ['cp2']),
      restart('cp1'),
      false,
      '3 voters, 1 planned down: restarting cp1 would leave 1 up, below quorum 2',
    ],
    ['same member again', view('UUU', ['cp1']), restart('cp1'), true, '3 voters, 1 planned down, tolerance left 0'],
    [
      'one is down',
      view('UdU'),
      restart('cp1'),
      false,
      '3 voters, 1 down (cp2): restarting cp1 would leave 1 up, below quorum 2',
    ],
    [
      'the down one',
      view('UdU'),
      restart('cp2'),
      true,
      'cp2 is down already, restarting it takes nothing away; 3 voters, 1 down (cp2), tolerance left 0',
    ],
    ['five, one down', view('UdUUU'), restart('cp1'), true, '5 voters, 1 down (cp2), 1 planned down, tolerance left 0'],
    [
      'repair after quorum loss',
      view('ddU'),
      restart('cp1'),
      true,
      'cp1 is down already, restarting it takes nothing away; 3 voters, 2 down (cp1, cp2), quorum lost',
    ],
    [
      'no harm after quorum loss',
      view('ddU'),
      restart('cp3'),
      false,
      '3 voters, 2 down (cp1, cp2): restarting cp3 would leave 0 up, below quorum 2',
    ],
    ['the only voter', view('U'), restart('cp1'), false, '1 voter: restarting cp1 would leave 0 up, below quorum 1'],
    ['two voters', view('UU'), restart('cp1'), false, '2 voters: restarting cp1 would leave 1 up, below quorum 2'],
    ['a learner', view('UUU', [], ['cp4']), restart('cp4'), true, 'cp4 is a learner; 3 voters, tolerance left 1'],
    ['no member', view('UUU'), restart('worker1'), true, 'worker1 is no etcd member; 3 voters, tolerance left 1'],
    ['remove, all up', view('UUU'), remove('cp3'), true, '3 voters, 2 after removing cp3; 2 voters, tolerance left 0'],
    [
      'remove the down one',
      view('UUd'),
      remove('cp3'),
      true,
      '3 voters, 2 after removing cp3; 2 voters, tolerance left 0',
    ],
    [
      'remove beside a down one',
      view('UUd'),
      remove('cp1'),
      false,
      '3 voters, 1 down (cp3): removing cp1 would leave 1 up, below quorum 2 of 2 voters',
    ],
    [
      'remove without quorum',
      view('Udd'),
      remove('cp3'),
      false,
      '3 voters, 2 down (cp2, cp3): 1 up is below quorum 2, so etcd cannot agree to remove cp3',
    ],
    ['remove a learner', view('UUU', [], ['cp4']), remove('cp4'), true, 'cp4 is a learner; 3 voters, tolerance left 1'],
    [
      'remove a learner without quorum',
      view('Udd', [], ['cp4']),
      remove('cp4'),
      false,
      '3 voters, 2 down (cp2, cp3): 1 up is below quorum 2, so etcd cannot agree to remove cp4',
    ],
    ['remove the last', view('U'), remove('cp1'), false, 'cp1 is the only voter: removing it would end the cluster'],
    ['from two to one', view('UU'), remove('cp1'), true, '2 voters, 1 after removing cp1; 1 voter, tolerance left 0'],
    [
      'remove while one restarts',
      view('UUU', ['cp1']),
      remove('cp2'),
      false,
      '3 voters, 1 planned down: removing cp2 would leave 1 up, below quorum 2 of 2 voters',
    ],
  ])('%s', (_, state, action, allowed, reason) => {
    expect(mayDisrupt(state, action)).toMatchObject({ allowed, reason });
  });

  it.each<[string, QuorumView, boolean, string]>([
    ['one voter', view('U', [], ['cp2']), true, '1 voter, 2 with cp2; 2 voters, tolerance left 0'],
    ['two voters', view('UU', [], ['cp3']), true, '2 voters, 3 with cp3; 3 voters, tolerance left 1'],
    ['three voters', view('UUU', [], ['cp4']), true, '3 voters, 4 with cp4; 4 voters, tolerance left 1'],
    [
      'beside a down one',
      view('UUd', [], ['cp4']),
      true,
      '3 voters, 4 with cp4; 4 voters, 1 down (cp3), tolerance left 0',
    ],
    [
      'without quorum',
      view('Udd', [], ['cp4']),
      false,
      '3 voters, 2 down (cp2, cp3): 1 up is below quorum 2, so etcd cannot agree to let cp4 in',
    ],
    [
      'a learner that is about to go down, beside a single voter',
      view('U', ['cp2'], ['cp2']),
      false,
      '1 voter: adding cp2 would leave 1 up, below quorum 2 of 2 voters',
    ],
    [
      'a learner that is about to go down, beside three',
      view('UUU', ['cp4'], ['cp4']),
      true,
      '3 voters, 4 with cp4; 4 voters, 1 planned down, tolerance left 0',
    ],
    ['a voter', view('UUU'), true, 'cp3 votes already'],
  ])('promote: %s', (_, state, allowed, reason) => {
    const machine = state.learners[0] ?? 'cp3';
    expect(mayDisrupt(state, { kind: 'promote', machine })).toMatchObject({ allowed, reason });
  });

  it('lets the single voter restart only when the owner agreed, and nothing else', () => {
    const agreed = { outageAccepted: true } as const;
    expect(mayDisrupt(view('U'), { ...restart('cp1'), ...agreed })).toMatchObject({ allowed: true, votersAfter: 0 });
    expect(mayDisrupt(view('U'), { ...remove('cp1'), ...agreed }).allowed).toBe(false);
    expect(mayDisrupt(view('UdU'), { ...restart('cp1'), ...agreed }).allowed).toBe(false);
    expect(mayDisrupt(view('UU'), { ...restart('cp1'), ...agreed }).allowed).toBe(false);
  });

  const names = ['cp1', 'cp2', 'cp3', 'cp4', 'cp5', 'cp6', 'cp7'];
  const anyView = fc
    .tuple(fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }), fc.subarray(names), fc.subarray(['l1', 'l2']))
    .map(([ups, plannedDown, learners]) => ({
      voters: ups.map((up, index) => ({ name: `cp${index + 1}`, up })),
      learners,
      plannedDown,
    }));
  const anyAction = fc.record({
    kind: fc.constantFrom<QuorumAction['kind']>('restart', 'remove'),
    machine: fc.constantFrom(...names, 'l1', 'l2', 'worker1'),
  });
  /** The rule again, counted from the members that are left instead of by arithmetic. */
  const upAfter = (state: QuorumView, { kind, machine }: QuorumAction) => {
    const remaining = state.voters.filter(({ name }) => kind === 'restart' || name !== machine);
    const up = remaining.filter(({ name, up }) => up && name !== machine && !state.plannedDown.includes(name));
    return { voters: remaining.length, up: up.length };
  };

  it('never lets a majority go', () => {
    fc.assert(
      fc.property(anyView, anyAction, (state, action) => {
        const decision = mayDisrupt(state, action);
        const target = state.voters.find(({ name }) => name === action.machine);
        if (!decision.allowed || target === undefined) return;
        if (action.kind === 'restart' && !target.up) return;
        const { voters, up } = upAfter(state, action);
        expect(up * 2).toBeGreaterThan(voters);
        expect(decision).toMatchObject({ votersAfter: up, quorum: quorum(voters), toleranceLeft: up - quorum(voters) });
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses nothing that keeps a majority of the old and the new voters', () => {
    fc.assert(
      fc.property(anyView, anyAction, (state, action) => {
        const { voters, up } = upAfter(state, action);
        const upBefore = state.voters.filter((v) => v.up && !state.plannedDown.includes(v.name)).length;
        if (voters === 0 || up * 2 <= voters || upBefore * 2 <= state.voters.length) return;
        expect(mayDisrupt(state, action).allowed).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  const anyStep = fc.record({
    kind: fc.constantFrom<QuorumAction['kind']>('restart', 'remove', 'promote'),
    machine: fc.constantFrom(...names, 'l1', 'l2', 'worker1'),
  });
  const upOf = ({ voters, plannedDown }: QuorumView) =>
    voters.filter(({ name, up }) => up && !plannedDown.includes(name)).length;
  const isMember = ({ voters, learners }: QuorumView, machine: string) =>
    learners.includes(machine) || voters.some(({ name }) => name === machine);
  const isChange = (state: QuorumView, { kind, machine }: QuorumAction) =>
    kind === 'promote'
      ? !state.voters.some(({ name }) => name === machine)
      : kind === 'remove' && isMember(state, machine);

  it('leaves a quorum of the new membership up after every promotion and removal that it allows', () => {
    fc.assert(
      fc.property(anyView, anyStep, (state, action) => {
        const decision = mayDisrupt(state, action);
        if (!decision.allowed || !isChange(state, action)) return;
        const after = afterAction(state, action);
        expect(upOf(after)).toBeGreaterThanOrEqual(quorum(after.voters.length));
        expect(decision).toMatchObject({ quorum: quorum(after.voters.length), votersAfter: upOf(after) });
      }),
      { numRuns: 3000 },
    );
  });

  it('never leads a cluster with a quorum to one without, whatever it is asked in a row', () => {
    fc.assert(
      fc.property(anyView, fc.array(anyStep, { maxLength: 12 }), (start, actions) => {
        let state: QuorumView = start;
        if (upOf(state) < quorum(state.voters.length)) return;
        for (const action of actions) {
          if (mayDisrupt(state, action).allowed) state = afterAction(state, action);
          expect(upOf(state)).toBeGreaterThanOrEqual(quorum(state.voters.length));
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('sees the members as a step leaves them', () => {
    const state = view('UdU', ['cp1'], ['cp4']);
    expect(afterAction(state, restart('cp2'))).toEqual(state);
    expect(afterAction(state, remove('cp2')).voters.map(({ name }) => name)).toEqual(['cp1', 'cp3']);
    expect(afterAction(state, remove('cp4')).learners).toEqual([]);
    const promoted = afterAction(state, { kind: 'promote', machine: 'cp4' });
    expect(promoted.voters.at(-1)).toEqual({ name: 'cp4', up: true });
    expect(promoted.learners).toEqual([]);
  });

  it('is at least as strict when more is planned', () => {
    fc.assert(
      fc.property(anyView, anyAction, fc.constantFrom(...names), (state, action, more) => {
        const stricter = { ...state, plannedDown: [...state.plannedDown, more] };
        // Taking the target itself off the ones that stay changes nothing for a restart; other members only make it worse.
        if (more === action.machine) return;
        if (mayDisrupt(stricter, action).allowed) expect(mayDisrupt(state, action).allowed).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});
