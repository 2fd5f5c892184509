import { failed, type HostCheck, ok, skipped, warning } from './types.ts';

/** Anything earlier means that the clock was never set: this code did not exist then. */
const CODE_EXISTS_SINCE = Date.UTC(2026, 0, 1);

/**
 * Certificates are valid from now on, by this host's clock; one that is wrong makes every machine refuse them. Local machines
 * share it. Machines elsewhere are compared with it while a plan is made.
 */
export const clockCheck: HostCheck = {
  id: 'clock',
  title: "this host's clock is right and kept right",
  run: async (ctx, { host }) => {
    const now = Date.now();
    if (now < CODE_EXISTS_SINCE) {
      return failed(`the clock says ${new Date(now).toISOString()}`, 'set it: date -u -s "YYYY-MM-DD hh:mm:ss"');
    }
    const timedatectl = await host.run(ctx, ['timedatectl', 'show', '--property=NTPSynchronized', '--value'], 3000);
    if (timedatectl.stdout.trim() === 'yes') return ok('synchronised (timedatectl)');
    const chrony = await host.run(ctx, ['chronyc', '-n', 'tracking'], 3000);
    const leap = /^Leap status\s*:\s*(.*)$/m.exec(chrony.stdout)?.[1];
    if (leap !== undefined && leap !== 'Not synchronised') return ok(`synchronised (chrony, ${leap})`);
    const fix = 'apt-get install -y chrony';
    if (timedatectl.stdout.trim() === 'no' || leap !== undefined) return warning('the clock is not synchronised', fix);
    return skipped(`nothing here tells whether the clock is synchronised (${new Date(now).toISOString()})`);
  },
};
