// The requirements' own commands, on a control plane, as a person types them there.
import { beforeAll, describe, expect, it } from 'vitest';
import { REQUIREMENT_COMMANDS, type RequirementCommand } from './requirements.ts';
import { CLUSTER_FILE, mustRun } from './support/cli.ts';
import { useHealthyCluster } from './support/health.ts';
import { kubectl } from './support/kubectl.ts';

/** Runs each argument in a login shell of its own, without a terminal; one line each: exit code, output in base64. */
const EACH_IN_A_LOGIN_SHELL = `
for command in "$@"; do
  output=$(bash -lc "$command" </dev/null 2>&1)
  echo "$? $(printf %s "$output" | base64 -w 0)"
done`;

interface Answer {
  readonly exitCode: number;
  /** Standard output and error. */
  readonly output: string;
}

const answers = new Map<string, Answer>();

useHealthyCluster();

beforeAll(async () => {
  const holder = await leader();
  await ask('cp1', commandsOn('cp1'));
  await ask(holder, commandsOn('leader'));
});

describe.each([1, 3] as const)('requirements %i', (text) => {
  it.each(REQUIREMENT_COMMANDS.filter((row) => row.text === text))('$printed', (row) => {
    expectAnswer(row.command ?? row.printed, row);
    if (row.moved) expectAnswer(row.moved.command, row.moved);
  });
});

function commandsOn(machine: 'cp1' | 'leader'): readonly string[] {
  return REQUIREMENT_COMMANDS.filter(({ on = 'cp1' }) => on === machine).flatMap(({ command, printed, moved }) => [
    command ?? printed,
    ...(moved ? [moved.command] : []),
  ]);
}

/** All in one go: entering the machine anew for each would take longer than the commands. */
async function ask(machine: string, commands: readonly string[]): Promise<void> {
  const words = ['bash', '-c', EACH_IN_A_LOGIN_SHELL, 'bash', ...commands];
  const { stdout } = await mustRun(['machine', 'exec', '-f', CLUSTER_FILE, machine, '--', ...words]);
  for (const [index, line] of stdout.split('\n').entries()) {
    const [exitCode, encoded = ''] = line.split(' ');
    const output = Buffer.from(encoded, 'base64').toString();
    answers.set(commands[index] ?? '', { exitCode: Number(exitCode), output });
  }
}

function expectAnswer(command: string, wanted: Pick<RequirementCommand, 'expect' | 'never' | 'exitCode'>): void {
  const { exitCode, output } = answers.get(command) ?? { exitCode: -1, output: 'was not run' };
  if (wanted.exitCode !== null) expect(exitCode, `${command}\n${output}`).toBe(wanted.exitCode ?? 0);
  for (const pattern of wanted.expect) expect(output).toMatch(pattern);
  for (const pattern of wanted.never ?? []) expect(output).not.toMatch(pattern);
}

async function leader(): Promise<string> {
  const path = 'jsonpath={.spec.holderIdentity}';
  const holder = await kubectl(['get', 'lease', '-n', 'kube-system', 'kube-controller-manager', '-o', path]);
  return holder.split('_')[0] ?? 'cp1';
}
