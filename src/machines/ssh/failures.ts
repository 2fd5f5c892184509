// What ssh's own words mean when a connection does not come about. They are English whatever the locale (OpenSSH has no
// translations); only the login's standard error is read this way, never that of a command.

import type { ErrorCode } from '../../core/error-codes.ts';
import { QuorateError } from '../../core/errors.ts';
import { lastLine } from '../../core/text.ts';
import type { SshTarget } from './target.ts';

interface Failure {
  readonly words: RegExp;
  readonly code: ErrorCode;
  readonly message: (target: SshTarget) => string;
  /** Absent: the general hint of the code. */
  readonly hint?: (target: SshTarget) => string;
}

/** First match wins: ssh says "Host key verification failed" of changed keys too. sshconnect.c, sshconnect2.c. */
const FAILURES: readonly Failure[] = [
  {
    words: /REMOTE HOST IDENTIFICATION HAS CHANGED|^Host key for .* has changed/m,
    code: 'SSH_HOST_KEY_CHANGED',
    message: ({ machine, host }) => `the host key of ${machine} (${host}) is not the one that this host remembers`,
    hint: (target) =>
      `if the host was installed anew, forget its old key: ssh-keygen -R ${shellName(target)}; if not, somebody may be in between`,
  },
  {
    words: /^Host key verification failed|^No .* host key is known for/m,
    code: 'SSH_HOST_KEY_UNKNOWN',
    message: ({ machine, host }) => `the host key of ${machine} (${host}), or of a jump host before it, is not known`,
  },
  {
    words: /Permission denied \(|Permission denied, please try again|Too many authentication failures/,
    code: 'SSH_AUTH_FAILED',
    message: ({ machine, host, user }) => `${machine} (${host}) refuses the login of ${user}`,
    hint: (target) => `try it by hand: ${byHand(target)}`,
  },
];

/** The error of a login that ssh could not do, from what it printed. */
export function loginError(target: SshTarget, stderr: string): QuorateError {
  const { machine, host } = target;
  const data = { machine, host };
  const failure = FAILURES.find(({ words }) => words.test(stderr));
  if (failure === undefined) return unreachable(target, lastLine(stderr) || 'ssh ended without a word');
  const { code, message, hint } = failure;
  const said = code === 'SSH_AUTH_FAILED' ? `: ${lastLine(stderr)}` : '';
  return new QuorateError(code, `${message(target)}${said}`, {
    data,
    ...(hint === undefined ? {} : { hint: hint(target) }),
  });
}

/** MACHINE_UNREACHABLE with the reason and a command to try. */
export function unreachable(target: SshTarget, reason: string): QuorateError {
  const { machine, host } = target;
  return new QuorateError('MACHINE_UNREACHABLE', `${machine} (${host}) does not answer over SSH: ${reason}`, {
    hint: `try it by hand: ${byHand(target)}`,
    data: { machine, host },
  });
}

/** SUDO_REFUSED, with the line that sudoers(5) needs. */
export function sudoRefused({ machine, host, user }: SshTarget, stderr: string): QuorateError {
  return new QuorateError('SUDO_REFUSED', `${user} may not run commands as root on ${machine}: ${lastLine(stderr)}`, {
    hint: `on ${host}, as root: echo '${user} ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/quorate`,
    data: { machine, host },
  });
}

function byHand({ host, user, port, keyPath }: SshTarget): string {
  return ['ssh', ...(keyPath === undefined ? [] : ['-i', keyPath]), '-p', port, `${user}@${host}`].join(' ');
}

/** As known_hosts has it (sshd(8)). */
function shellName({ host, port }: SshTarget): string {
  return port === 22 ? host : `'[${host}]:${port}'`;
}
