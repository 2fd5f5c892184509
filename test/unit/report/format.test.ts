import { describe, expect, it } from 'vitest';
import { age, bytes, clock, count, percent } from '../../../src/report/format.ts';

describe('numbers for people', () => {
  it.each([
    [0, '0s'],
    [59_999, '59s'],
    [62_000, '1m02s'],
    [295_000, '4m55s'],
    [3_900_000, '1h05m'],
    [-5, '0s'],
  ])('a running clock of %d ms is %s', (ms, text) => expect(clock(ms)).toBe(text));

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [25_769_803_776, '24 GiB'],
    [157_286_400, '150 MiB'],
    [2 ** 50, '1024 TiB'],
  ])('%d bytes are %s', (number, text) => expect(bytes(number)).toBe(text));

  it.each([
    [45_000, '45s'],
    [12 * 60_000, '12m'],
    [200 * 60_000, '3h20m'],
    [180 * 60_000, '3h'],
    [5 * 86_400_000, '5d'],
  ])('an age of %d ms is %s', (ms, text) => expect(age(ms)).toBe(text));

  it('counts with the right plural', () => {
    expect([count(1, 'machine'), count(0, 'machine'), count(2, 'index', 'indices')]).toEqual([
      '1 machine',
      '0 machines',
      '2 indices',
    ]);
    expect(percent(0.425)).toBe('43 %');
  });
});
