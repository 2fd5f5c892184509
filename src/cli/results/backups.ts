import type { SealingKeyReport } from '../../actions/backup-key.ts';
import type { BackupStatus, FetchedBackup, PruneReport } from '../../actions/backups.ts';
import type { RehearsalReport } from '../../actions/rehearse.ts';
import type { SaveReport } from '../../actions/save-backup.ts';
import type { KeyReport } from '../../actions/show-key.ts';
import type { Verification, VerifyReport } from '../../actions/verify-backups.ts';
import type { ArchiveList, StoredArchive, StoreProblem } from '../../backup/store.ts';
import { formatDuration } from '../../core/wait.ts';
import { age, bytes, count } from '../../report/format.ts';
import { renderConditions } from '../../report/health-screen.ts';
import { renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** The backups as a table, the newest first, and what could not be seen. */
export function renderBackups({ archives, problems }: ArchiveList, theme: Theme, nowMs = Date.now()): string {
  const table =
    archives.length === 0
      ? 'there are no backups'
      : renderTable<StoredArchive>(
          [
            { header: 'NAME', value: ({ name }) => name },
            { header: 'AGE', value: ({ label }) => age(nowMs - Date.parse(label.takenAt)), align: 'right' },
            { header: 'SIZE', value: ({ label }) => bytes(label.sizeBytes), align: 'right' },
            { header: 'REVISION', value: ({ label }) => String(label.revision), align: 'right' },
            { header: 'KUBERNETES', value: ({ label }) => label.kubernetesVersion },
            { header: 'ETCD', value: ({ label }) => label.etcdVersion },
            { header: 'WHERE', value: ({ places }) => places.join(','), shrinks: true },
          ],
          archives,
          theme,
        );
  return [table, ...problemLines(problems, theme)].join('\n');
}

function problemLines(problems: readonly StoreProblem[], { style, glyphs }: Theme): readonly string[] {
  return problems.map(({ place, problem }) => `${style.yellow(glyphs.warning)} ${place}: ${problem}`);
}

/** What is known of one backup, line by line. */
export function renderBackupStatus(
  { name, places, facts }: BackupStatus,
  { style }: Theme,
  nowMs = Date.now(),
): string {
  const objects = Object.entries(facts.objects).sort(([, a], [, b]) => b - a);
  const lines: [string, string][] = [
    ['Cluster', `${facts.cluster}  Kubernetes ${facts.kubernetesVersion}, etcd ${facts.etcdVersion}`],
    ['Taken', `${facts.takenAt} on ${facts.machine}, ${age(nowMs - Date.parse(facts.takenAt))} ago`],
    ['Revision', `${facts.revision}, ${count(facts.keys, 'key')} without a lease`],
    ['Snapshot', bytes(facts.snapshotBytes)],
    ['Content', facts.contentHash],
    ['Objects', objects.map(([resource, number]) => `${number} ${resource}`).join(', ') || 'none'],
    ['Where', places.join(', ')],
  ];
  if ('sha256' in facts) {
    lines.push(['Archive', `${bytes(facts.sizeBytes)}, SHA-256 ${facts.sha256}`]);
    lines.push([
      'Opens with',
      [...facts.recipients, ...(facts.lockedIdentity === undefined ? [] : ['its passphrase'])].join(', '),
    ]);
  }
  return [style.bold(name), ...lines.map(([word, text]) => `${word.padEnd(11)}${text}`)].join('\n');
}

/** Each backup on a line, and the verdict. */
export function renderVerification({ archives, problems }: VerifyReport, theme: Theme): string {
  const { style, glyphs } = theme;
  const line = ({ name, ok, meta, error, durationMs }: Verification) =>
    ok
      ? `${style.green(glyphs.ok)} ${name} is whole  ${style.dim(`revision ${meta?.revision}, ${formatDuration(durationMs)}`)}`
      : `${style.red(glyphs.failed)} ${name}: ${error?.message}  ${style.dim(error?.code ?? '')}`;
  return [...archives.map(line), ...problemLines(problems, theme)].join('\n');
}

/** Where the new backup is. */
export function renderSave(report: SaveReport, { style, glyphs }: Theme): string {
  const { archive, machine, sizeBytes, path, durationMs } = report;
  const copied = path === undefined ? '' : `\n  copied to ${path}`;
  return `${style.green(glyphs.ok)} ${archive} on ${machine}  ${style.dim(`${bytes(sizeBytes)}, ${formatDuration(durationMs)}`)}${copied}`;
}

/** Where the copy is. */
export function renderFetched({ path, sizeBytes }: FetchedBackup, { style, glyphs }: Theme): string {
  return `${style.green(glyphs.ok)} ${path}  ${style.dim(bytes(sizeBytes))}`;
}

/** What is gone, and where it could not be removed. */
export function renderPruned({ removed, kept, problems }: PruneReport, theme: Theme): string {
  const { style, glyphs } = theme;
  const what = removed.length === 0 ? 'nothing to remove' : `removed: ${removed.join(', ')}`;
  return [`${style.green(glyphs.ok)} ${what}; ${count(kept, 'backup')} left`, ...problemLines(problems, theme)].join(
    '\n',
  );
}

/** The checks, and what a restore would take and lose. */
export function renderRehearsal(report: RehearsalReport, theme: Theme): string {
  const { style, glyphs } = theme;
  const { archive, outcome, conditions, restoreMs, recoveryPointMs, snapshotBytes, recordedOn } = report;
  const verdict =
    outcome === 'ok'
      ? style.green(`${glyphs.ok} ${archive} brings the cluster back`)
      : style.red(`${glyphs.failed} ${archive} does not bring the cluster back`);
  const time =
    restoreMs === undefined ? 'no API server answered' : `an API server answered after ${formatDuration(restoreMs)}`;
  return [
    renderConditions(conditions, theme),
    '',
    verdict,
    `  recovery time   ${time} (snapshot of ${bytes(snapshotBytes)})`,
    `  recovery point  ${age(recoveryPointMs)} before the rehearsal began`,
    `  recorded on     ${recordedOn.join(', ') || 'no control plane'}`,
  ].join('\n');
}

/** Who can open backups, and where the key lies. */
export function renderKey(report: KeyReport, theme: Theme): string {
  const { style, glyphs } = theme;
  const { recipients, source, identityPath, identities, isLocked } = report;
  const rows = recipients.map(
    ({ recipient, isHere }) => `  ${recipient}${isHere ? style.green('  its identity is on this host') : ''}`,
  );
  const canOpen = recipients.some(({ isHere }) => isHere);
  const none =
    isLocked === undefined ? '  not known: no control plane answers' : '  none yet: the next apply makes one';
  return [
    `Recipients (${source}):`,
    ...(rows.length === 0 ? [none] : rows),
    `Identities on this host: ${identities === 0 ? `none at ${identityPath}` : `${identities} in ${identityPath}`}`,
    ...(isLocked === undefined
      ? []
      : [`With a passphrase: ${isLocked ? 'yes, the locked identity is in every label' : 'no'}`]),
    ...(canOpen || recipients.length === 0
      ? []
      : [style.yellow(`${glyphs.warning} this host cannot open the backups of ${report.cluster}`)]),
  ].join('\n');
}

/** What was set, and where. */
export function renderKeyCreated(report: SealingKeyReport, { style, glyphs }: Theme): string {
  const { recipients, identityPath, isLocked, machines, skipped } = report;
  return [
    `${style.green(glyphs.ok)} backups are sealed to ${recipients.join(', ')}`,
    `  the identity is in ${identityPath}: keep a copy of it somewhere else`,
    ...(isLocked ? ['  labels carry it, locked with the passphrase'] : []),
    `  told: ${machines.join(', ')}${skipped.length === 0 ? '' : `; not reached: ${skipped.join(', ')}`}`,
  ].join('\n');
}
