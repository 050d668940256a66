/**
 * The one error class and the catalogue of codes. A code is the same in `ErrorInfo.reason`, in `error.code`, in JSON
 * output and in docs/errors.md (a test checks both directions). The message states the action, the subject in quotes
 * and the fact; `next` is one command or edit.
 */

/** Canonical gRPC status names, as far as we use them. */
export type StatusName =
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'UNAUTHENTICATED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DEADLINE_EXCEEDED'
  | 'CANCELLED';

/** Where in a text a problem stands; lines and columns count from 1. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** Length of the marked text, for the caret line. */
  readonly length?: number;
  /** A path into the document, such as `steps[2].parameters.rows`. */
  readonly pointer?: string;
}

/** One problem among several. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly place?: Place;
  /** Stands behind the caret: `did you mean "extract"?`. */
  readonly hint?: string;
  readonly next?: string;
  /** Absent: an error. */
  readonly severity?: 'warn';
}

export interface ErrorOptionsOfOurs {
  readonly cause?: unknown;
  /** Facts for programs: ids, limits, the value that was refused. */
  readonly meta?: Readonly<Record<string, string>>;
  readonly problems?: readonly Problem[];
  /** One command or edit that mends it. */
  readonly next?: string;
}

export class YardmasterError extends Error {
  readonly code: string;
  readonly meta: Readonly<Record<string, string>>;
  readonly problems: readonly Problem[];
  readonly next: string | undefined;

  constructor(code: string, message: string, options: ErrorOptionsOfOurs = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'YardmasterError';
    this.code = code;
    this.meta = options.meta ?? {};
    this.problems = options.problems ?? [];
    this.next = options.next;
  }
}

export function isYardmasterError(error: unknown): error is YardmasterError {
  return error instanceof YardmasterError;
}

/** Any thrown thing as one of ours; `code` is used when it is not. */
export function toYardmasterError(error: unknown, code = 'INTERNAL'): YardmasterError {
  if (isYardmasterError(error)) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new YardmasterError(code, message, { cause: error });
}
