// What runs at the other end: the command as root, in a clean environment, that ends when its connection does.
import type { ExecOptions, ExecResult } from '../../core/command.ts';
import { MACHINE_PATH } from '../local/enter.ts';

/** ssh itself ends with 255 when it fails (ssh(1)). */
export const SSH_FAILED = 255;
/** Says on standard error that 255 is the command's own exit code. */
const OWN_255 = '\u0001quorate: the command itself ended with exit code 255\u0001\n';

/**
 * Arguments: bytes of standard input, then argv. Standard input is the command's, and then stays open: its end is the end of
 * the connection, and ends the command. sshd would leave it running. head(1) takes exactly the bytes that belong to the
 * command; what waits for the end knows the process by its own parent, so that it never signals a process id that was reused.
 * It must not hold standard output or error, whose end is the command's too: bash would keep a copy if `feed 2> /dev/null`
 * were written instead of `exec`, and $BASHPID inside <( ) would be the wrong one.
 */
const SUPERVISE_SCRIPT = `exec 3<&0
feed() {
  exec 2> /dev/null
  head -c "$1" <&3
  exec > /dev/null
  cat <&3
  read -r _ _ _ parent _ < /proc/self/stat
  if [ "$parent" = "$2" ]; then kill -TERM "$2"; fi
}
size=$1
shift
(
  command=$BASHPID
  exec < <(feed "$size" "$command") 3<&-
  exec "$@"
)
code=$?
if [ "$code" -eq ${SSH_FAILED} ]; then printf '${OWN_255.replaceAll('\u0001', '\\001').replace('\n', '\\n')}' >&2; fi
exit "$code"
`;

/** Seconds by which the machine's own deadline is later than this host's, which normally ends the command. */
const REMOTE_GRACE_S = 10;

/** What the other end has to know of a command beside its argv. */
export interface RemoteOptions extends Pick<ExecOptions, 'env' | 'cwd'> {
  /** root needs no sudo. */
  readonly user: string;
  /** Bytes of standard input that are the command's. */
  readonly inputBytes: number;
  /** 0: no deadline. */
  readonly timeoutMs: number;
}

/** argv for sshd that runs a command without a terminal. Its end, however it comes, is the end of its process group. */
export function remoteArgv(argv: readonly string[], options: RemoteOptions): readonly string[] {
  const limit = options.timeoutMs === 0 ? 0 : Math.ceil(options.timeoutMs / 1000) + REMOTE_GRACE_S;
  return [
    ...asRoot(options.user),
    ...['bash', '-c', SUPERVISE_SCRIPT, 'quorate', String(options.inputBytes)],
    ...cleanEnvironment(options),
    // timeout(1) makes the process group, passes SIGTERM on to it and sends SIGKILL five seconds later.
    ...['timeout', '--kill-after=5', String(limit)],
    ...argv,
  ];
}

/** argv for sshd that runs a command on a terminal: the terminal's hang-up ends it. */
export function terminalArgv(
  argv: readonly string[],
  options: Pick<RemoteOptions, 'user' | 'env' | 'cwd'> & { readonly terminal: string },
): readonly string[] {
  return [...asRoot(options.user), ...cleanEnvironment(options, { TERM: options.terminal }), ...argv];
}

/** argv for sshd that succeeds exactly when the user may run commands as root. */
export function rootProbeArgv(user: string): readonly string[] {
  return [...asRoot(user), 'bash', '-c', ':'];
}

/** A result without the supervisor's word, and whether ssh itself failed. */
export function readEnd(result: ExecResult): { readonly result: ExecResult; readonly isLost: boolean } {
  if (result.exitCode !== SSH_FAILED) return { result, isLost: false };
  const isOwn = result.stderr.includes(OWN_255);
  return { result: { ...result, stderr: withoutMark(result.stderr) }, isLost: !isOwn };
}

/** Text of standard error without the supervisor's word. */
export function withoutMark(text: string): string {
  return text.replace(OWN_255, '');
}

/** -n: never asks for a password. */
function asRoot(user: string): readonly string[] {
  return user === 'root' ? [] : ['sudo', '-n', '--'];
}

/** Nothing of the login's environment reaches the command: the same as on local machines (local/enter.ts). */
function cleanEnvironment(
  { env, cwd }: Pick<RemoteOptions, 'env' | 'cwd'>,
  more: Readonly<Record<string, string>> = {},
): readonly string[] {
  const environment = { PATH: MACHINE_PATH, HOME: '/root', USER: 'root', LANG: 'C.UTF-8', ...more, ...env };
  return [
    ...['env', '-i', ...(cwd === undefined ? [] : ['-C', cwd])],
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
}
