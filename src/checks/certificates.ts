// The conditions of certificates that will go on working: what `quorate certs check` asks, from a survey of all machines. Pure.
import type { RenewalState } from '../machines/facts.ts';
import type { KubeconfigFacts } from '../observe/served.ts';
import { localServer } from '../pki/expected.ts';
import { type CertificateRow, leavesOf, type MissingCertificate } from '../pki/inventory.ts';
import { certificatePath, KUBELET_CONF_PATH, SHARED_PATHS } from '../pki/names.ts';
import { type CertificateProblemKind, RENEW_BELOW_DAYS } from '../pki/problems.ts';
import { pemDigest, type ServedPort } from '../pki/served.ts';
import type { ClusterSpec, MachineSpec } from '../spec/types.ts';
import { type CheckedCondition, type ConditionResult, expectNone, failed, skipped } from './condition.ts';

/** What was seen on one machine that answers. */
export interface SurveyedMachine {
  readonly machine: MachineSpec;
  readonly rows: readonly CertificateRow[];
  readonly missing: readonly MissingCertificate[];
  /** Every port that presents a certificate, those of certificates in memory too. */
  readonly ports: readonly ServedPort[];
  readonly kubeconfigs: readonly KubeconfigFacts[];
  /** Programs that read their certificate at their start only: stale ones began before the file was written. */
  readonly programs: Readonly<Record<string, 'fresh' | 'stale'>>;
  /** Public certificates by path, PEM. */
  readonly certificates: Readonly<Record<string, string>>;
  /** Hex SHA-256 of files by path. */
  readonly digests: Readonly<Record<string, string>>;
  /** What its own timer did last. */
  readonly renewal?: RenewalState;
}

/** A cluster's certificates at one moment. */
export interface CertificateSurvey {
  readonly cluster: string;
  readonly takenAtMs: number;
  readonly machines: readonly SurveyedMachine[];
  /** Machines that do not answer. */
  readonly silent: readonly { readonly name: string; readonly reason: string }[];
}

/** Every condition, in the order in which they are shown. */
export function checkCertificates(spec: ClusterSpec, survey: CertificateSurvey): CheckedCondition[] {
  return QUESTIONS.map(([id, title, ask]) => ({ id, title, ...ask(survey, spec) }));
}

type Question = readonly [
  id: string,
  title: string,
  ask: (survey: CertificateSurvey, spec: ClusterSpec) => ConditionResult,
];

const QUESTIONS: readonly Question[] = [
  ['machines', 'all machines answer', machinesAnswer],
  ['not-ended', 'no certificate has ended', (survey) => problemsOf(survey, ['expired', 'not-yet-valid'], isEnded)],
  ['not-ending', `none ends within ${RENEW_BELOW_DAYS} days`, (survey) => problemsOf(survey, ['expiring'], isEnding)],
  ['there', 'every certificate is there', (survey) => problemsOf(survey, ['missing', 'unreadable'])],
  [
    'right',
    'each one is of the right authority, subject and names',
    (survey) => problemsOf(survey, ['wrong-issuer', 'wrong-subject', 'san-missing']),
  ],
  ['served', 'what is served is what lies on disk', servedIsOnDisk],
  ['reloaded', 'programs use the certificate that lies on disk', programsAreFresh],
  ['shared', 'what machines share is the same everywhere', sharedIsEqual],
  ['kubeconfigs', 'kubeconfigs name the right server and authority', kubeconfigsAreRight],
  ['renewal', 'the last renewal by a timer did not fail', renewalWorks],
];

function machinesAnswer({ machines, silent }: CertificateSurvey): ConditionResult {
  const problems = silent.map(({ name, reason }) => `${name}: ${reason}`);
  return expectNone(problems, `${machines.length} of ${machines.length}`);
}

/** Authorities and what the kubelet renews itself are judged by their dates, the rest by what the cluster file asks for. */
const isJudged = (row: CertificateRow) => row.problems.length > 0;
const isEnded = (row: CertificateRow) => row.daysLeft < 0 && !isJudged(row);
const isEnding = (row: CertificateRow) => row.daysLeft >= 0 && row.daysLeft < RENEW_BELOW_DAYS && !isJudged(row);

function problemsOf(
  { machines }: CertificateSurvey,
  kinds: readonly CertificateProblemKind[],
  isBad: (row: CertificateRow) => boolean = () => false,
): ConditionResult {
  const all = machines.flatMap(({ rows, missing }) => [...rows, ...missing]);
  if (all.length === 0) return skipped('no machine answers');
  const found = all.flatMap(({ machine, name, problems }) =>
    problems.filter(({ kind }) => kinds.includes(kind)).map(({ detail }) => `${name} of ${machine} ${is(detail)}`),
  );
  const dated = machines
    .flatMap(({ rows }) => rows)
    .filter(isBad)
    .map(({ machine, name, ends }) => `${name} of ${machine} ends on ${ends.slice(0, 10)}`);
  return expectNone([...found, ...dated], `${all.length} looked at`);
}

/** `expires in 3 days` is a sentence with the name before it; `not a certificate` needs a verb. */
function is(detail: string): string {
  return /^(expire|issued)/.test(detail) ? detail : `is ${detail}`;
}

function servedIsOnDisk({ machines }: CertificateSurvey): ConditionResult {
  const ports = machines.flatMap(({ machine, ports: own }) => own.map((port) => ({ ...port, machine: machine.name })));
  if (ports.length === 0) return skipped('no machine answers');
  const problems = ports.flatMap(({ machine, name, target, path, state }) => {
    if (state === 'silent') return [`${name} of ${machine} does not answer at ${target}`];
    return state === 'other' ? [`${name} of ${machine} presents another one than ${path}`] : [];
  });
  return expectNone(problems, `${ports.length} ports asked`);
}

function programsAreFresh({ machines }: CertificateSurvey): ConditionResult {
  const all = machines.flatMap(({ machine, programs }) =>
    Object.entries(programs).map(([program, state]) => ({ machine: machine.name, program, state })),
  );
  if (all.length === 0) return skipped('none runs');
  const stale = all.filter(({ state }) => state === 'stale');
  return expectNone(
    stale.map(({ machine, program }) => `${program} of ${machine} began before its kubeconfig was written`),
    `${all.length} looked at`,
  );
}

function sharedIsEqual({ machines }: CertificateSurvey): ConditionResult {
  const problems = SHARED_PATHS.flatMap((path) => {
    const copies = machines.flatMap(({ machine, digests }) =>
      // What a worker or load balancer was given is a copy for its own use.
      machine.role === 'control-plane' || machine.role === 'etcd'
        ? digests[path] === undefined
          ? []
          : [{ name: machine.name, digest: digests[path] }]
        : [],
    );
    if (new Set(copies.map(({ digest }) => digest)).size < 2) return [];
    return [`${path} differs: ${copies.map(({ name, digest }) => `${name} ${digest.slice(0, 12)}`).join(', ')}`];
  });
  return expectNone(problems, `${SHARED_PATHS.length} files`);
}

function kubeconfigsAreRight({ machines }: CertificateSurvey, spec: ClusterSpec): ConditionResult {
  const all = machines.flatMap(({ machine, kubeconfigs, certificates }) =>
    kubeconfigs.map((conf) => ({
      ...conf,
      machine: machine.name,
      wanted: serverOf(spec, machine, conf.path),
      trusted: certificates[certificatePath('ca')],
    })),
  );
  if (all.length === 0) return skipped('none can be read');
  const problems = all.flatMap(({ machine, path, server, wanted, authority, trusted }) => [
    ...(server === wanted ? [] : [`${path} of ${machine} names ${server || 'no server'}, not ${wanted}`]),
    ...(authority === '' || trusted === undefined || pemDigest(authority) === pemDigest(trusted)
      ? []
      : [`${path} of ${machine} trusts another authority than ${certificatePath('ca')}`]),
  ]);
  return expectNone(problems, `${all.length} looked at`);
}

/** What talks to the API on behalf of its own machine's control plane asks that machine, everything else the endpoint. */
function serverOf(spec: ClusterSpec, machine: MachineSpec, path: string): string {
  const leaf = leavesOf(spec, machine).find((candidate) => candidate.path === path);
  if (leaf?.server !== undefined) return leaf.server;
  return machine.role === 'control-plane' && path === KUBELET_CONF_PATH ? localServer(machine) : spec.endpoint.url;
}

function renewalWorks({ machines }: CertificateSurvey): ConditionResult {
  const seen = machines.flatMap(({ machine, renewal }) => (renewal ? [{ name: machine.name, renewal }] : []));
  const bad = seen.filter(({ renewal }) => renewal.outcome !== 'ok');
  if (bad.length > 0)
    return failed(
      bad
        .map(({ name, renewal: { lastAttempt, error, outcome } }) => `${name}, ${lastAttempt}: ${error ?? outcome}`)
        .join('; '),
    );
  return expectNone(
    [],
    seen.length === 0
      ? 'none was due yet'
      : seen.map(({ name, renewal }) => `${name} ${renewal.lastAttempt}`).join(', '),
  );
}
