// Cron schedules of five fields, as Kubernetes' CronJob reads them (kubernetes.io, "CronJob: Schedule syntax").

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names that stand for numbers; the first one is `min`. */
  readonly names?: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'day of week', min: 0, max: 6, names: DAYS },
];

/** What is wrong with a schedule, to follow its value in a sentence; undefined when it is right. */
export function cronProblem(schedule: string): string | undefined {
  const parts = schedule.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    return `has ${parts.length} field${parts.length === 1 ? '' : 's'} instead of 5 (minute, hour, day of month, month, day of week)`;
  }
  for (const [index, field] of FIELDS.entries()) {
    const text = parts[index] ?? '';
    if (!text.split(',').every((item) => isItem(item, field))) {
      return `has ${JSON.stringify(text)} as ${field.name}, which must be within ${field.min}-${field.max}`;
    }
  }
  return undefined;
}

/** One of: * · 5 · 1-5 · any of them followed by /step. */
function isItem(item: string, field: Field): boolean {
  const [range = '', step, ...rest] = item.split('/');
  if (rest.length > 0 || (step !== undefined && !/^[1-9][0-9]*$/.test(step))) return false;
  if (range === '*') return true;
  const ends = range.split('-').map((end) => numberOf(end, field));
  const [low, high = low] = ends;
  return ends.length <= 2 && low !== undefined && high !== undefined && low <= high;
}

function numberOf(text: string, field: Field): number | undefined {
  const named = field.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return field.min + named;
  const value = /^[0-9]{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= field.min && value <= field.max ? value : undefined;
}

/** When a schedule fires: the values of each field, ascending. Times are UTC. */
export interface CronTimes {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly weekdays: readonly number[];
  /** true: a day counts when day of month or day of week matches, because both are restricted (github.com/robfig/cron, dayMatches). */
  readonly isEitherDay: boolean;
}

/** The times of a schedule that cronProblem finds nothing wrong with. */
export function cronTimes(schedule: string): CronTimes {
  const parts = schedule.trim().split(/\s+/);
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = FIELDS.map((field, index) =>
    valuesOf(parts[index] ?? '*', field),
  );
  const isFree = (text = '*') => text.split(',').some((item) => item === '*' || item === '*/1');
  return { minutes, hours, days, months, weekdays, isEitherDay: !isFree(parts[2]) && !isFree(parts[4]) };
}

function valuesOf(text: string, field: Field): readonly number[] {
  const values = text.split(',').flatMap((item) => {
    const [range = '', step] = item.split('/');
    const [low = field.min, high] =
      range === '*' ? [field.min, field.max] : range.split('-').map((end) => numberOf(end, field));
    // One number with a step goes on to the end of the field: 5/15 is 5-59/15.
    const end = high ?? (step === undefined ? low : field.max);
    const by = Number(step ?? 1);
    return Array.from({ length: Math.floor((end - low) / by) + 1 }, (_, index) => low + index * by);
  });
  return [...new Set(values)].sort((a, b) => a - b);
}

/** True on the days of a schedule; `atMs` is any moment of the day, milliseconds since the Unix epoch. */
function isDayOf(times: CronTimes, atMs: number): boolean {
  const date = new Date(atMs);
  const isDate = times.days.includes(date.getUTCDate());
  const isWeekday = times.weekdays.includes(date.getUTCDay());
  return (
    times.months.includes(date.getUTCMonth() + 1) && (times.isEitherDay ? isDate || isWeekday : isDate && isWeekday)
  );
}

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** Eight years and a day hold two 29ths of February whatever year it is but around 2100. */
const SEARCHED_DAYS = 8 * 365 + 3;
const SEARCH_START_MS = Date.UTC(2024, 0, 1);

/** The longest time between two firings of a schedule, milliseconds; Infinity for one that does not fire twice in eight years. */
export function cronPeriodMs(schedule: string): number {
  const times = cronTimes(schedule);
  const moments = times.hours.flatMap((hour) => times.minutes.map((minute) => (hour * 60 + minute) * MINUTE_MS));
  const within = Math.max(0, ...moments.slice(1).map((moment, index) => moment - (moments[index] ?? 0)));
  const overnight = DAY_MS - (moments.at(-1) ?? 0) + (moments[0] ?? 0);
  const dates = Array.from({ length: SEARCHED_DAYS }, (_, index) => SEARCH_START_MS + index * DAY_MS);
  const days = dates.filter((atMs) => isDayOf(times, atMs));
  if (days.length < 2) return Number.POSITIVE_INFINITY;
  const longest = Math.max(...days.slice(1).map((day, index) => day - (days[index] ?? 0)));
  return Math.max(within, longest - DAY_MS + overnight);
}
