import type { Command } from 'commander';
import type { PowerVerb } from '../../actions/machines.ts';
import { changeResult, confirmPlan } from '../change.ts';
import { type Example, newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';
import { machineExecCommand, machineLogsCommand, machineShellCommand } from './machine-inside.ts';

/** `quorate machine …`: the machines of a cluster, one by one. */
export function machineCommand(frame: Frame): Command {
  const machine = newCommand('machine', {
    summary: 'list, start, stop, kill and enter the machines of the cluster',
    description:
      'A machine is a host that carries a node. Those that quorate makes on this host can be switched off and on, gently or by pulling the plug; any of them can be entered.',
    examples: [
      ['quorate machine list', ''],
      ['quorate machine kill cp1', 'pull the plug: the API keeps answering'],
      ['quorate machine start', 'all of them, after a reboot of this host'],
    ],
  });
  const power = (Object.keys(POWER) as PowerVerb[]).map((name) => powerCommand(frame, name));
  const others = [machineExecCommand, machineShellCommand, machineLogsCommand].map((make) => make(frame));
  for (const command of [listCommand(frame), ...power, replaceCommand(frame), ...others]) machine.addCommand(command);
  return machine;
}

function listCommand(frame: Frame): Command {
  return newCommand('list', {
    summary: 'show every machine and whether it runs',
    description: 'Lists the machines of the cluster with role, address and state.',
    examples: [
      ['quorate machine list', ''],
      ['quorate machine list -o json', 'as data'],
    ],
    takes: ['cluster'],
  })
    .alias('ls')
    .action(
      verb(frame, 'MachineList', async (session) => {
        const [{ listMachines }, { renderMachines }] = await Promise.all([
          import('../../actions/machines.ts'),
          import('../results/machines.ts'),
        ]);
        const machines = await listMachines(session.ctx, await session.spec());
        return { data: { machines }, text: (theme) => renderMachines(machines, theme) };
      }),
    );
}

interface PowerText {
  readonly summary: string;
  readonly description: string;
  readonly done: string;
  readonly examples: readonly Example[];
}

const POWER: Record<PowerVerb, PowerText> = {
  start: {
    summary: 'switch machines on',
    description:
      'Boots machines that are down, with the data they had. Without names all of them; after a reboot of this host that brings the whole cluster back.',
    done: 'started',
    examples: [
      ['quorate machine start cp1', ''],
      ['quorate machine start', 'all of them'],
    ],
  },
  stop: {
    summary: 'shut machines down cleanly',
    description:
      'Shuts machines down as an administrator would. Where etcd would lose its quorum by it, it says so and asks. Without names all of them.',
    done: 'stopped',
    examples: [
      ['quorate machine stop worker1', ''],
      ['quorate machine stop --yes', 'all of them, before this host goes down'],
    ],
  },
  kill: {
    summary: 'pull the plug of machines',
    description:
      'What a power cut does: the network of the machine goes silent, then every process ends at once, and nothing is written back. Where etcd would lose its quorum by it, it says so and asks.',
    done: 'killed',
    examples: [
      ['quorate machine kill cp1', 'the API keeps answering through the virtual IP'],
      ['quorate machine start cp1', 'and it heals by itself'],
    ],
  },
};

function powerCommand(frame: Frame, name: PowerVerb): Command {
  const { done, ...lesson } = POWER[name];
  return newCommand(name, { ...lesson, takes: ['cluster', 'act'] })
    .argument(name === 'kill' ? '<machines...>' : '[machines...]', 'names, as quorate machine list shows them')
    .action(
      verb(frame, 'MachinePower', async (session, { args }) => {
        const { powerMachines } = await import('../../actions/machines.ts');
        const report = await powerMachines(session.ctx, await session.spec(), name, args[0] as string[], {
          confirm: (reason) => session.confirm(`${reason}. Go on?`),
        });
        return {
          data: report,
          text: ({ style, glyphs }) => `${style.green(glyphs.ok)} ${done}: ${report.machines.join(', ')}`,
        };
      }),
    );
}

function replaceCommand(frame: Frame): Command {
  return newCommand('replace', {
    summary: 'make a machine anew that is dead for good',
    description:
      'Removes what is left of a machine from the cluster, its stale member of etcd only if the others keep their quorum by it, and makes a new one under its name. Works for any machine, dead or alive, the first one too.',
    examples: [
      ['quorate machine replace cp2', 'its disk is gone, or the whole machine'],
      ['quorate machine replace cp2 --yes', 'in a script'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('<machine>', 'its name')
    .action(
      verb(frame, 'MachineReplace', async (session, { args }) => {
        const [{ replaceMachine }, { renderPlan }, { renderUp }] = await Promise.all([
          import('../../actions/replace.ts'),
          import('../../report/plan-screen.ts'),
          import('../results/up.ts'),
        ]);
        const confirm = confirmPlan(session, renderPlan);
        const report = await replaceMachine(session.ctx, await session.spec(), args[0] as string, { confirm });
        return changeResult(report, renderUp);
      }),
    );
}
