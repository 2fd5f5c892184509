// The requirements' own commands, on a control plane, as a person types them there.
import { describe, expect, it } from 'vitest';
import { REQUIREMENT_COMMANDS, type RequirementCommand } from './requirements.ts';
import { onMachine } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { kubectl } from './support/kubectl.ts';

useHealthyCluster();

describe.each([1, 3] as const)('requirements %i', (text) => {
  it.each(REQUIREMENT_COMMANDS.filter((row) => row.text === text))('$printed', async (row) => {
    const machine = row.on === 'leader' ? await leader() : 'cp1';
    await expectAnswer(machine, row.command ?? row.printed, row);
    if (row.moved) await expectAnswer(machine, row.moved.command, row.moved);
  });
});

async function expectAnswer(
  machine: string,
  command: string,
  wanted: Pick<RequirementCommand, 'expect' | 'never' | 'exitCode'>,
): Promise<void> {
  const { exitCode, stdout, stderr } = await onMachine(machine, command);
  const output = [stdout, stderr].filter((part) => part !== '').join('\n');
  if (wanted.exitCode !== null) expect(exitCode, `${command}\n${output}`).toBe(wanted.exitCode ?? 0);
  for (const pattern of wanted.expect) expect(output).toMatch(pattern);
  for (const pattern of wanted.never ?? []) expect(output).not.toMatch(pattern);
}

async function leader(): Promise<string> {
  const path = 'jsonpath={.spec.holderIdentity}';
  const holder = await kubectl(['get', 'lease', '-n', 'kube-system', 'kube-controller-manager', '-o', path]);
  return holder.split('_')[0] ?? 'cp1';
}
