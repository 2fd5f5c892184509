// What every driver that makes its machines has to do (src/machines/machine.ts), as tests. Run for each driver by *.test.ts.
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentContext } from '../../src/core/context.ts';
import type { Machine, MachineDriver, MachineProvider } from '../../src/machines/machine.ts';
import type { ClusterSpec, MachineSpec } from '../../src/spec/types.ts';
import { recordingContext } from '../helpers/context.ts';

export interface ContractSubject {
  readonly spec: ClusterSpec;
  readonly makeDriver: () => MachineDriver;
  /** How long it may take to refuse four commands for a machine whose plug was pulled, milliseconds. Default 1 000. */
  readonly refusalMs?: number;
}

/** Declares the suite. The cluster of `spec` needs two machines; it is made before and removed after. */
export function machineContract({ spec, makeDriver, refusalMs = 1_000 }: ContractSubject): void {
  const ctx = silentContext();
  const driver = makeDriver();
  const provider = driver.provider as MachineProvider;
  const [first, second] = spec.machines as [MachineSpec, MachineSpec];
  const machine: Machine = driver.machine(spec, first);
  const stateOf = async ({ name }: MachineSpec) =>
    (await provider.status(ctx, spec)).find((status) => status.name === name)?.state;
  let scratch = '';

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'quorate-contract-'));
    expect(await stateOf(first)).toBe('absent');
    await provider.prepareHost(ctx, spec);
    await Promise.all(spec.machines.map((each) => provider.create(ctx, spec, each)));
    expect(await stateOf(first)).toBe('stopped');
    await Promise.all(spec.machines.map((each) => provider.start(ctx, spec, each)));
  });

  afterAll(async () => {
    await Promise.all(spec.machines.map((each) => provider.destroy(ctx, spec, each)));
    await provider.releaseHost(ctx, spec);
    await rm(scratch, { recursive: true, force: true });
  });

  describe('exec', () => {
    it('gives output, exit code and the machine that it ran on', async () => {
      const result = await machine.exec(ctx, ['echo', 'two  spaces', '$HOME', "it's"]);
      expect(result).toMatchObject({ machine: first.name, exitCode: 0, signal: null, timedOut: false });
      expect(result.stdout).toBe("two  spaces $HOME it's\n");
      expect(result.argv).toEqual(['echo', 'two  spaces', '$HOME', "it's"]);
    });

    it('throws COMMAND_FAILED with the end of standard error, naming machine and command', async () => {
      const failing = machine.exec(ctx, ['sh', '-c', 'echo broken >&2; exit 3']);
      await expect(failing).rejects.toMatchObject({
        code: 'COMMAND_FAILED',
        message: expect.stringMatching(new RegExp(`on ${first.name} ended with exit code 3:\nbroken`)),
        data: { exitCode: 3, machine: first.name },
      });
    });

    it('returns a failure when it is allowed', async () => {
      const result = await machine.exec(ctx, ['sh', '-c', 'echo broken >&2; exit 3'], { allowFailure: true });
      expect(result).toMatchObject({ exitCode: 3, stderr: 'broken\n' });
    });

    it('throws COMMAND_NOT_FOUND for a program that is not there, allowed to fail or not', async () => {
      for (const allowFailure of [false, true])
        await expect(machine.exec(ctx, ['no-such-program'], { allowFailure })).rejects.toMatchObject({
          code: 'COMMAND_NOT_FOUND',
        });
    });

    it('feeds standard input from text, bytes and a file of this host', async () => {
      const file = join(scratch, 'input');
      await writeFile(file, 'from a file');
      expect((await machine.exec(ctx, ['cat'], { stdin: 'text ü' })).stdout).toBe('text ü');
      expect((await machine.exec(ctx, ['cat'], { stdin: Buffer.from('bytes') })).stdout).toBe('bytes');
      expect((await machine.exec(ctx, ['cat'], { stdin: { file } })).stdout).toBe('from a file');
      expect((await machine.exec(ctx, ['cat'])).stdout).toBe('');
    });

    it('passes the environment it is given and none of this process', async () => {
      process.env.QUORATE_CONTRACT_LEAK = 'leaked';
      const { stdout } = await machine.exec(ctx, ['env'], { env: { QUORATE_CONTRACT: 'given' } });
      delete process.env.QUORATE_CONTRACT_LEAK;
      expect(stdout).toContain('QUORATE_CONTRACT=given\n');
      expect(stdout).not.toContain('QUORATE_CONTRACT_LEAK');
    });

    it('ends a command at its deadline with COMMAND_TIMED_OUT', async () => {
      const start = Date.now();
      await expect(machine.exec(ctx, ['sleep', '20'], { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'COMMAND_TIMED_OUT',
      });
      expect(Date.now() - start).toBeLessThan(10_000);
    });

    it('ends a command with ABORTED when its context is aborted', async () => {
      const aborting = recordingContext();
      const start = Date.now();
      setTimeout(() => aborting.abort.abort(), 200);
      await expect(machine.exec(aborting, ['sleep', '20'])).rejects.toMatchObject({ code: 'ABORTED' });
      expect(Date.now() - start).toBeLessThan(10_000);
    });

    it('reports every command as an event with its machine', async () => {
      const recording = recordingContext();
      await machine.exec(recording, ['true']);
      expect(recording.events).toContainEqual(
        expect.objectContaining({
          code: 'command.finished',
          data: expect.objectContaining({ machine: first.name, argv: ['true'], exitCode: 0 }),
        }),
      );
    });
  });

  describe('files', () => {
    it('writes many files in one command, with their modes, and makes parent directories', async () => {
      const recording = recordingContext();
      const files = [
        { path: '/etc/quorate-contract/secret', content: 'key', mode: 0o600 },
        { path: '/etc/quorate-contract/deep/er/script', content: Buffer.from('#!/bin/sh\n'), mode: 0o755 },
        { path: "/etc/quorate-contract/a name with 'quotes' and spaces", content: '', mode: 0o644 },
      ];
      await machine.writeFiles(recording, files);
      expect(recording.events.filter(({ code }) => code === 'command.finished').length).toBeLessThanOrEqual(1);
      for (const { path, content, mode } of files) {
        expect(Buffer.from((await machine.readFile(ctx, path)) ?? 'missing').toString()).toBe(content.toString());
        expect((await machine.exec(ctx, ['stat', '-c', '%a', path])).stdout.trim()).toBe(mode.toString(8));
      }
    });

    it('replaces a file whole: a reader never sees half of it', async () => {
      const path = '/etc/quorate-contract/replaced';
      const whole = ['a', 'b'].map((letter) => letter.repeat(200_000));
      await machine.writeFiles(ctx, [{ path, content: whole[0] ?? '', mode: 0o644 }]);
      let isWriting = true;
      const writing = (async () => {
        for (let round = 0; round < 6; round += 1)
          await machine.writeFiles(ctx, [{ path, content: whole[round % 2] ?? '', mode: 0o644 }]);
        isWriting = false;
      })();
      let reads = 0;
      for (; isWriting; reads += 1)
        expect(whole).toContain(Buffer.from((await machine.readFile(ctx, path)) ?? 'missing').toString());
      await writing;
      expect(reads).toBeGreaterThan(0);
    });

    it('keeps bytes as they are, both ways', async () => {
      const content = randomBytes(100_000);
      await machine.writeFiles(ctx, [{ path: '/etc/quorate-contract/bytes', content, mode: 0o600 }]);
      const read = await machine.readFile(ctx, '/etc/quorate-contract/bytes');
      expect(Buffer.compare(Buffer.from(read ?? []), content)).toBe(0);
    });

    it('sends standard output to a file of this host, byte for byte, readable by its owner only', async () => {
      const content = randomBytes(300_000);
      const stdoutFile = join(scratch, 'output');
      await machine.writeFiles(ctx, [{ path: '/etc/quorate-contract/long', content, mode: 0o600 }]);
      await machine.exec(ctx, ['cat', '/etc/quorate-contract/long'], { stdoutFile });
      expect(Buffer.compare(await readFile(stdoutFile), content)).toBe(0);
      expect((await stat(stdoutFile)).mode & 0o777).toBe(0o600);
    });

    it('has undefined for a file that is not there', async () => {
      expect(await machine.readFile(ctx, '/etc/quorate-contract/no/such/file')).toBeUndefined();
    });

    it('uploads a large file with its mode, replacing an older one', async () => {
      const local = join(scratch, 'large');
      const content = randomBytes(5_000_000);
      await writeFile(local, content);
      for (const mode of [0o644, 0o755]) {
        await machine.upload(ctx, local, '/opt/quorate-contract/large', mode);
        const { stdout } = await machine.exec(ctx, ['stat', '-c', '%a', '/opt/quorate-contract/large']);
        expect(stdout.trim()).toBe(mode.toString(8));
      }
      const read = await machine.readFile(ctx, '/opt/quorate-contract/large');
      expect(Buffer.compare(Buffer.from(read ?? []), content)).toBe(0);
    });

    it('fails an upload of a file that this host does not have, and leaves nothing there', async () => {
      await expect(
        machine.upload(ctx, join(scratch, 'missing'), '/opt/quorate-contract/none', 0o644),
      ).rejects.toThrow();
      expect(await machine.readFile(ctx, '/opt/quorate-contract/none')).toBeUndefined();
    });
  });

  describe('power', () => {
    it('starts, creates and prepares again without doing anything', async () => {
      await machine.writeFiles(ctx, [{ path: '/etc/quorate-contract/kept', content: 'kept', mode: 0o644 }]);
      await provider.prepareHost(ctx, spec);
      expect(await provider.isHostPrepared(ctx, spec)).toBe(true);
      await provider.create(ctx, spec, first);
      await provider.start(ctx, spec, first);
      expect(Buffer.from((await machine.readFile(ctx, '/etc/quorate-contract/kept')) ?? []).toString()).toBe('kept');
    });

    it('ends running commands with MACHINE_UNREACHABLE when the plug is pulled, and refuses new ones at once', async () => {
      const running = machine.exec(ctx, ['sleep', '60']);
      const ended = expect(running).rejects.toMatchObject({ code: 'MACHINE_UNREACHABLE' });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await provider.kill(ctx, spec, first);
      await ended;
      expect(await stateOf(first)).toBe('stopped');
      expect(await stateOf(second)).toBe('running');
      const start = Date.now();
      const attempts = [
        machine.exec(ctx, ['true']),
        machine.exec(ctx, ['true'], { allowFailure: true }),
        machine.readFile(ctx, '/etc/hostname'),
        machine.writeFiles(ctx, [{ path: '/etc/quorate-contract/late', content: '', mode: 0o644 }]),
      ];
      for (const attempt of attempts) await expect(attempt).rejects.toMatchObject({ code: 'MACHINE_UNREACHABLE' });
      expect(Date.now() - start).toBeLessThan(refusalMs);
      await provider.kill(ctx, spec, first);
    });

    it('has its files again when it is started after that', async () => {
      await provider.start(ctx, spec, first);
      expect(await stateOf(first)).toBe('running');
      expect(Buffer.from((await machine.readFile(ctx, '/etc/quorate-contract/kept')) ?? []).toString()).toBe('kept');
    });

    it('shuts down cleanly, twice without harm, and starts again', async () => {
      await provider.stop(ctx, spec, first);
      expect(await stateOf(first)).toBe('stopped');
      await provider.stop(ctx, spec, first);
      await provider.start(ctx, spec, first);
      expect((await machine.exec(ctx, ['hostname'])).stdout).toBe(`${first.name}\n`);
    });

    it('tells what the machine said last, whether it runs or not', async () => {
      const recording = recordingContext();
      await provider.logs(recording, spec, first, { lines: 5, follow: false });
      expect(recording.events.some(({ code }) => code === 'note')).toBe(true);
    });

    it('gives an argv for a shell', async () => {
      expect((await provider.shellArgv(ctx, spec, first)).length).toBeGreaterThan(0);
    });

    it('keeps the host side while a machine is left, and forgets everything of one that is destroyed', async () => {
      await provider.destroy(ctx, spec, first);
      expect(await stateOf(first)).toBe('absent');
      await provider.destroy(ctx, spec, first);
      await provider.releaseHost(ctx, spec);
      expect(await stateOf(second)).toBe('running');
      await expect(provider.start(ctx, spec, first)).rejects.toMatchObject({ code: 'MACHINE_FAILED' });
      await provider.create(ctx, spec, first);
      await provider.start(ctx, spec, first);
      expect(await machine.readFile(ctx, '/etc/quorate-contract/kept')).toBeUndefined();
    });
  });
}
