// When backups are made: cron's fields as systemd's calendar, each control plane in a slot of its own.
import { type CronTimes, cronTimes } from '../spec/cron.ts';
import { SCRIPTS_DIR } from './paths.ts';

/** The script that makes them. */
export const BACKUP_PATH = `${SCRIPTS_DIR}/backup`;
/** Runs it once: by its timer, or by hand with `systemctl start`. */
export const BACKUP_SERVICE = 'quorate-backup.service';
/** Runs it on schedule. */
export const BACKUP_TIMER = 'quorate-backup.timer';
/**
 * The longest that an attempt may take, seconds: an hour is 8 GiB (the most that etcd recommends) to a bucket at 20 Mbit/s.
 */
export const BACKUP_DEADLINE_S = 3600;

const HOUR_S = 3600;
/** Slots lie behind the schedule by less than this: whoever reads the schedule finds the backups of all machines shortly behind it. */
const MAX_SPREAD_S = 900;

/**
 * systemd's calendar for a schedule of five cron fields in UTC, for slot `slot` (0, 1, …) of `slots`. Slots divide the smallest distance
 * between two minutes of the schedule, 15 minutes at most; the schedule's hours stay. Two expressions when day of month and day of
 * week are both restricted: cron fires on either.
 */
export function onCalendar(schedule: string, slot: number, slots: number): readonly string[] {
  const times = cronTimes(schedule);
  const shift = Math.floor((slot * Math.min(MAX_SPREAD_S, smallestGap(times.minutes) * 60)) / slots);
  const shifted = times.minutes.map((minute) => (minute * 60 + shift) % HOUR_S);
  const minutes = list(
    shifted.map((second) => Math.floor(second / 60)),
    60,
  );
  const clock = `${list(times.hours, 24)}:${minutes}:${two(shift % 60)} UTC`;
  const months = list(times.months, 12);
  const byDate = `*-${months}-${list(times.days, 31)} ${clock}`;
  const weekdays = times.weekdays.map((day) => WEEKDAYS[day]).join(',');
  if (times.isEitherDay) return [byDate, `${weekdays} *-${months}-* ${clock}`];
  return [times.weekdays.length === WEEKDAYS.length ? byDate : `${weekdays} ${byDate}`];
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** In minutes, around the hour: one alone is 60 from itself. */
function smallestGap(minutes: CronTimes['minutes']): number {
  const gaps = minutes.map((minute, index) => (minutes[index + 1] ?? (minutes[0] ?? 0) + 60) - minute);
  return Math.min(...gaps);
}

/** `00,06,12`, or * for all that there are. */
function list(values: readonly number[], all: number): string {
  const ordered = [...new Set(values)].sort((a, b) => a - b);
  return ordered.length === all ? '*' : ordered.map(two).join(',');
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/**
 * quorate-backup.service. How it ended is recorded by ExecStopPost, which runs whatever became of the script: killed, timed out or
 * stopped for a reboot.
 */
export function backupUnit(): string {
  return `[Unit]
Description=quorate: back the cluster up
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=${BACKUP_PATH} run
ExecStopPost=${BACKUP_PATH} record
TimeoutStartSec=${BACKUP_DEADLINE_S}
TimeoutStopSec=15
UMask=0077
Nice=10
IOSchedulingPriority=7
`;
}

/** quorate-backup.timer. What was missed while the machine was down is made up for when it is up again. */
export function backupTimer(schedule: string, slot: number, slots: number): string {
  return `[Unit]
Description=quorate: back the cluster up

[Timer]
${onCalendar(schedule, slot, slots)
  .map((expression) => `OnCalendar=${expression}`)
  .join('\n')}
Persistent=true
AccuracySec=1s

[Install]
WantedBy=timers.target
`;
}
