// `quorate status`: whether this cluster survives the next failure, on one screen.

import { formatDuration } from '../core/wait.ts';
import { RENEW_BELOW_DAYS } from '../pki/problems.ts';
import { age, bytes, count } from './format.ts';
import { renderConditions } from './health-screen.ts';
import type { EtcdRow, StatusReport } from './status.ts';
import { type Column, renderTable } from './table.ts';
import type { Theme } from './theme.ts';

const INDENT = '  ';

/** The status as text, sections in the order in which a person asks. */
export function renderStatus(report: StatusReport, theme: Theme): string {
  const sections = [
    headline(report, theme),
    section('Quorum', [quorumLine(report, theme)], theme),
    section('Endpoint', [endpointLine(report, theme)], theme),
    table('etcd', etcdColumns(theme), report.etcd, 'no member answers', theme),
    table('API servers', apiColumns(theme), report.apiServers, 'none', theme),
    table('Leaders', LEASE_COLUMNS, report.leases, 'unknown: the API does not answer', theme),
    table('Machines', machineColumns(theme), report.machines, 'none', theme),
    section('Certificates', certificateLines(report, theme), theme),
    section('Backups', backupLines(report, theme), theme),
    warnings(report, theme),
  ];
  return sections.filter((text) => text !== '').join('\n');
}

function headline(report: StatusReport, { style }: Theme): string {
  return `${style.bold(report.cluster)}  Kubernetes ${report.kubernetesVersion}`;
}

function section(title: string, lines: readonly string[], { style }: Theme): string {
  const label = style.cyan(title.padEnd(13));
  return lines.map((line, index) => (index === 0 ? `${label}${line}` : `${' '.repeat(13)}${line}`)).join('\n');
}

function quorumLine({ quorum }: StatusReport, { style }: Theme): string {
  const have = `${quorum.up} of ${count(quorum.voters, 'voter')} up, ${quorum.needed} needed`;
  if (quorum.survives < 0) return `${style.red('quorum lost')}: ${have}; writes are refused until it is back`;
  if (quorum.survives === 0) {
    const why = quorum.designed === 0 ? 'by design: one more failure stops writes' : 'the next failure stops writes';
    return `${style.yellow('survives no failure')}: ${have}; ${why}`;
  }
  return `${style.green(`survives ${count(quorum.survives, 'more failure')}`)}: ${have}`;
}

function endpointLine({ endpoint }: StatusReport, { style }: Theme): string {
  const answer = endpoint.ready ? style.green('answers') : style.red(endpoint.detail ?? 'does not answer');
  const holder = endpoint.vipHolders.length === 0 ? '' : `, virtual IP on ${endpoint.vipHolders.join(' and ')}`;
  return `${endpoint.url} ${answer}${holder}`;
}

function etcdColumns({ style }: Theme): Column<EtcdRow>[] {
  const paint = (text: string, { role }: EtcdRow) =>
    role === 'leader'
      ? style.green(text)
      : role === 'down'
        ? style.red(text)
        : role === 'learner'
          ? style.yellow(text)
          : text;
  return [
    { header: 'MEMBER', value: ({ name }) => name },
    { header: 'ROLE', value: ({ role }) => role, paint },
    { header: 'ID', value: ({ id }) => id },
    { header: 'VERSION', value: ({ version }) => version ?? '-' },
    { header: 'DB SIZE', value: ({ dbSizeBytes }) => maybeBytes(dbSizeBytes), align: 'right' },
    { header: 'IN USE', value: ({ dbInUseBytes }) => maybeBytes(dbInUseBytes), align: 'right' },
    { header: 'TERM', value: ({ raftTerm }) => String(raftTerm ?? '-'), align: 'right' },
    { header: 'INDEX', value: ({ raftIndex }) => String(raftIndex ?? '-'), align: 'right' },
  ];
}

function apiColumns({ style }: Theme): Column<StatusReport['apiServers'][number]>[] {
  return [
    { header: 'MACHINE', value: ({ machine }) => machine },
    {
      header: 'READY',
      value: ({ ready }) => (ready ? 'ready' : 'not ready'),
      paint: (text, { ready }) => (ready ? style.green(text) : style.red(text)),
    },
    {
      header: 'LOAD BALANCERS',
      value: ({ balancers, balancersUp }) => (balancers === 0 ? '-' : `up in ${balancersUp} of ${balancers}`),
      paint: (text, { balancers, balancersUp }) => (balancersUp < balancers ? style.yellow(text) : text),
    },
    { header: 'DETAIL', value: ({ detail }) => detail ?? '', shrinks: true },
  ];
}

const LEASE_COLUMNS: Column<StatusReport['leases'][number]>[] = [
  { header: 'LEASE', value: ({ name }) => name },
  { header: 'HOLDER', value: ({ holder }) => holder || 'nobody' },
  { header: 'RENEWED', value: ({ renewedAgoMs }) => `${(renewedAgoMs / 1000).toFixed(1)} s ago`, align: 'right' },
  { header: 'CHANGES', value: ({ transitions }) => String(transitions), align: 'right' },
];

function machineColumns({ style }: Theme): Column<StatusReport['machines'][number]>[] {
  return [
    { header: 'MACHINE', value: ({ name }) => name },
    { header: 'ROLE', value: ({ role }) => role },
    { header: 'ZONE', value: ({ zone }) => zone ?? '-' },
    { header: 'ADDRESS', value: ({ address }) => address },
    {
      header: 'POWER',
      value: ({ state }) => state,
      paint: (text, { state }) => (state === 'running' ? text : style.red(text)),
    },
    {
      header: 'NODE',
      value: ({ node, schedulable }) => (node === 'none' ? '-' : schedulable ? node : `${node}, cordoned`),
      paint: (text, { node }) => (node === 'none' ? text : node === 'Ready' ? style.green(text) : style.red(text)),
    },
    { header: 'KUBELET', value: ({ version }) => version ?? '-' },
  ];
}

function certificateLines({ certificates, failedRenewals }: StatusReport, { style }: Theme): string[] {
  const failures = failedRenewals.map(({ machine, at, error }) =>
    style.yellow(`${machine} could not renew its own at ${at}: ${error}`),
  );
  const [first] = [...certificates].sort((a, b) => a.daysLeft - b.daysLeft);
  if (!first) return ['none can be read', ...failures];
  const text = `the first ends in ${count(first.daysLeft, 'day')}: ${first.path} on ${first.machine}`;
  return [first.daysLeft < RENEW_BELOW_DAYS ? style.yellow(text) : text, ...failures];
}

function backupLines({ backups }: StatusReport, { style }: Theme): string[] {
  const { lastSuccess, failures, running, schedule, places } = backups;
  const where = `in ${places.join(' and ')}`;
  const made =
    lastSuccess === undefined
      ? `${style.yellow('none yet')}: they are made at ${schedule} (UTC), ${where}`
      : `${style.green(`made ${age(lastSuccess.ageMs)} ago`)} by ${lastSuccess.machine}: ${lastSuccess.archive} (${bytes(lastSuccess.sizeBytes)}) ${where}`;
  return [
    made,
    ...failures.map(({ machine, ageMs, error }) => {
      const when = ageMs === undefined ? '' : `, ${age(ageMs)} ago,`;
      return style.red(`the last attempt of ${machine}${when} failed: ${error}`);
    }),
    ...(running.length === 0 ? [] : [`${running.join(', ')} ${running.length === 1 ? 'is' : 'are'} making one now`]),
    ...(lastSuccess === undefined && backups.rehearsal === undefined ? [] : [rehearsalLine(backups.rehearsal, style)]),
  ];
}

function rehearsalLine(rehearsal: StatusReport['backups']['rehearsal'], style: Theme['style']): string {
  if (rehearsal === undefined) return style.yellow('no restore has been rehearsed yet');
  const { outcome, archive, ageMs, restoreMs, error } = rehearsal;
  if (outcome === 'failed')
    return style.red(`the rehearsal of ${archive}, ${age(ageMs)} ago, failed: ${error ?? 'it did not say why'}`);
  const took = restoreMs === undefined ? '' : ` in ${formatDuration(restoreMs)}`;
  return `${style.green(`restore rehearsed ${age(ageMs)} ago`)}: ${archive} was brought back${took}`;
}

function table<Row>(title: string, columns: Column<Row>[], rows: readonly Row[], none: string, theme: Theme): string {
  if (rows.length === 0) return section(title, [theme.style.red(none)], theme);
  return `${theme.style.cyan(title)}\n${renderTable(columns, rows, theme, INDENT)}`;
}

function warnings(report: StatusReport, theme: Theme): string {
  const { style, glyphs } = theme;
  if (report.warnings.length === 0) return `${style.green(glyphs.ok)} nothing to worry about`;
  return renderConditions(report.warnings, theme);
}

function maybeBytes(value: number | undefined): string {
  return value === undefined ? '-' : bytes(value);
}
