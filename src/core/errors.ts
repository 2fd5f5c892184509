// The one error class; its codes are in error-codes.ts.
import { ERRORS, type ErrorCode, FAMILIES, type Family } from './error-codes.ts';

/** What an error carries beside its code and message. */
export interface QuorateErrorOptions {
  /** What to do next; replaces the table's general hint. */
  readonly hint?: string;
  /** Facts for machines (`-o json`), never secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** Every failure that reaches a user. `message` names the wrong value; `hint` names the next action. */
export class QuorateError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: QuorateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'QuorateError';
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
    this.data = options.data ?? {};
  }

  get family(): Family {
    return ERRORS[this.code].family;
  }

  get exitCode(): number {
    return FAMILIES[this.family];
  }
}

/** True for a QuorateError with one of the given codes. */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is QuorateError {
  return error instanceof QuorateError && codes.includes(error.code);
}

/** Any thrown value as a QuorateError: a foreign one becomes INTERNAL with itself as cause. */
export function toQuorateError(error: unknown): QuorateError {
  if (error instanceof QuorateError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'ENOSPC') return new QuorateError('DISK_FULL', message, { cause: error });
  return new QuorateError('INTERNAL', message, { cause: error });
}

/** One line about any thrown value, for lists of failures. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
