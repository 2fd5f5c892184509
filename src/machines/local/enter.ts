// A command inside a local machine is a command on this host that has entered the machine's namespaces.
import type { ExecOptions } from '../../core/command.ts';

/** Where programs lie on a machine; /usr/local first, where quorate installs. */
export const MACHINE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Ends the command with the nsenter process outside: a signal does not cross from that one by itself. setpriv(1) has the
 * kernel send SIGTERM when nsenter dies; timeout(1), with no limit of its own, passes it on to the command's whole process
 * group and sends SIGKILL five seconds later.
 */
const DIE_WITH_NSENTER: readonly string[] = ['setpriv', '--pdeathsig', 'TERM', 'timeout', '--kill-after=5', '0'];

/**
 * argv that runs a command in the machine whose init is process `leader` of this host: nsenter(1) into mount, UTS, IPC,
 * network, PID and cgroup namespace, then a clean environment (nothing of the operator's leaks in).
 */
export function enterArgv(
  leader: number,
  argv: readonly string[],
  options: Pick<ExecOptions, 'env' | 'cwd' | 'stdio'> & { readonly terminal?: string } = {},
): readonly string[] {
  const environment = {
    PATH: MACHINE_PATH,
    HOME: '/root',
    USER: 'root',
    LANG: 'C.UTF-8',
    ...(options.terminal === undefined ? {} : { TERM: options.terminal }),
    ...options.env,
  };
  return [
    ...[
      'nsenter',
      '--target',
      String(leader),
      '--mount',
      '--uts',
      '--ipc',
      '--net',
      '--pid',
      '--cgroup',
      '--root',
      '--wd',
    ],
    ...['env', '-i', ...(options.cwd === undefined ? [] : ['-C', options.cwd])],
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    // On a terminal the user's own Ctrl-C does it, and timeout would take the terminal away from the command.
    ...(options.stdio === 'inherit' || options.terminal !== undefined ? [] : DIE_WITH_NSENTER),
    ...argv,
  ];
}
