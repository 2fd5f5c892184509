import { describe, expect, it } from 'vitest';
import type { ExecOptions, ExecResult } from '../../../../src/core/command.ts';
import { silentContext } from '../../../../src/core/context.ts';
import type { Machine } from '../../../../src/machines/machine.ts';
import { aptOptions, parseRelease } from '../../../../src/machines/ssh/fetch-packages.ts';
import { HOST_PACKAGES, installPackages, missingPackages } from '../../../../src/machines/ssh/packages.ts';
import { packageSteps } from '../../../../src/phases/steps/packages.ts';
import { healthyCluster } from '../../../helpers/observed.ts';
import { makeSpec } from '../../../helpers/spec.ts';

const ctx = silentContext();
const EVERYTHING = { isBalancer: true, isControlPlane: true, hasBucket: true };
const OTHER = { os: { id: 'ubuntu', versionId: '1.04', name: 'Ubuntu' }, arch: 'amd64' };

/** A machine that answers every command with the next of `exitCodes`. */
function machineThat(exitCodes: number[]): Machine & { readonly modes: string[] } {
  const modes: string[] = [];
  const exec = async (_: unknown, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> => {
    modes.push(`${argv[4]}: ${argv[5]}`);
    const exitCode = exitCodes.shift() ?? 0;
    if (exitCode !== 0 && !options.allowFailure) throw new Error('COMMAND_FAILED');
    const rest = { machine: 'cp1', signal: null, timedOut: false, durationMs: 1 };
    return { ...rest, argv, exitCode, stdout: '', stderr: 'E: Unable to locate package socat\n' };
  };
  return { name: 'cp1', address: '192.0.2.11', exec, modes } as unknown as Machine & { readonly modes: string[] };
}

describe('packages of a host', () => {
  it('are planned for hosts over SSH that lack some, with the balancer pair on control planes', async () => {
    const spec = makeSpec({ driver: 'ssh' });
    const observed = await healthyCluster(spec);
    const plan = (name: string) =>
      packageSteps(spec, observed, spec.machines.find((each) => each.name === name) as never);
    expect(plan('cp1')).toMatchObject([{ id: 'cp1/packages', lane: 'cp1', machine: 'cp1', why: 'not installed' }]);
    // All but rclone, which only a bucket needs.
    expect(plan('cp1')[0]?.title).toContain(`install ${HOST_PACKAGES.length - 1} packages (age, ca-certificates, `);
    expect(plan('cp1')[0]?.title).toContain('haproxy');
    expect(plan(spec.machines.at(-1)?.name ?? '')[0]?.title).not.toMatch(/haproxy|keepalived|age,|rclone/);
  });

  it('are no concern on machines that quorate makes, and nothing is planned when all are there', async () => {
    const local = makeSpec({ driver: 'local' });
    expect(packageSteps(local, await healthyCluster(local), local.machines[0] as never)).toEqual([]);
    const spec = makeSpec({ driver: 'ssh' });
    const observed = await healthyCluster(spec);
    const facts = observed.machines.cp1?.facts;
    expect(missingPackages({ ...(facts as NonNullable<typeof facts>), packages: HOST_PACKAGES }, EVERYTHING)).toEqual(
      [],
    );
    expect(packageSteps(spec, { ...observed, machines: {} }, spec.machines[0] as never)).toEqual([]);
  });

  it("come from the host's own sources where they answer", async () => {
    const machine = machineThat([0]);
    await installPackages(ctx, machine, OTHER, ['jq', 'socat']);
    expect(machine.modes).toEqual(['fetch: jq socat']);
  });

  it('are listed when neither the host nor this one has them', async () => {
    await expect(installPackages(ctx, machineThat([45]), OTHER, ['jq', 'socat'])).rejects.toMatchObject({
      code: 'HOST_PACKAGES_MISSING',
      message: expect.stringMatching(
        /^cp1 lacks jq, socat; it cannot fetch them \(E: Unable .*\), and this host is no help: it is .*, not ubuntu 1.04 amd64$/,
      ),
      hint: 'on cp1: apt-get install --no-install-recommends jq socat',
      data: { packages: ['jq', 'socat'] },
    });
  });

  it('that do not install are the error of the command', async () => {
    await expect(installPackages(ctx, machineThat([100, 100]), OTHER, ['jq'])).rejects.toThrow('COMMAND_FAILED');
  });

  it('are fetched here without touching the state of this host', () => {
    const options = aptOptions('/c', '/c/status', '/c/cp1').filter((option) => option !== '-o');
    expect(options).toContain('Dir::State::status=/c/status');
    expect(options).toContain('Dir::State::lists=/c/lists');
    expect(options).toContain('Dir::Cache::archives=/c/cp1');
    expect(parseRelease('NAME="x"\nID=ubuntu\nVERSION_ID="24.04"\n')).toEqual({ id: 'ubuntu', versionId: '24.04' });
  });
});
