// The verbs of `quorate machine` that look into a machine.
import { type Command, Option } from 'commander';
import { FAMILIES } from '../../core/error-codes.ts';
import { hasCode, QuorateError } from '../../core/errors.ts';
import type { Emit, EventData } from '../../core/events.ts';
import { abortOnSignals } from '../signals.ts';
import { newCommand } from '../teach.ts';
import { type Frame, type VerbBody, verb } from '../verb.ts';

/** `quorate machine exec NAME -- COMMAND…`. */
export function machineExecCommand(frame: Frame): Command {
  return newCommand('exec', {
    summary: 'run a command on a machine',
    description:
      'Runs a command as root on a machine, without a shell, and ends with its exit code. Options of quorate go before the name of the machine. With -o json the output is captured.',
    examples: [
      ['quorate machine exec cp1 -- crictl ps', ''],
      ["quorate machine exec cp1 -- sh -c 'ls /etc/kubernetes/manifests | wc -l'", 'with a shell'],
    ],
    takes: ['cluster'],
  })
    .argument('<machine>', 'its name')
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
    .action(
      verb(
        frame,
        'MachineExec',
        async (session, { args }) => {
          const [name, words] = args as [string, string[]];
          const argv = words[0] === '--' ? words.slice(1) : words;
          if (argv.length === 0) throw new QuorateError('USAGE', 'there is no command to run', { hint: EXEC_SHAPE });
          const { machineExec } = await import('../../actions/machines.ts');
          const capture = session.options.output === 'json';
          const result = await machineExec(session.ctx, await session.spec(), name, argv, { capture });
          if (!capture) return result.exitCode;
          return { data: result, text: () => result.stdout, exitCode: result.exitCode };
        },
        { isInteractive: true },
      ),
    );
}

const EXEC_SHAPE = 'write it as: quorate machine exec NAME -- COMMAND';

/** `quorate machine shell NAME`. */
export function machineShellCommand(frame: Frame): Command {
  return newCommand('shell', {
    summary: 'open a root shell in a machine',
    description: 'Opens a root shell in a machine, with your terminal. Leave it with exit or Ctrl-D.',
    examples: [['quorate machine shell cp1', '']],
    takes: ['cluster'],
  })
    .argument('<machine>', 'its name')
    .action(
      verb(
        frame,
        'MachineShell',
        async (session, { args }) => {
          const { machineShell } = await import('../../actions/machines.ts');
          return machineShell(session.ctx, await session.spec(), args[0] as string);
        },
        { isInteractive: true },
      ),
    );
}

/** `quorate machine logs NAME`. */
export function machineLogsCommand(frame: Frame): Command {
  return newCommand('logs', {
    summary: 'show what a machine said last, a local one even when it is down',
    description:
      'Shows the last lines of the console and the system journal of a machine of this host, running or not; of a host over SSH those of its journal, while it answers.',
    examples: [
      ['quorate machine logs cp1', ''],
      ['quorate machine logs cp1 --lines 500 --follow', 'and keep showing what comes'],
    ],
    takes: ['cluster'],
  })
    .argument('<machine>', 'its name')
    .addOption(new Option('-n, --lines <count>', 'how many lines to begin with').default('50'))
    .addOption(new Option('--follow', 'keep showing what comes, until Ctrl-C'))
    .action(verb<LogFlags>(frame, 'MachineLogs', showLogs, { isInteractive: true }));
}

interface LogFlags {
  readonly lines: string;
  readonly follow?: boolean;
}

const showLogs: VerbBody<LogFlags> = async (session, { args, options }) => {
  const { machineLogs } = await import('../../actions/machines.ts');
  const machine = args[0] as string;
  const follow = options.follow === true;
  const collected: string[] | undefined = session.options.output === 'json' && !follow ? [] : undefined;
  // Here the lines are the result, not progress.
  const emit: Emit = (code, data) => {
    if (code !== 'note') return session.ctx.emit(code, data);
    const { text } = data as EventData['note'];
    if (collected) collected.push(text);
    else session.io.stdout.write(`${text}\n`);
  };
  const lines = Math.max(1, Number.parseInt(options.lines, 10) || 50);
  const spec = await session.spec();
  const stop = abortOnSignals();
  const signal = AbortSignal.any([session.ctx.signal, stop.signal]);
  try {
    await machineLogs({ ...session.ctx, emit, signal }, spec, machine, { lines, follow });
  } catch (error) {
    // Ctrl-C is the way to end it. The terminal sends it to the program that reads the journal too, or to ssh: whichever ends first.
    if (follow && (stop.signal.aborted || hasCode(error, 'ABORTED'))) return FAMILIES.aborted;
    throw error;
  } finally {
    stop.remove();
  }
  return collected ? { data: { machine, lines: collected }, text: () => '' } : 0;
};
