// Where a rotation stands, by what lies on the machines.
import { QuorateError } from '../../core/errors.ts';
import type { MachineFacts } from '../../machines/facts.ts';
import type { Observed } from '../../observe/observed.ts';
import { sharedPathsOf, sharingMachines } from '../../pki/placement.ts';
import {
  furthest,
  keptPath,
  ROTATION_DIR,
  ROTATION_STATE_PATH,
  type RotationKind,
  type RotationState,
  rotatedPaths,
  stateOfDigest,
} from '../../pki/rotation.ts';
import type { ClusterSpec } from '../../spec/types.ts';

/** The command that goes on with a rotation of each kind. */
export const ROTATION_COMMANDS: Readonly<Record<RotationKind, string>> = {
  authorities: 'quorate certs rotate-ca',
  'service-account': 'quorate certs rotate-sa-key',
  encryption: 'quorate certs rotate-encryption-key',
};

/** A rotation that is under way, and a machine that has all of it. */
export interface FoundRotation {
  readonly state: RotationState;
  /** The machine that says so. */
  readonly holder: string;
  /** What the holder keeps, the state last. */
  readonly paths: readonly string[];
  readonly files: MachineFacts['files'];
}

/** The rotation that is under way; undefined when no machine that answers knows of one. Throws ROTATION_UNFINISHED for two at once. */
export function rotationOf(spec: ClusterSpec, observed: Observed): FoundRotation | undefined {
  const found = sharingMachines(spec).flatMap((machine) => {
    const files = observed.machines[machine.name]?.facts?.files ?? {};
    const state = stateOfDigest(files[ROTATION_STATE_PATH]?.sha256);
    return state === undefined ? [] : [{ machine, files, state }];
  });
  const state = furthest(found.map((one) => one.state));
  if (state === undefined) return undefined;
  // Of those that are furthest the one that keeps most: with external etcd no machine keeps all.
  const [holder] = found
    .filter((one) => one.state.stage === state.stage)
    .sort((a, b) => sharedPathsOf(spec, b.machine).length - sharedPathsOf(spec, a.machine).length);
  if (holder === undefined) return undefined;
  const paths = Object.keys(holder.files).filter((path) => path.startsWith(`${ROTATION_DIR}/`));
  const order = (path: string) => (path === ROTATION_STATE_PATH ? 1 : 0);
  return {
    state,
    holder: holder.machine.name,
    paths: paths.sort((a, b) => order(a) - order(b)),
    files: holder.files,
  };
}

/** Whether a machine that has these shared files may have a file of a rotation: no machine keeps a key that it has no use for. */
export function isKeptFor(held: readonly string[], path: string): boolean {
  const kinds: readonly RotationKind[] = ['authorities', 'service-account', 'encryption'];
  const source = kinds
    .flatMap(rotatedPaths)
    .find((shared) => keptPath('before', shared) === path || keptPath('after', shared) === path);
  return source === undefined || held.includes(source);
}

/** The error of any other verb that meets a rotation in a state in which it must not be left. */
export function unfinished({ kind, stage }: RotationState, detail: string): QuorateError {
  return new QuorateError('ROTATION_UNFINISHED', `a rotation was ended in its stage "${stage}": ${detail}`, {
    hint: `go on with: ${ROTATION_COMMANDS[kind]}`,
    data: { kind, stage },
  });
}
