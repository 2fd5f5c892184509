// The few programs that every fake machine has, so that tests script only what they are about.
import type { FakeAnswer, FakeCommand, FakeMachine, FakeRule } from './fake-machine.ts';

type Program = (args: readonly string[], command: FakeCommand, machine: FakeMachine) => FakeAnswer;

const PROGRAMS: Readonly<Record<string, Program>> = {
  true: () => ({}),
  false: () => ({ exitCode: 1 }),
  echo: (args) => ({ stdout: `${args.join(' ')}\n` }),
  hostname: (_args, _command, machine) => ({ stdout: `${machine.spec.name}\n` }),
  env: (_args, { env }) => ({
    stdout: Object.entries(env)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  }),
  sleep: ([seconds = '0']) => ({ runMs: Number(seconds) * 1000 }),
  cat,
  stat,
  rm: (args, _command, machine) => {
    for (const path of args) machine.files.delete(path);
    return {};
  },
  sh,
};

function cat(paths: readonly string[], { stdin }: FakeCommand, machine: FakeMachine): FakeAnswer {
  if (paths.length === 0) return { stdout: stdin };
  const missing = paths.find((path) => !machine.files.has(path));
  if (missing !== undefined) return { exitCode: 1, stderr: `cat: ${missing}: No such file or directory\n` };
  return { stdout: Buffer.concat(paths.map((path) => machine.files.get(path)?.content ?? Buffer.alloc(0))) };
}

/** `stat -c %a PATH` only. */
function stat(args: readonly string[], _command: FakeCommand, machine: FakeMachine): FakeAnswer {
  const path = args.at(-1) ?? '';
  const file = machine.files.get(path);
  if (file === undefined) return { exitCode: 1, stderr: `stat: cannot statx '${path}': No such file or directory\n` };
  return { stdout: `${file.mode.toString(8)}\n` };
}

/** `sh -c 'exit N'`, with a text for standard error before it: `echo TEXT >&2; exit N`. Other scripts succeed silently. */
function sh(args: readonly string[]): FakeAnswer {
  const script = args[0] === '-c' ? (args[1] ?? '') : '';
  const exitCode = Number(/\bexit (\d+)\s*$/.exec(script)?.[1] ?? 0);
  const stderr = /^echo (.*?) >&2;/.exec(script)?.[1];
  return { exitCode, ...(stderr === undefined ? {} : { stderr: `${stderr}\n` }) };
}

/** The answer to a command: the machine's rules, the driver's, the programs above; undefined for "no such program". */
export async function answerTo(
  command: FakeCommand,
  machine: FakeMachine,
  rules: readonly FakeRule[],
): Promise<FakeAnswer | undefined> {
  const rule = [...machine.rules, ...rules].find(({ when }) =>
    typeof when === 'function' ? when(command, machine) : when.every((word, index) => command.argv[index] === word),
  );
  if (rule !== undefined) return typeof rule.answer === 'function' ? rule.answer(command, machine) : rule.answer;
  const [name = '', ...args] = command.argv;
  const program = Object.hasOwn(PROGRAMS, name) ? PROGRAMS[name] : undefined;
  return program?.(args, command, machine);
}
