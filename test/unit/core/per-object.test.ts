import { describe, expect, it } from 'vitest';
import { findByName, perObject } from '../../../src/core/per-object.ts';

describe('perObject', () => {
  it('computes once for each object, undefined too', () => {
    let calls = 0;
    const lookUp = perObject(({ value }: { readonly value?: number }) => {
      calls += 1;
      return value;
    });
    const [first, second] = [{ value: 1 }, {}];
    expect([lookUp(first), lookUp(first), lookUp(second), lookUp(second)]).toEqual([1, 1, undefined, undefined]);
    expect(calls).toBe(2);
  });

  it('tells equal objects apart', () => {
    const identity = perObject((key: object) => ({ key }));
    expect(identity({})).not.toBe(identity({}));
  });
});

describe('findByName', () => {
  const machines = [
    { name: 'cp1', address: '10.0.0.1' },
    { name: 'cp2', address: '10.0.0.2' },
    { name: 'cp1', address: '10.0.0.3' },
  ];

  it('finds the first of that name', () => {
    expect(findByName(machines, 'cp1')?.address).toBe('10.0.0.1');
    expect(findByName(machines, 'cp2')?.address).toBe('10.0.0.2');
  });

  it('finds nothing where there is nothing', () => {
    expect(findByName(machines, 'cp3')).toBeUndefined();
    expect(findByName(undefined, 'cp1')).toBeUndefined();
  });
});
