import type { ChangeReport } from '../../actions/carry-out.ts';
import type { CertificateCheck, CertificateList } from '../../actions/certs.ts';
import { formatDuration } from '../../core/wait.ts';
import type { CertificateRow } from '../../pki/inventory.ts';
import { RENEW_BELOW_DAYS } from '../../pki/problems.ts';
import type { ServedPort } from '../../pki/served.ts';
import { count } from '../../report/format.ts';
import { renderConditions } from '../../report/health-screen.ts';
import { type Column, renderTable } from '../../report/table.ts';
import type { Theme } from '../../report/theme.ts';

/** Every certificate on a line, and below what cannot be shown as one. */
export function renderCertificates(list: CertificateList, theme: Theme): string {
  const { style, glyphs } = theme;
  const warn = (text: string) => style.yellow(`${glyphs.warning} ${text}`);
  const memory = list.inMemory.map(({ machine, name, state }) =>
    style.dim(
      `${name} of ${machine}: ${state === 'silent' ? 'not answering' : 'made in memory at its start, signed by itself'}`,
    ),
  );
  const lines = [
    ...list.missing.map(({ machine, name, problems }) => warn(`${name} of ${machine}: ${problems[0]?.detail ?? ''}`)),
    ...list.silent.map(({ name, reason }) => warn(`${name} was left out: ${reason}`)),
    ...memory,
  ];
  const table =
    list.certificates.length === 0 ? 'no certificate to show' : renderTable(columns(theme), list.certificates, theme);
  return [table, ...lines].join('\n');
}

function columns({ style }: Theme): Column<CertificateRow>[] {
  return [
    { header: 'MACHINE', value: ({ machine }) => machine },
    { header: 'NAME', value: ({ name }) => name },
    { header: 'AUTHORITY', value: ({ authority }) => authority },
    { header: 'ENDS', value: ({ ends }) => ends.slice(0, 10) },
    {
      header: 'DAYS',
      value: ({ daysLeft }) => String(daysLeft),
      align: 'right',
      paint: (text, { daysLeft }) =>
        daysLeft < 0 ? style.red(text) : daysLeft < RENEW_BELOW_DAYS ? style.yellow(text) : text,
    },
    {
      header: 'SERVED',
      value: ({ served }) => servedText(served),
      paint: (text, { served }) => (served.every(({ state }) => state === 'same') ? text : style.yellow(text)),
    },
    { header: 'SUBJECT', value: ({ subject }) => subject, shrinks: true },
    { header: 'PATH', value: ({ path }) => path, shrinks: true },
  ];
}

const WORDS: Readonly<Record<ServedPort['state'], string>> = {
  same: 'same as on disk',
  other: 'another one',
  'in-memory': 'in memory',
  silent: 'not answering',
};

function servedText(served: readonly ServedPort[]): string {
  return [...new Set(served.map(({ state }) => WORDS[state]))].join(', ') || '-';
}

/** Every condition on a line, and the verdict. */
export function renderCertificateCheck({ cluster, conditions, good }: CertificateCheck, theme: Theme): string {
  const { style } = theme;
  const failures = conditions.filter(({ state }) => state === 'failed').length;
  const verdict = good
    ? style.green(`the certificates of ${cluster} are well`)
    : style.red(
        `something is wrong with the certificates of ${cluster}: ${failures} of ${conditions.length} conditions do not hold`,
      );
  return `${renderConditions(conditions, theme)}\n\n${verdict}`;
}

/** How a renewal ended. */
export function renderRenewal(
  { cluster, changes, phases, skipped, durationMs }: ChangeReport,
  { style, glyphs }: Theme,
): string {
  const left = skipped.map(({ name, reason }) => style.yellow(`${glyphs.warning} ${name} was left out: ${reason}`));
  const steps = phases.reduce((sum, phase) => sum + phase.steps, 0);
  const done =
    changes === 0
      ? `nothing to renew in ${cluster}`
      : `certificates of ${cluster} are new and in use  ${style.dim(`${count(steps, 'step')}, ${formatDuration(durationMs)}`)}`;
  return [`${style.green(glyphs.ok)} ${done}`, ...left].join('\n');
}
