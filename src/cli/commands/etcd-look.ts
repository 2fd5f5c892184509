import type { Command } from 'commander';
import { newCommand } from '../teach.ts';
import { type Frame, verb } from '../verb.ts';

/** `quorate etcd status`: every member as it describes itself. */
export function etcdStatusCommand(frame: Frame): Command {
  return newCommand('status', {
    summary: 'show every member: role, size, holes, quota, lag, errors, alarms',
    description:
      'Asks every member of etcd for its state: who leads, how large its file is and how much of that is unused, how near it is to its quota, how far it is behind. Below it alarms, and what the quorum survives. It works while machines are down; when no quorum answers it says what every machine said, and ends with exit code 6.',
    examples: [
      ['quorate etcd status', ''],
      ['quorate etcd status -o json', 'as data'],
    ],
    takes: ['cluster'],
  }).action(
    verb(frame, 'EtcdStatus', async (session) => {
      const [{ etcdStatus }, { renderEtcd }] = await Promise.all([
        import('../../actions/etcd.ts'),
        import('../results/etcd.ts'),
      ]);
      const report = await etcdStatus(session.ctx, await session.spec());
      return { data: report, text: (theme) => renderEtcd(report, theme) };
    }),
  );
}

/** `quorate etcd members`: who is in, and where. */
export function etcdMembersCommand(frame: Frame): Command {
  return newCommand('members', {
    summary: 'list the members: voters, learners, and which machine each is on',
    description:
      'The list of members that etcd keeps, with their ids and URLs. A learner that has never started has no name yet, only an id and an address; a member without a machine in cluster.yaml is a leftover.',
    examples: [
      ['quorate etcd members', ''],
      ['quorate etcd members -o json', 'as data'],
    ],
    takes: ['cluster'],
  }).action(
    verb(frame, 'EtcdMemberList', async (session) => {
      const [{ listMembers }, { renderMembers }] = await Promise.all([
        import('../../actions/etcd.ts'),
        import('../results/etcd.ts'),
      ]);
      const members = await listMembers(session.ctx, await session.spec());
      return { data: { members }, text: (theme) => renderMembers(members, theme) };
    }),
  );
}
