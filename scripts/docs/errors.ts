import { ERRORS, FAMILIES } from '../../src/core/error-codes.ts';
import { code, page, table } from './markdown.ts';

const FAMILY_WORDS: Record<keyof typeof FAMILIES, string> = {
  internal: 'a defect of quorate itself',
  config: 'the command line or cluster.yaml is wrong',
  precondition: 'something has to be done first',
  connect: 'a machine or an API server does not answer',
  command: 'a command on this host or on a machine failed',
  etcd: 'etcd, or its quorum',
  kube: 'the Kubernetes API, or a condition that did not become true; also an unhealthy `quorate health`',
  'drill-failed': 'a drill found a violation',
  'drill-unknown': 'a drill could not tell',
  artifact: 'the parts of a cluster could not be obtained',
  machine: 'a local machine could not be made, started or stopped',
  incomplete: 'done, except for machines that did not answer; run the same command again when they do',
  aborted: 'stopped by Ctrl-C, by --timeout, or by answering no',
};

/** Exit codes and error codes. */
export function renderErrorsPage(): string {
  const families = Object.entries(FAMILIES).map(([family, exitCode]) => [
    String(exitCode),
    family,
    FAMILY_WORDS[family as keyof typeof FAMILIES],
  ]);
  const errors = Object.entries(ERRORS)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, { family, meaning, hint }]) => [code(name), `${family} (${FAMILIES[family]})`, meaning, hint]);
  return page(
    'Errors',
    'Every error has a code, says what was wrong, and names the next action. Scripts branch on the exit code or, with `-o json`, on `error.code`; the text may change.',
    [
      '## Exit codes',
      'The exit code is that of the family of the error. 0 is success.',
      table(['exit code', 'family', 'meaning'], families),
      '## Error codes',
      table(['code', 'family', 'meaning', 'what usually helps'], errors),
    ],
  );
}
