// Checks cron schedules of five fields, as Kubernetes' CronJob reads them (kubernetes.io, "CronJob: Schedule syntax").

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
