import type { Command } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';
import { showPlan } from './up.ts';

/** `quorate plan`: the very steps that up would run. */
export function planCommand(frame: Frame): Command {
  return newCommand('plan', {
    summary: 'show what up would do, and change nothing',
    description:
      'Looks at the machines and prints every step that `quorate up` would run now, with its reason. The steps are the same objects that up runs, so the plan cannot differ from the deed.',
    examples: [
      ['quorate plan', 'for ./cluster.yaml, or the demo'],
      ['quorate plan -f prod.yaml -o json', 'as data: `changes` is 0 when nothing is to be done'],
    ],
    takes: ['cluster'],
  }).action(
    verb(frame, 'Plan', async (session) => {
      await session.spec({ showWarnings: true });
      return showPlan(session);
    }),
  );
}
