import { Argument, type Command } from 'commander';
import { COMPLETION_SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate completion SHELL`: the script that makes the Tab key work. */
export function completionCommand(frame: Frame): Command {
  return newCommand('completion', {
    summary: 'print the script that completes quorate commands in your shell',
    description:
      'Prints a shell script that completes commands, options, their values, and the names of your machines. It asks quorate itself, so it never goes out of date.',
    examples: [
      ['source <(quorate completion bash)', 'this shell only'],
      ['quorate completion bash > /etc/bash_completion.d/quorate', 'every new bash'],
      ['quorate completion fish > ~/.config/fish/completions/quorate.fish', 'every new fish'],
    ],
  })
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .action(
      verb(frame, 'Completion', async (_session, { args }) => {
        const shell = args[0] as Shell;
        const script = COMPLETION_SCRIPTS[shell];
        return { data: { shell, script }, text: () => script };
      }),
    );
}
