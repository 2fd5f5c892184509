// Local machines with an SSH server: what the ssh driver is tested against. Their power stays with the local driver.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { createLocalDriver } from '../../src/machines/local/driver.ts';
import type { Machine, MachineDriver, MachineProvider } from '../../src/machines/machine.ts';
import { createSshDriver } from '../../src/machines/ssh/driver.ts';
import type { ClusterSpec, MachineSpec } from '../../src/spec/types.ts';

const local = createLocalDriver();

export interface SshLab {
  readonly directory: string;
  readonly keyPath: string;
  /** A key that no machine accepts. */
  readonly strangeKeyPath: string;
  readonly knownHosts: string;
}

/** Keys and a client configuration of their own, which QUORATE_SSH_CONFIG names: nothing of this host's user is touched. */
export function makeLab(): SshLab {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-ssh-'));
  const at = (name: string) => join(directory, name);
  mkdirSync(at('host'));
  for (const path of [at('key'), at('strange'), at('host/key')])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
  const lab = { directory, keyPath: at('key'), strangeKeyPath: at('strange'), knownHosts: at('known_hosts') };
  writeConfig(lab, '');
  process.env.QUORATE_SSH_CONFIG = at('config');
  return lab;
}

/** Replaces the client's configuration: `hosts`, then what holds for all. */
export function writeConfig({ directory, knownHosts }: SshLab, hosts: string): void {
  const all = `Host *\n  UserKnownHostsFile ${knownHosts}\n  GlobalKnownHostsFile /dev/null\n  IdentityAgent none\n`;
  writeFileSync(join(directory, 'config'), `${hosts}${all}`);
}

/** The machine of `spec` as one that is reached over SSH; `ssh` replaces fields of how. */
export function overSsh(lab: SshLab, machine: MachineSpec, ssh: Partial<MachineSpec['ssh']> = {}): MachineSpec {
  const { local: _local, ...rest } = machine;
  const how = { host: machine.address, user: 'root', port: 22, keyPath: lab.keyPath, ...ssh };
  return { ...rest, driver: 'ssh', ssh: how };
}

/** The machine through the local driver, for what a test does behind the ssh driver's back. */
export function fromInside(spec: ClusterSpec, machine: MachineSpec): Machine {
  return local.machine(spec, machine);
}

/** Commands by the ssh driver, power by the local one; a machine that has started has its SSH server up. */
export function sshSubject(lab: SshLab): MachineDriver {
  const power = local.provider as MachineProvider;
  const ssh = createSshDriver();
  const start: MachineProvider['start'] = async (ctx, spec, machine) => {
    await power.start(ctx, spec, machine);
    await startServer(ctx, lab, local.machine(spec, machine));
  };
  return {
    kind: 'ssh',
    machine: (spec, machine) => ssh.machine(spec, overSsh(lab, machine)),
    provider: { ...power, start },
  };
}

/** Gives a machine the keys of the lab and starts its SSH server. */
export async function startServer(ctx: Context, { directory, keyPath }: SshLab, machine: Machine): Promise<void> {
  const hostKey = '/etc/ssh/ssh_host_ed25519_key';
  const config = `HostKey ${hostKey}\nPermitRootLogin prohibit-password\n`;
  await machine.writeFiles(ctx, [
    { path: hostKey, content: readFileSync(join(directory, 'host/key')), mode: 0o600 },
    { path: `${hostKey}.pub`, content: readFileSync(join(directory, 'host/key.pub')), mode: 0o644 },
    { path: '/etc/ssh/sshd_config.d/contract.conf', content: config, mode: 0o644 },
    { path: '/root/.ssh/authorized_keys', content: readFileSync(`${keyPath}.pub`), mode: 0o600 },
  ]);
  await machine.exec(ctx, ['systemctl', 'start', 'ssh.service']);
}
