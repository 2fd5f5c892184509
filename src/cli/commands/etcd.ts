import type { Command } from 'commander';
import { newCommand } from '../teach.ts';
import type { Frame } from '../verb.ts';
import { etcdMembersCommand, etcdStatusCommand } from './etcd-look.ts';
import { etcdMemberCommand, etcdMoveLeaderCommand } from './etcd-member.ts';
import { snapshotCommand } from './etcd-snapshot.ts';
import { etcdAlarmsCommand, etcdCompactCommand, etcdDefragCommand } from './etcd-space.ts';

/** Subcommands, in the order of the help. Each family is a file of its own. */
const PARTS: readonly ((frame: Frame) => Command)[] = [
  etcdStatusCommand,
  etcdMembersCommand,
  etcdDefragCommand,
  etcdCompactCommand,
  etcdAlarmsCommand,
  etcdMoveLeaderCommand,
  etcdMemberCommand,
  snapshotCommand,
];

/** `quorate etcd …`: the store that everything rests on, member by member. */
export function etcdCommand(frame: Frame): Command {
  const etcd = newCommand('etcd', {
    summary: 'members, space, backups of etcd',
    description:
      'Looks after etcd: members and their health, space, leadership, and backups of everything that it takes to build the cluster again. What takes a member down passes the quorum gate, one member at a time.',
    examples: [
      ['quorate etcd status', 'leader, sizes, fragmentation, alarms'],
      ['quorate etcd snapshot save', 'a backup, now'],
    ],
  });
  for (const make of PARTS) etcd.addCommand(make(frame));
  return etcd;
}
