import { Command } from 'commander';
import { type Candidate, type Completion, completionsFor } from '../completion/candidates.ts';
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
      const lines = [...candidates, ...(await lookUp(wants, words))].map(({ word, help }) =>
        help === '' ? word : `${word}\t${help}`,
      );
      if (wants === 'files') lines.push(FILES_MARK);
      if (lines.length > 0) frame.io.stdout.write(`${lines.join('\n')}\n`);
    });
  return command;
}

/** Only what this host knows: asking the cluster would be too slow for the Tab key. */
async function lookUp(wants: Completion['wants'], words: readonly string[]): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  try {
    const found = wants === 'runs' ? await runCandidates(words) : await machineCandidates(wants, words);
    return found.filter(({ word }) => word.startsWith(current));
  } catch {
    return [];
  }
}

async function runCandidates(words: readonly string[]): Promise<Candidate[]> {
  const { runIds } = await import('../../actions/runs.ts');
  return (await runIds(wordAfter('cluster', '', words))).map((word) => ({ word, help: '' }));
}

/** From the cluster file; a node has its machine's name, and load balancers are none. */
async function machineCandidates(wants: Completion['wants'], words: readonly string[]): Promise<Candidate[]> {
  if (wants !== 'machines' && wants !== 'nodes') return [];
  const { findSpec } = await import('../cluster-file.ts');
  const { spec } = await findSpec({ ...wordAfter('file', '-f', words), ...wordAfter('cluster', '', words) });
  return spec.machines
    .filter(({ role }) => wants === 'machines' || role !== 'loadbalancer')
    .map(({ name, role, address }) => ({ word: name, help: `${role} ${address}` }));
}

function wordAfter<N extends string>(name: N, short: string, words: readonly string[]): { [K in N]?: string } {
  const at = words.findIndex((word) => word === `--${name}` || (short !== '' && word === short));
  const value = at < 0 ? undefined : words[at + 1];
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: string };
}
