import { describe, expect, it } from 'vitest';
import { cronPeriodMs, cronTimes } from '../../../src/spec/cron.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('the times of a schedule', () => {
  it.each([
    ['*/20 0-3 1,15 jan,MAR mon-fri', [0, 20, 40], [0, 1, 2, 3], [1, 15], [1, 3], [1, 2, 3, 4, 5], true],
    ['5/25 22 * * 0', [5, 30, 55], [22], undefined, undefined, [0], false],
    ['1,1,0 0 1-31/10 * *', [0, 1], [0], [1, 11, 21, 31], undefined, undefined, false],
    ['0 0 */2 * 1', [0], [0], undefined, undefined, [1], true],
    ['0 0 */1 * 1', [0], [0], undefined, undefined, [1], false],
  ])('%s', (schedule, minutes, hours, days, months, weekdays, isEitherDay) => {
    const wanted = { minutes, hours, ...(days && { days }), ...(months && { months }), ...(weekdays && { weekdays }) };
    expect(cronTimes(schedule)).toMatchObject({ ...wanted, isEitherDay });
  });
});

describe('the longest time between two firings', () => {
  it.each([
    ['* * * * *', 60_000],
    ['0 */6 * * *', 6 * HOUR],
    ['*/15 * * * *', HOUR / 4],
    ['0 8,17 * * *', 15 * HOUR],
    ['0,10 3 * * *', DAY - HOUR / 6],
    ['30 2 * * mon', 7 * DAY],
    ['0 8-17 * * mon-fri', 2 * DAY + 15 * HOUR],
    ['0 0 1 * *', 31 * DAY],
    ['0 0 29 2 *', 1461 * DAY],
    ['0 0 31 2 *', Number.POSITIVE_INFINITY],
    // On the first, and on Sundays.
    ['0 0 1 * sun', 7 * DAY],
  ])('%s', (schedule, wanted) => {
    expect(cronPeriodMs(schedule)).toBe(wanted);
  });
});
