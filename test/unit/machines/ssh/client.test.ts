import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { configArgv, controlArgv, isStrict, sshArgv } from '../../../../src/machines/ssh/client.ts';
import {
  expandHome,
  makeSocketDirectory,
  type SshTarget,
  socketPath,
  sshTarget,
} from '../../../../src/machines/ssh/target.ts';
import { makeSpec } from '../../../helpers/spec.ts';

const TARGET: SshTarget = { machine: 'cp1', host: 'cp1.example.com', user: 'ops', port: 22 };
const line = (argv: readonly string[]) => argv.join(' ').replace(/ControlPath=\S+/, 'ControlPath=SOCKET');

afterEach(() => vi.unstubAllEnvs());

describe('a command line of ssh', () => {
  it('says what cluster.yaml says and what running unattended needs, nothing else', () => {
    expect(line(sshArgv(TARGET, { sharing: 'auto' }, ['echo', "it's", '$HOME']))).toBe(
      'ssh -T -l ops -o ControlPath=SOCKET -o ControlMaster=auto -o ControlPersist=60 -o BatchMode=yes -o ConnectTimeout=10 ' +
        '-o ServerAliveInterval=5 -o ServerAliveCountMax=3 -o StrictHostKeyChecking=accept-new -o LogLevel=ERROR ' +
        `-- cp1.example.com echo 'it'\\''s' '$HOME'`,
    );
  });

  it('has the port when it is not the default, and the key alone when there is one', () => {
    const argv = line(sshArgv({ ...TARGET, port: 2222, keyPath: '/k' }, { sharing: 'no' }, ['true']));
    expect(argv).toContain('-l ops -p 2222 -i /k -o IdentitiesOnly=yes -o ControlPath');
    expect(argv).toContain('ControlMaster=no');
    expect(argv).not.toContain('ControlPersist');
  });

  it("leaves the user's stricter word about host keys alone, and never says no", () => {
    expect(line(sshArgv(TARGET, { sharing: 'no', knownHostsOnly: true }, ['true']))).not.toContain('StrictHost');
    expect(isStrict('user ops\nstricthostkeychecking true\n')).toBe(true);
    for (const word of ['ask', 'accept-new', 'false', 'off'])
      expect(isStrict(`stricthostkeychecking ${word}\n`)).toBe(false);
  });

  it('asks for a terminal only where one is wanted', () => {
    expect(sshArgv(TARGET, { sharing: 'no', terminal: true }, ['bash'])[1]).toBe('-t');
  });

  it('takes another configuration file from the environment, for questions too', () => {
    vi.stubEnv('QUORATE_SSH_CONFIG', '/etc/other');
    for (const argv of [sshArgv(TARGET, { sharing: 'no' }, ['true']), controlArgv(TARGET, 'check'), configArgv(TARGET)])
      expect(argv.join(' ')).toContain('-F /etc/other -l ops');
  });
});

describe('an SSH target', () => {
  const [machine] = makeSpec({ driver: 'ssh' }).machines;

  it('has its key in the home directory', () => {
    const ssh = { host: 'h', user: 'root', port: 22, keyPath: '~/.ssh/id' };
    expect(sshTarget({ ...(machine as NonNullable<typeof machine>), ssh }).keyPath).toMatch(/^\/.*\/\.ssh\/id$/);
    expect(expandHome('~/a', '/home/x')).toBe('/home/x/a');
    expect(expandHome('~other/a', '/home/x')).toBe('~other/a');
    expect(expandHome('/a/~', '/home/x')).toBe('/a/~');
  });

  it('has a socket of its own, whose path is short whatever the runtime directory', () => {
    expect(socketPath(TARGET, '/run/quorate')).toMatch(/^\/run\/quorate\/ssh\/[0-9a-f]{16}$/);
    expect(socketPath({ ...TARGET, user: 'root' }, '/run')).not.toBe(socketPath(TARGET, '/run'));
    expect(socketPath({ ...TARGET, machine: 'other' }, '/run')).toBe(socketPath(TARGET, '/run'));
    expect(Buffer.byteLength(socketPath(TARGET, `/${'long/'.repeat(30)}`)) + 17).toBeLessThan(104);
  });

  it('refuses a directory for sockets that others can enter', async () => {
    const root = await mkdtemp(join(tmpdir(), 'quorate-sockets-'));
    await makeSocketDirectory(join(root, 'ssh', 'socket'));
    await makeSocketDirectory(join(root, 'ssh', 'socket'));
    await chmod(join(root, 'ssh'), 0o755);
    await symlink(join(root, 'ssh'), join(root, 'link'));
    for (const name of ['ssh', 'link'])
      await expect(makeSocketDirectory(join(root, name, 'socket'))).rejects.toMatchObject({ code: 'HOST_UNFIT' });
    await rm(root, { recursive: true });
  });
});
