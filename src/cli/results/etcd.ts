import type { LeaderReport, RemovalReport } from '../../actions/etcd-members.ts';
import type { ClearReport, CompactReport, DefragReport } from '../../actions/etcd-space.ts';
import { formatDuration } from '../../core/wait.ts';
import type { Defragmented } from '../../phases/change/defrag-member.ts';
import type { LeftAlone } from '../../phases/maintain-etcd.ts';
import type { EtcdAlarm, EtcdMember, EtcdMemberRow, EtcdReport } from '../../report/etcd.ts';
import { bytes, count, percent } from '../../report/format.ts';
import { type Column, renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** The members as a table, alarms and quorum below. */
export function renderEtcd(report: EtcdReport, theme: Theme): string {
  return [
    renderTable<EtcdMemberRow>(statusColumns(theme), report.members, theme),
    ...errorLines(report.members, theme),
    quorumLine(report, theme),
    renderAlarms(report.alarms, theme),
  ].join('\n');
}

function statusColumns({ style }: Theme): Column<EtcdMemberRow>[] {
  const colour = { leader: style.green, follower: (text: string) => text, learner: style.yellow, down: style.red };
  const share = (value: number | undefined) => (value === undefined ? '-' : percent(value));
  const size = (value: number | undefined) => (value === undefined ? '-' : bytes(value));
  return [
    { header: 'MEMBER', value: ({ name }) => name },
    { header: 'ID', value: ({ id }) => id },
    { header: 'ROLE', value: ({ role }) => role, paint: (text, { role }) => colour[role](text) },
    { header: 'VERSION', value: ({ version }) => version ?? '-' },
    { header: 'DB SIZE', value: ({ dbSizeBytes }) => size(dbSizeBytes), align: 'right' },
    { header: 'IN USE', value: ({ dbInUseBytes }) => size(dbInUseBytes), align: 'right' },
    { header: 'UNUSED', value: (row) => share(row.fragmentation), align: 'right' },
    {
      header: 'QUOTA',
      value: ({ quotaUsed }) => share(quotaUsed),
      align: 'right',
      paint: (text, { quotaUsed = 0 }) => (quotaUsed < QUOTA_WARNING ? text : style.red(text)),
    },
    { header: 'TERM', value: ({ raftTerm }) => String(raftTerm ?? '-'), align: 'right' },
    { header: 'INDEX', value: ({ raftIndex }) => String(raftIndex ?? '-'), align: 'right' },
    { header: 'LAG', value: ({ appliedLag }) => String(appliedLag ?? '-'), align: 'right' },
  ];
}

/** etcd's own alert has 95 % (contrib/mixin, etcdDatabaseQuotaLowSpace); there is still time to act at 80 %. */
const QUOTA_WARNING = 0.8;

function errorLines(members: readonly EtcdMemberRow[], { style, glyphs }: Theme): string[] {
  // Every member repeats every alarm among its errors; they have lines of their own.
  const isAlarm = (error: string) => /^memberID:\d+ alarm:/.test(error);
  return members.flatMap(({ name, errors }) =>
    errors.filter((error) => !isAlarm(error)).map((error) => style.red(`${glyphs.failed} ${name}: ${error}`)),
  );
}

function quorumLine({ quorum }: EtcdReport, { style, glyphs }: Theme): string {
  const now = `${quorum.up} of ${quorum.voters} up`;
  if (quorum.survives > 0) return `${style.green(glyphs.ok)} ${quorum.text}; ${now}`;
  const next = quorum.survives < 0 ? 'quorum lost' : 'the next failure stops writes';
  return style.yellow(`${glyphs.warning} ${quorum.text}; ${now}: ${next}`);
}

/** The alarms, a line each, with what to do. */
export function renderAlarms(alarms: readonly EtcdAlarm[], { style, glyphs }: Theme): string {
  if (alarms.length === 0) return `${style.green(glyphs.ok)} no alarms`;
  return alarms
    .map(({ alarm, memberId, member }) => {
      const whose = member ?? `${memberId}, which is no member any more`;
      const isToReplace = alarm === 'CORRUPT' && member !== undefined;
      const remedy = isToReplace ? `quorate etcd member replace ${member}` : 'quorate etcd alarms clear';
      return style.red(`${glyphs.failed} alarm ${alarm} on ${whose}: ${remedy}`);
    })
    .join('\n');
}

/** The list of members as a table. */
export function renderMembers(members: readonly EtcdMember[], theme: Theme): string {
  const { style } = theme;
  return renderTable<EtcdMember>(
    [
      { header: 'MEMBER', value: ({ name }) => name },
      { header: 'ID', value: ({ id }) => id },
      {
        header: 'VOTE',
        value: ({ isLearner }) => (isLearner ? 'learner' : 'voter'),
        paint: (text, { isLearner }) => (isLearner ? style.yellow(text) : text),
      },
      {
        header: 'MACHINE',
        value: ({ machine }) => machine ?? 'not in cluster.yaml',
        paint: (text, { machine }) => (machine === undefined ? style.red(text) : text),
      },
      { header: 'PEER URLS', value: ({ peerURLs }) => peerURLs.join(' ') },
      { header: 'CLIENT URLS', value: ({ clientURLs }) => clientURLs.join(' ') || '-', shrinks: true },
    ],
    members,
    theme,
  );
}

/** The files before and after. */
export function renderDefrag(report: DefragReport, theme: Theme): string {
  const { style } = theme;
  const lines = [...defragmentedLines(report.defragmented, theme), ...skippedLines(report.skipped, theme)];
  if (report.defragmented.length > 0) return [...lines, `  ${style.dim(formatDuration(report.durationMs))}`].join('\n');
  return [...lines, `${theme.glyphs.ok} nothing to do; --force takes them all the same`].join('\n');
}

function defragmentedLines(results: readonly Defragmented[], { style, glyphs }: Theme): string[] {
  return results.map(({ name, beforeBytes, afterBytes, durationMs }) => {
    const took = style.dim(`busy for ${formatDuration(durationMs)}`);
    return `${style.green(glyphs.ok)} ${name}: ${bytes(beforeBytes)} before, ${bytes(afterBytes)} after  ${took}`;
  });
}

function skippedLines(skipped: readonly LeftAlone[], { style }: Theme): string[] {
  return skipped.map(({ name, reason }) => style.dim(`  ${name} is left as it is: ${reason}`));
}

/** How far the history is gone. */
export function renderCompact({ keep, revision, compacted }: CompactReport, { style, glyphs }: Theme): string {
  if (revision === undefined) return `${style.green(glyphs.ok)} there are fewer than ${keep} revisions: nothing to do`;
  const what = compacted ? `compacted to revision ${revision}` : `was compacted beyond revision ${revision} already`;
  const next = compacted ? '; the files shrink by: quorate etcd defrag' : '';
  return `${style.green(glyphs.ok)} ${what}, the last ${keep} are kept${next}`;
}

/** What was found and what was done about it. */
export function renderClear(report: ClearReport, theme: Theme): string {
  const { style, glyphs } = theme;
  if (report.alarms.length === 0) return `${style.green(glyphs.ok)} no alarms: nothing to do`;
  const found = report.alarms.map(({ alarm, member, memberId }) => `${alarm} on ${member ?? memberId}`).join(', ');
  return [
    `  found: ${found}`,
    ...(report.revision === undefined ? [] : [`  compacted to revision ${report.revision}`]),
    ...defragmentedLines(report.defragmented, theme),
    ...skippedLines(report.skipped, theme),
    `${style.green(glyphs.ok)} ${count(report.alarms.length, 'alarm')} cleared; a key was written and deleted again  ${style.dim(formatDuration(report.durationMs))}`,
  ].join('\n');
}

/** Who leads now. */
export function renderLeader({ from, to, moved }: LeaderReport, { style, glyphs }: Theme): string {
  if (!moved) return `${style.green(glyphs.ok)} ${to} leads already`;
  return `${style.green(glyphs.ok)} ${to} leads now${from === undefined ? '' : `, before it was ${from}`}`;
}

/** Who is gone. */
export function renderRemoval({ name, id, wasLearner }: RemovalReport, { style, glyphs }: Theme): string {
  const what = wasLearner ? 'the learner' : 'the voter';
  return `${style.green(glyphs.ok)} ${what} ${name === id ? id : `${name} (${id})`} is no member of etcd any more`;
}
