import { type Command, Option } from 'commander';
import { QuorateError } from '../../core/errors.ts';
import { changeResult, confirmPlan } from '../change.ts';
import type { Session } from '../session.ts';
import { newCommand } from '../teach.ts';
import { type Frame, type VerbBody, type VerbResult, verb } from '../verb.ts';

interface UpFlags {
  readonly dryRun?: boolean;
  readonly bundle?: string;
}

const WHAT_IT_DOES =
  'Compares the cluster with its file, shows what it would do, asks, does it, and waits until the cluster is healthy. Run again it changes nothing; after an interruption it continues where it ended.';

/** `quorate up`: builds the cluster, or brings it in line with its file. */
export function upCommand(frame: Frame): Command {
  const command = newCommand('up', {
    summary: 'build the cluster, or bring it in line with its file',
    description: `${WHAT_IT_DOES} Without a file it is the built-in demo: 3 control planes and 2 workers on this machine.`,
    examples: [
      ['quorate up', 'the demo, or ./cluster.yaml'],
      ['quorate up -f prod.yaml --dry-run', 'only show what would be done'],
      ['quorate up --yes -o json', 'in a script'],
    ],
    takes: ['cluster', 'act'],
  });
  return addUpOptions(command).action(verb<UpFlags>(frame, 'Up', carryOut));
}

/** `quorate apply -f FILE`: the same, and never the demo by accident. */
export function applyCommand(frame: Frame): Command {
  const command = newCommand('apply', {
    summary: 'the same as up, for a named file only',
    description: `${WHAT_IT_DOES} It insists on -f FILE, so that a script in the wrong directory never builds the demo, and never takes another cluster for the one that is meant.`,
    examples: [
      ['quorate apply -f prod.yaml', ''],
      ['quorate apply -f prod.yaml --yes', 'without asking'],
    ],
    takes: ['file', 'act'],
  });
  return addUpOptions(command).action(
    verb<UpFlags>(frame, 'Up', async (session, invocation) => {
      const { file, cluster } = session.options;
      if (file === undefined || cluster !== undefined) {
        const what =
          cluster === undefined ? 'apply needs the cluster file' : 'apply takes the cluster file, not --cluster';
        throw new QuorateError('USAGE', what, {
          hint: 'name it: quorate apply -f cluster.yaml',
        });
      }
      return carryOut(session, invocation);
    }),
  );
}

function addUpOptions(command: Command): Command {
  return command
    .addOption(new Option('--dry-run', 'show the plan and change nothing'))
    .addOption(new Option('--bundle <dir>', 'a directory with artifacts, asked before the network'));
}

const carryOut: VerbBody<UpFlags> = async (session, { options }) => {
  const spec = await session.spec({ showWarnings: true });
  if (options.dryRun) return showPlan(session);
  const [{ up }, { renderPlan }, { renderUp }] = await Promise.all([
    import('../../actions/up.ts'),
    import('../../report/plan-screen.ts'),
    import('../results/up.ts'),
  ]);
  const bundle = options.bundle === undefined ? {} : { bundleDir: options.bundle };
  const report = await up(session.ctx, spec, { ...bundle, confirm: confirmPlan(session, renderPlan) });
  return changeResult(report, renderUp);
};

/** The result of `quorate plan`, and of `up --dry-run`. */
export async function showPlan(session: Session): Promise<VerbResult> {
  const [{ plan }, { renderPlan }] = await Promise.all([
    import('../../actions/plan.ts'),
    import('../../report/plan-screen.ts'),
  ]);
  const report = await plan(session.ctx, await session.spec());
  return { data: report, text: (theme) => renderPlan(report, theme) };
}
