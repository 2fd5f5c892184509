// What is wrong with a cluster.yaml, before and after it has been given a place in the file.

/** Keys and list indices from the top of the document. */
export type SpecPath = readonly (string | number)[];

/** invalid: wrong. unsupported: right, but beyond this release. warning: allowed, with a consequence to know. */
export type ProblemKind = 'invalid' | 'unsupported' | 'warning';

/** A problem found by a check, which knows the path but not the line. */
export interface Finding {
  readonly kind: ProblemKind;
  readonly code?: 'SPEC_INVALID' | 'SPEC_UNSUPPORTED';
  readonly path: SpecPath;
  /** Used for the place when `path` is not in the file: a default value has no line of its own. */
  readonly fallback?: SpecPath;
  /** What the caret points at; default is the value. */
  readonly at?: 'key' | 'value';
  /** What is wrong, naming the wrong value. */
  readonly message: string;
  /** What to write instead. */
  readonly fix: string;
}

/** A problem with its place in the file. */
export interface Problem {
  readonly kind: ProblemKind;
  /** Absent for a plain warning. A warning about something not done yet has SPEC_UNSUPPORTED. */
  readonly code?: 'SPEC_INVALID' | 'SPEC_UNSUPPORTED';
  /** spec.machines[2].address */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Characters that the caret underlines, at least 1. */
  readonly length: number;
  readonly message: string;
  readonly fix: string;
}

/** Something wrong. */
export function invalid(path: SpecPath, message: string, fix: string, place: Partial<Finding> = {}): Finding {
  return { kind: 'invalid', code: 'SPEC_INVALID', path, message, fix, ...place };
}

/** Something that this release cannot do yet. */
export function unsupported(path: SpecPath, message: string, fix: string, place: Partial<Finding> = {}): Finding {
  return { kind: 'unsupported', code: 'SPEC_UNSUPPORTED', path, message, fix, ...place };
}

/** Something allowed whose consequence the owner should know. */
export function warning(path: SpecPath, message: string, fix: string, place: Partial<Finding> = {}): Finding {
  return { kind: 'warning', path, message, fix, ...place };
}

/** spec.machines[2].labels["example.com/disk"] */
export function formatPath(path: SpecPath): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else if (/^[A-Za-z_$][\w$-]*$/.test(key)) text += text === '' ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}
