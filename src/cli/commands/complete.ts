import { Command } from 'commander';
import { type Candidate, completionsFor } from '../completion/candidates.ts';
import { FILES_MARK } from '../completion/scripts.ts';
import type { Frame } from '../verb.ts';

/**
 * `quorate __complete -- WORDS...`, hidden: what the completion scripts ask. The last word is the one being typed. Prints one
 * candidate a line, its help behind a tab. Never fails: a shell that completes has no place for an error.
 */
export function completeCommand(frame: Frame): Command {
  const command: Command = new Command('__complete')
    .argument('[words...]')
    .helpOption(false)
    .allowUnknownOption()
    .action(async (words: string[]) => {
      const program = command.parent;
      if (!program) return;
      const { words: candidates, wants } = completionsFor(program, words.slice(0, -1), words.at(-1) ?? '');
      const machines = wants === 'machines' ? await machineCandidates(words) : [];
      const lines = [...candidates, ...machines].map(({ word, help }) => (help === '' ? word : `${word}\t${help}`));
      if (wants === 'files') lines.push(FILES_MARK);
      if (lines.length > 0) frame.io.stdout.write(`${lines.join('\n')}\n`);
    });
  return command;
}

async function machineCandidates(words: readonly string[]): Promise<Candidate[]> {
  try {
    const { findSpec } = await import('../cluster-file.ts');
    const { spec } = await findSpec({ ...wordAfter('file', '-f', words), ...wordAfter('cluster', '', words) });
    const current = words.at(-1) ?? '';
    return spec.machines
      .filter(({ name }) => name.startsWith(current))
      .map(({ name, role, address }) => ({ word: name, help: `${role} ${address}` }));
  } catch {
    return [];
  }
}

function wordAfter<N extends string>(name: N, short: string, words: readonly string[]): { [K in N]?: string } {
  const at = words.findIndex((word) => word === `--${name}` || (short !== '' && word === short));
  const value = at < 0 ? undefined : words[at + 1];
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: string };
}
