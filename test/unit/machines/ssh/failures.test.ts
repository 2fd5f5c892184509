import { describe, expect, it } from 'vitest';
import { loginError, sudoRefused, unreachable } from '../../../../src/machines/ssh/failures.ts';

const TARGET = { machine: 'cp1', host: '192.0.2.11', user: 'ops', port: 2222, keyPath: '/k' };
const CHANGED = `@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
Host key for 192.0.2.11 has changed and you have requested strict checking.
Host key verification failed.
`;

describe('what ssh says when it cannot log in', () => {
  it.each([
    ['SSH_HOST_KEY_CHANGED', CHANGED],
    ['SSH_HOST_KEY_UNKNOWN', 'No ED25519 host key is known for x and you have requested strict checking.\n'],
    ['SSH_HOST_KEY_UNKNOWN', 'Host key verification failed.\nConnection closed by UNKNOWN port 65535\n'],
    ['SSH_AUTH_FAILED', 'ops@192.0.2.11: Permission denied (publickey).\n'],
    ['SSH_AUTH_FAILED', 'Received disconnect from 192.0.2.11 port 22:2: Too many authentication failures\n'],
    ['MACHINE_UNREACHABLE', 'ssh: connect to host 192.0.2.11 port 22: Connection refused\n'],
    ['MACHINE_UNREACHABLE', 'ssh: Could not resolve hostname x: Name or service not known\n'],
    ['MACHINE_UNREACHABLE', 'kex_exchange_identification: Connection closed by remote host\n'],
    ['MACHINE_UNREACHABLE', ''],
  ])('is %s', (code, stderr) => {
    expect(loginError(TARGET, stderr)).toMatchObject({ code, data: { machine: 'cp1', host: '192.0.2.11' } });
  });

  it('comes with the command that helps', () => {
    expect(loginError(TARGET, CHANGED).hint).toContain("ssh-keygen -R '[192.0.2.11]:2222'");
    expect(unreachable(TARGET, 'gone').hint).toBe('try it by hand: ssh -i /k -p 2222 ops@192.0.2.11');
    const refused = sudoRefused(TARGET, 'warning\nsudo: a password is required\n');
    expect(refused.message).toBe('ops may not run commands as root on cp1: sudo: a password is required');
    expect(refused.hint).toContain("echo 'ops ALL=(root) NOPASSWD: ALL' > /etc/sudoers.d/quorate");
  });
});
