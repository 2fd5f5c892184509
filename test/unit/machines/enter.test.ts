import { describe, expect, it } from 'vitest';
import { enterArgv } from '../../../src/machines/local/enter.ts';

describe('a command inside a machine', () => {
  it('enters all namespaces with a clean environment, and ends when its outside does', () => {
    expect(enterArgv(4711, ['kubectl', 'get', 'nodes'], { env: { KUBECONFIG: '/x' }, cwd: '/tmp' }).join(' ')).toBe(
      'nsenter --target 4711 --mount --uts --ipc --net --pid --cgroup --root --wd env -i -C /tmp ' +
        'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LANG=C.UTF-8 KUBECONFIG=/x ' +
        'setpriv --pdeathsig TERM timeout --kill-after=5 0 kubectl get nodes',
    );
  });

  it('keeps the terminal to itself when it has one', () => {
    expect(enterArgv(1, ['bash'], { terminal: 'xterm' }).join(' ')).toMatch(/LANG=C.UTF-8 TERM=xterm bash$/);
    expect(enterArgv(1, ['bash'], { stdio: 'inherit' })).not.toContain('timeout');
  });
});
