import { type Command, Option } from 'commander';
import type { NodeReport } from '../../actions/nodes.ts';
import type { Session } from '../session.ts';
import { type Example, newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate node list|cordon|uncordon|drain`: the Nodes of the cluster, in use and out of it. */
export function nodeCommand(frame: Frame): Command {
  const node = newCommand('node', {
    summary: 'look at nodes, and take them out of use',
    description:
      'The Node objects of the cluster, as Kubernetes sees them. Take one out of use before you work on its machine, and back into use afterwards.',
    examples: [
      ['quorate node list', ''],
      ['quorate node drain worker1', 'before its machine goes down'],
      ['quorate node uncordon worker1', 'when it is back'],
    ],
  });
  const commands = [listCommand(frame), scheduleCommand(frame, 'cordon'), scheduleCommand(frame, 'uncordon')];
  for (const command of [...commands, drainCommand(frame)]) node.addCommand(command);
  return node;
}

const NODES = ['<nodes...>', 'names, as quorate node list shows them'] as const;

function listCommand(frame: Frame): Command {
  return newCommand('list', {
    summary: 'show every node and whether pods may come to it',
    description:
      'Lists the nodes of the cluster with roles, kubelet version, readiness, zone and taints, and by whom a node was cordoned: by quorate for an operation of its own, or by its owner.',
    examples: [
      ['quorate node list', ''],
      ['quorate node list -o json', 'as data'],
    ],
    takes: ['cluster'],
  })
    .alias('ls')
    .action(
      verb(frame, 'NodeList', async (session) => {
        const [{ listNodes, openNodeTools }, { renderNodes }] = await Promise.all([
          import('../../actions/nodes.ts'),
          import('../results/nodes.ts'),
        ]);
        const nodes = await listNodes(await openNodeTools(session.ctx, await session.spec()));
        return { data: { nodes }, text: (theme) => renderNodes(nodes, theme) };
      }),
    );
}

interface ScheduleText {
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly Example[];
  readonly done: string;
}

const SCHEDULE: Record<NodeReport['verb'], ScheduleText> = {
  cordon: {
    summary: 'keep new pods off nodes',
    description:
      'Marks nodes unschedulable: what runs there stays, nothing new comes. quorate never uncordons a node that you cordoned, and counts the etcd member of a cordoned control plane as about to go down.',
    examples: [['quorate node cordon worker1', '']],
    done: 'cordoned',
  },
  uncordon: {
    summary: 'let pods come to nodes again',
    description:
      'Marks nodes schedulable again, whoever cordoned them. Pods that were moved away do not come back by themselves.',
    examples: [['quorate node uncordon worker1 worker2', '']],
    done: 'takes pods again',
  },
};

function scheduleCommand(frame: Frame, name: NodeReport['verb']): Command {
  const { done, ...lesson } = SCHEDULE[name];
  return newCommand(name, { ...lesson, takes: ['cluster', 'act'] })
    .argument(...NODES)
    .action(
      verb(frame, 'NodeScheduling', async (session, { args }) => {
        const { openNodeTools, setScheduling } = await import('../../actions/nodes.ts');
        const tools = await openNodeTools(session.ctx, await session.spec());
        const report = await setScheduling(session.ctx, tools, name, args[0] as string[]);
        return {
          data: report,
          text: ({ style, glyphs }) => `${style.green(glyphs.ok)} ${done}: ${report.nodes.join(', ')}`,
        };
      }),
    );
}

function drainCommand(frame: Frame): Command {
  return newCommand('drain', {
    summary: 'move all pods off nodes, and keep new ones off',
    description:
      'Cordons nodes and evicts their pods, one node after the other, as kubectl drain --ignore-daemonsets --delete-emptydir-data does. PodDisruptionBudgets are honoured: what they hold up is tried again until the deadline (10m for each node, --timeout for all), and named. Pods that no controller would make again are refused unless --force is there. It asks first, and says when the etcd quorum could not spare a control plane among them.',
    examples: [
      ['quorate node drain worker1', 'asks first'],
      ['quorate node drain worker1 --yes --timeout 5m', 'in a script'],
      ['quorate node drain worker1 --force', 'also pods that nothing makes again'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument(...NODES)
    .addOption(new Option('--force', 'also end pods without a controller: they are lost'))
    .action(
      verb<{ readonly force?: boolean }>(frame, 'NodeDrain', async (session, { args, options }) => {
        const [{ drainNodes, openNodeTools }, { renderDrain }] = await Promise.all([
          import('../../actions/nodes.ts'),
          import('../results/nodes.ts'),
        ]);
        const { timeoutMs } = session.options;
        const report = await drainNodes(
          session.ctx,
          await openNodeTools(session.ctx, await session.spec()),
          args[0] as string[],
          {
            confirm: (nodes, risk) => session.confirm(question(nodes, risk)),
            force: options.force === true,
            ...(timeoutMs === undefined ? {} : { deadlineMs: timeoutMs }),
          },
        );
        return { data: report, text: (theme: Session['theme']) => renderDrain(report, theme) };
      }),
    );
}

function question(nodes: readonly string[], risk: string | undefined): string {
  const names = nodes.join(', ');
  return risk === undefined ? `Move all pods off ${names}?` : `${risk}. Drain ${names} all the same?`;
}
