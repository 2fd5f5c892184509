import { type Command, Option } from 'commander';
import { changeResult, confirmPlan } from '../change.ts';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate etcd move-leader`: another leader without an election. */
export function etcdMoveLeaderCommand(frame: Frame): Command {
  return newCommand('move-leader', {
    summary: 'hand the leadership to another member',
    description:
      'Hands the leadership of etcd over, to the member named or to the healthiest follower. No election is needed and no write fails; use it before you work on the machine of the leader.',
    examples: [
      ['quorate etcd move-leader', 'to the healthiest follower'],
      ['quorate etcd move-leader cp2', 'to this one'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('[member]', 'its name, id or address')
    .action(
      verb(frame, 'EtcdLeader', async (session, { args }) => {
        const [{ moveLeadership }, { renderLeader }] = await Promise.all([
          import('../../actions/etcd-members.ts'),
          import('../results/etcd.ts'),
        ]);
        const report = await moveLeadership(session.ctx, await session.spec(), args[0] as string | undefined);
        return { data: report, text: (theme) => renderLeader(report, theme) };
      }),
    );
}

/** `quorate etcd member remove|replace`: one member that is of no use as it is. */
export function etcdMemberCommand(frame: Frame): Command {
  const member = newCommand('member', {
    summary: 'remove a member, or give it new data',
    description:
      'For a member that is lost, damaged, stuck as a learner or left over. What takes a vote away passes the quorum gate.',
    examples: [
      ['quorate etcd member replace cp2', 'its data is lost or damaged; its machine is fine'],
      ['quorate etcd member remove 8e9e05c52164694d', 'a learner that never started'],
    ],
  });
  for (const make of [removeCommand, replaceCommand]) member.addCommand(make(frame));
  return member;
}

function removeCommand(frame: Frame): Command {
  return newCommand('remove', {
    summary: 'take a member out of etcd',
    description:
      'Removes a member from the list that etcd keeps, if the others keep their quorum by it: a leftover of a machine that is gone, or a learner that is stuck. A voter whose machine cluster.yaml names is refused without --force, for its API server could not serve; the next apply would let it join again.',
    examples: [
      ['quorate etcd member remove 8e9e05c52164694d', 'by its id'],
      ['quorate etcd member remove 10.87.0.14', 'by its address: a learner that never started has no name'],
      ['quorate etcd member remove cp2 --force', 'although cluster.yaml names its machine'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('<member>', 'its name, id or address, as quorate etcd members shows them')
    .addOption(new Option('--force', 'also a voter whose machine cluster.yaml names'))
    .action(
      verb<{ readonly force?: boolean }>(frame, 'EtcdMemberRemoval', async (session, { args, options }) => {
        const [{ removeMemberOf }, { renderRemoval }, { renderPlan }] = await Promise.all([
          import('../../actions/etcd-members.ts'),
          import('../results/etcd.ts'),
          import('../../report/plan-screen.ts'),
        ]);
        const report = await removeMemberOf(session.ctx, await session.spec(), args[0] as string, {
          confirm: confirmPlan(session, renderPlan),
          force: options.force === true,
        });
        return { data: report, text: (theme) => renderRemoval(report, theme) };
      }),
    );
}

function replaceCommand(frame: Frame): Command {
  return newCommand('replace', {
    summary: 'give a member new data, on a machine that is fine',
    description:
      'For a member whose data is lost or damaged, whose process crashes, or which is stuck as a learner. Its API server is stopped unseen by clients, the old member leaves etcd through the quorum gate, its data is moved aside (/var/lib/etcd/removed-…, the newest copy stays), and a new member joins as a learner, catches up and gets its vote. For a machine that is dead for good: quorate machine replace.',
    examples: [
      ['quorate etcd member replace cp2', 'shows what it would do, and asks'],
      ['quorate etcd member replace cp2 --yes', 'in a script'],
    ],
    takes: ['cluster', 'act'],
  })
    .argument('<machine>', 'the name of its machine')
    .action(
      verb(frame, 'EtcdMemberReplace', async (session, { args }) => {
        const [{ replaceMemberOf }, { renderPlan }, { renderUp }] = await Promise.all([
          import('../../actions/etcd-members.ts'),
          import('../../report/plan-screen.ts'),
          import('../results/up.ts'),
        ]);
        const confirm = confirmPlan(session, renderPlan);
        const report = await replaceMemberOf(session.ctx, await session.spec(), args[0] as string, { confirm });
        return changeResult(report, renderUp);
      }),
    );
}
