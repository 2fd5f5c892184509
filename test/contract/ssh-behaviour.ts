// What only machines over SSH do: logins, host keys, sudo, jump hosts, and lost connections.
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { silentContext } from '../../src/core/context.ts';
import type { Machine, MachineProvider } from '../../src/machines/machine.ts';
import { createSshDriver } from '../../src/machines/ssh/driver.ts';
import { installPackages, missingPackages } from '../../src/machines/ssh/packages.ts';
import { readMachineFacts } from '../../src/observe/machine-facts.ts';
import type { ClusterSpec, MachineSpec } from '../../src/spec/types.ts';
import { recordingContext } from '../helpers/context.ts';
import { fromInside, overSsh, type SshLab, sshSubject, writeConfig } from './ssh-subject.ts';

/** Declares the suite for two machines of their own. */
export function sshBehaviour(lab: SshLab, spec: ClusterSpec): void {
  const ctx = silentContext();
  const provider = sshSubject(lab).provider as MachineProvider;
  const [first, second] = spec.machines as [MachineSpec, MachineSpec];
  const inside = (machine = first) => fromInside(spec, machine);
  /** A driver of its own: no connection of another test is reused. */
  const reach = (how: Parameters<typeof overSsh>[2] = {}, machine = first): Machine =>
    createSshDriver().machine(spec, overSsh(lab, machine, how));
  const sh = (machine: Machine, script: string) => machine.exec(ctx, ['sh', '-c', script], { allowFailure: true });
  let hasSudo = false;

  beforeAll(async () => {
    await provider.prepareHost(ctx, spec);
    await Promise.all(spec.machines.map((each) => provider.create(ctx, spec, each)));
    await Promise.all(spec.machines.map((each) => provider.start(ctx, spec, each)));
    await addUsers(inside());
    hasSudo = await installSudo(inside());
  });

  afterAll(async () => {
    await Promise.all(spec.machines.map((each) => provider.destroy(ctx, spec, each)));
    await provider.releaseHost(ctx, spec);
  });

  /** ops may use sudo, guest may not. */
  async function addUsers(machine: Machine): Promise<void> {
    const key = readFileSync(`${lab.keyPath}.pub`, 'utf8').trim();
    for (const user of ['ops', 'guest']) {
      const script = 'useradd -m -s /bin/sh "$1" && install -d -m 700 -o "$1" "/home/$1/.ssh"';
      await machine.exec(ctx, ['sh', '-c', script, 'add', user]);
      await machine.writeFiles(ctx, [{ path: `/home/${user}/.ssh/authorized_keys`, content: `${key}\n`, mode: 0o644 }]);
    }
    await machine.writeFiles(ctx, [
      { path: '/etc/sudoers.d/quorate', content: 'ops ALL=(root) NOPASSWD: ALL\n', mode: 0o440 },
    ]);
  }

  /** The machines' image has no sudo; it comes from this host's package sources where they answer. */
  async function installSudo(machine: Machine): Promise<boolean> {
    try {
      execFileSync('apt-get', ['download', 'sudo'], { cwd: lab.directory, stdio: 'ignore', timeout: 60_000 });
    } catch {
      return false;
    }
    const file = execFileSync('sh', ['-c', 'echo sudo_*.deb'], { cwd: lab.directory, encoding: 'utf8' }).trim();
    await machine.upload(ctx, join(lab.directory, file), '/root/sudo.deb', 0o644);
    await machine.exec(ctx, ['dpkg', '--force-confold', '-i', '/root/sudo.deb']);
    return true;
  }

  /** How many processes of the marker's command line run on the machine. */
  async function countOf(marker: string): Promise<number> {
    const { stdout } = await inside().exec(ctx, ['pgrep', '-cf', `^sleep ${marker}$`], { allowFailure: true });
    return Number(stdout);
  }

  async function waitForCount(marker: string, count: number): Promise<void> {
    for (let tries = 0; tries < 100 && (await countOf(marker)) !== count; tries += 1) await delay(100);
    expect(await countOf(marker)).toBe(count);
  }

  it('tells 255 of a command from 255 of ssh', async () => {
    const result = await sh(reach(), 'echo out; echo err >&2; exit 255');
    expect(result).toMatchObject({ exitCode: 255, stdout: 'out\n', stderr: 'err\n' });
  });

  it('gives the codes of commands on a terminal, 255 among them', async () => {
    for (const code of [0, 3, 255]) {
      const options = { stdio: 'inherit', allowFailure: true } as const;
      expect((await reach().exec(ctx, ['sh', '-c', `exit ${code}`], options)).exitCode).toBe(code);
    }
  });

  it('runs 40 commands at once over one connection', async () => {
    const machine = reach();
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, index) => machine.exec(ctx, ['sh', '-c', `sleep 0.2; echo ${index}`])),
    );
    expect(results.map(({ stdout }) => Number(stdout))).toEqual(results.map((_, index) => index));
    expect(results.map(({ stderr }) => stderr).join('')).toBe('');
    const { stdout } = await inside().exec(ctx, ['sh', '-c', 'ss -Htn state established sport = :22 | wc -l']);
    expect(Number(stdout)).toBeLessThanOrEqual(2);
  });

  it('streams 200 MB to a command, byte for byte', async () => {
    const file = join(lab.directory, 'large');
    const block = randomBytes(1_000_000);
    writeFileSync(file, '');
    for (let count = 0; count < 200; count += 1) writeFileSync(file, block, { flag: 'a' });
    const { stdout } = await reach().exec(ctx, ['sha256sum'], { stdin: { file }, timeoutMs: 120_000 });
    expect(stdout.slice(0, 64)).toBe(execFileSync('sha256sum', [file], { encoding: 'utf8' }).slice(0, 64));
    rmSync(file);
  });

  it('ends a command that does not read its input, and one that closes it early', async () => {
    const stdin = randomBytes(3_000_000);
    expect((await reach().exec(ctx, ['true'], { stdin })).exitCode).toBe(0);
    expect((await reach().exec(ctx, ['head', '-c', '3'], { stdin: 'abcdef' })).stdout).toBe('abc');
  });

  it.each([
    ['aborted', async (abort: AbortController) => abort.abort()],
    ['late', undefined],
  ])('leaves nothing of a command and its children that is %s', async (_, stop) => {
    const context = recordingContext();
    const marker = stop ? '4711' : '4712';
    const script = `sleep ${marker} & sleep ${marker}; wait`;
    const running = reach().exec(context, ['sh', '-c', script], stop ? {} : { timeoutMs: 2_000 });
    const ended = expect(running).rejects.toMatchObject({ code: stop ? 'ABORTED' : 'COMMAND_TIMED_OUT' });
    await waitForCount(marker, 2);
    await stop?.(context.abort);
    await ended;
    await waitForCount(marker, 0);
  });

  it('leaves nothing of a command whose connection is cut, and reports the machine', async () => {
    const running = reach().exec(ctx, ['sleep', '4713']);
    const ended = expect(running).rejects.toMatchObject({ code: 'MACHINE_UNREACHABLE' });
    await waitForCount('4713', 1);
    await inside().exec(ctx, ['pkill', '-f', '^sshd: root@notty']);
    await ended;
    await waitForCount('4713', 0);
  });

  it('connects again when the connection of an earlier command has died', async () => {
    const machine = reach();
    await machine.exec(ctx, ['true']);
    await inside().exec(ctx, ['pkill', '-f', '^sshd: root@notty']);
    await delay(500);
    await machine.exec(ctx, ['true'], { allowFailure: true }).catch(() => {});
    expect((await machine.exec(ctx, ['echo', 'back'])).stdout).toBe('back\n');
  });

  it('refuses a wrong key with SSH_AUTH_FAILED', async () => {
    await expect(reach({ keyPath: lab.strangeKeyPath }).exec(ctx, ['true'])).rejects.toMatchObject({
      code: 'SSH_AUTH_FAILED',
      message: expect.stringContaining('refuses the login of root'),
    });
  });

  it('reports a port where nobody listens as MACHINE_UNREACHABLE', async () => {
    await expect(reach({ port: 2 }).exec(ctx, ['true'])).rejects.toMatchObject({
      code: 'MACHINE_UNREACHABLE',
      message: expect.stringContaining('Connection refused'),
    });
  });

  it('refuses a changed host key, and an unknown one where the user wants known ones only', async () => {
    const known = readFileSync(lab.knownHosts, 'utf8');
    const other = readFileSync(`${lab.strangeKeyPath}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
    // Another user: another connection, so that the key is looked at.
    writeFileSync(lab.knownHosts, `${first.address} ${other}\n`);
    await expect(reach({ user: 'ops' }).exec(ctx, ['true'])).rejects.toMatchObject({
      code: 'SSH_HOST_KEY_CHANGED',
      hint: expect.stringContaining(`ssh-keygen -R ${first.address}`),
    });
    writeFileSync(lab.knownHosts, '');
    writeConfig(lab, 'Host *\n  StrictHostKeyChecking yes\n');
    await expect(reach({ user: 'ops' }).exec(ctx, ['true'])).rejects.toMatchObject({ code: 'SSH_HOST_KEY_UNKNOWN' });
    writeConfig(lab, '');
    writeFileSync(lab.knownHosts, known);
  });

  it('is root through sudo, with input, environment and exit codes', async ({ skip }) => {
    if (!hasSudo) skip('sudo could not be fetched');
    const machine = reach({ user: 'ops' });
    const options = { stdin: 'read', env: { GIVEN: 'yes' }, cwd: '/etc' };
    const { stdout } = await machine.exec(ctx, ['sh', '-c', 'id -u; pwd; echo $GIVEN $HOME; cat'], options);
    expect(stdout).toBe('0\n/etc\nyes /root\nread');
    expect(await sh(machine, 'exit 1')).toMatchObject({ exitCode: 1 });
    expect(await sh(machine, 'echo sudo: mine >&2; exit 1')).toMatchObject({ exitCode: 1, stderr: 'sudo: mine\n' });
    const context = recordingContext();
    const running = machine.exec(context, ['sleep', '4714']);
    const ended = expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    await waitForCount('4714', 1);
    context.abort.abort();
    await ended;
    await waitForCount('4714', 0);
  });

  it('is root through sudo that gives every command a terminal of its own', async ({ skip }) => {
    if (!hasSudo) skip('sudo could not be fetched');
    const path = '/etc/sudoers.d/pty';
    await inside().writeFiles(ctx, [{ path, content: 'Defaults use_pty\n', mode: 0o440 }]);
    const machine = reach({ user: 'ops' });
    const stdin = randomBytes(2_000_000);
    const file = join(lab.directory, 'echoed');
    await machine.exec(ctx, ['cat'], { stdin, stdoutFile: file });
    expect(Buffer.compare(readFileSync(file), stdin)).toBe(0);
    const running = machine.exec(ctx, ['sleep', '4715'], { timeoutMs: 2_000 });
    await expect(running).rejects.toMatchObject({ code: 'COMMAND_TIMED_OUT' });
    await waitForCount('4715', 0);
    await inside().exec(ctx, ['rm', path]);
  });

  it('reports a user without rights as SUDO_REFUSED, with the line for sudoers', async () => {
    const failing = reach({ user: 'guest' }).exec(ctx, ['true'], { allowFailure: true });
    await expect(failing).rejects.toMatchObject({
      code: 'SUDO_REFUSED',
      hint: expect.stringContaining('guest ALL=(root) NOPASSWD: ALL'),
    });
  });

  it.for([
    ['from wherever they can be had', 'true'],
    ['from this host where the other has no sources', 'rm -rf /etc/apt/sources.list* /var/lib/apt/lists/*'],
  ])('installs packages %s, and starts no service', async ([, prepare], { skip }) => {
    if (!hasSudo) skip("this host's package sources do not answer");
    const machine = reach({}, second);
    const packages = ['ethtool', 'keepalived'];
    const duties = { isBalancer: true, isControlPlane: false, hasBucket: false };
    await inside(second).exec(ctx, ['sh', '-c', `dpkg --purge ${packages.join(' ')} && ${prepare}`]);
    const facts = await readMachineFacts(ctx, machine);
    expect(missingPackages(facts, duties)).toEqual(packages);
    const recording = recordingContext();
    await installPackages(recording, machine, facts, packages);
    const pushed = recording.events.some(({ data }) => JSON.stringify(data).includes('/var/cache/quorate/packages'));
    if (prepare !== 'true') expect(pushed).toBe(true);
    expect(missingPackages(await readMachineFacts(ctx, machine), duties)).toEqual([]);
    const state = await sh(machine, 'systemctl is-enabled keepalived; systemctl is-active keepalived');
    expect(state.stdout).toBe('disabled\ninactive\n');
    expect(await machine.readFile(ctx, '/usr/sbin/policy-rc.d')).toBeUndefined();
  });

  it("goes through a jump host of the user's configuration", async () => {
    const jump = `Host behind\n  HostName ${second.address}\n  ProxyJump root@${first.address}\n`;
    // ssh -J runs a second client, which is told nothing of cluster.yaml.
    writeConfig(
      lab,
      `${jump}Host ${first.address}\n  IdentityFile ${lab.keyPath}\n  StrictHostKeyChecking accept-new\n`,
    );
    const { stdout } = await reach({ host: 'behind' }, second).exec(ctx, [
      'sh',
      '-c',
      'cat /proc/sys/kernel/hostname; ss -Htn state established sport = :22',
    ]);
    writeConfig(lab, '');
    expect(stdout).toContain(`${second.name}\n`);
    expect(stdout).toContain(`${first.address}:`);
  });
}
