// What is right in cluster.yaml but beyond this release. Each line goes when the feature comes.
import { cronProblem } from '../cron.ts';
import { type Finding, invalid, type SpecPath, unsupported } from '../problem.ts';
import { didYouMean } from '../suggest.ts';
import { withV } from '../versions.ts';
import type { SpecView } from './view.ts';

/** A Kubernetes version that the catalog has. */
export function* checkKubernetesVersion({ spec, kubernetesVersions }: SpecView): Iterable<Finding> {
  if (typeof spec.kubernetesVersion !== 'string') return;
  const version = withV(spec.kubernetesVersion);
  if (kubernetesVersions.includes(version)) return;
  const minor = version.split('.').slice(0, 2).join('.');
  const nearest =
    kubernetesVersions.find((known) => known.startsWith(`${minor}.`)) ?? didYouMean(version, kubernetesVersions);
  yield unsupported(
    ['spec', 'kubernetesVersion'],
    `Kubernetes ${version} is not in this release's catalog (${kubernetesVersions.join(', ')})`,
    `write: kubernetesVersion: ${nearest ?? kubernetesVersions[0] ?? ''}`,
  );
}

/** The schedule of backups is a schedule. */
export function* checkSnapshots({ spec }: SpecView): Iterable<Finding> {
  const snapshots = spec.etcd?.snapshots;
  if (snapshots === undefined || snapshots === null) return;
  const path: SpecPath = ['spec', 'etcd', 'snapshots'];
  const { schedule } = snapshots;
  const wrong = typeof schedule === 'string' ? cronProblem(schedule) : undefined;
  if (wrong !== undefined) {
    const message = `spec.etcd.snapshots.schedule ${JSON.stringify(schedule)} ${wrong}`;
    yield invalid([...path, 'schedule'], message, 'write, for example: schedule: "0 */6 * * *" (every six hours)');
  }
}

/** Fields whose other values come in a later release. */
export function* checkUnsupported({ spec }: SpecView): Iterable<Finding> {
  yield* valueNotYet(['spec', 'failover'], spec.failover, 'default');
}

function* valueNotYet(path: SpecPath, value: string | null | undefined, supported: string): Iterable<Finding> {
  if (value === null || value === undefined || value === supported) return;
  const name = path.join('.');
  yield unsupported(path, `${name} ${value} is not in this release`, `write: ${path.at(-1)}: ${supported}`);
}
