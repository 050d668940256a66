/** What the exit code says; the same for every command. */
import type { WorkflowStatus } from '../client/index.ts';
import { findError } from '../core/error-catalogue.ts';
import type { StatusName, YardmasterError } from '../core/errors.ts';

export const exitCodes = {
  /** Done, or COMPLETED. */
  ok: 0,
  /** The answer is no: FAILED, TIMED_OUT, problems found. */
  no: 1,
  /** Usage, file, definition. */
  usage: 2,
  notFound: 3,
  /** Token, permission. */
  denied: 4,
  /** Refused in this state. */
  refused: 5,
  /** Unreachable; safe to repeat. */
  unreachable: 6,
  cancelled: 7,
  /** `--timeout` passed, and it is still open. */
  stillOpen: 8,
  bug: 70,
  interrupted: 130,
} as const;

const BY_STATUS: Readonly<Record<StatusName, number>> = {
  INVALID_ARGUMENT: exitCodes.usage,
  OUT_OF_RANGE: exitCodes.usage,
  NOT_FOUND: exitCodes.notFound,
  UNAUTHENTICATED: exitCodes.denied,
  PERMISSION_DENIED: exitCodes.denied,
  ALREADY_EXISTS: exitCodes.refused,
  FAILED_PRECONDITION: exitCodes.refused,
  ABORTED: exitCodes.refused,
  UNAVAILABLE: exitCodes.unreachable,
  RESOURCE_EXHAUSTED: exitCodes.unreachable,
  DEADLINE_EXCEEDED: exitCodes.stillOpen,
  CANCELLED: exitCodes.interrupted,
  UNIMPLEMENTED: exitCodes.usage,
  INTERNAL: exitCodes.bug,
};

/** The wire's word first, then that of the catalogue. */
export function exitCodeOf(error: YardmasterError): number {
  const status = error.meta.status ?? findError(error.code)?.status ?? 'INTERNAL';
  return isStatusName(status) ? BY_STATUS[status] : exitCodes.bug;
}

function isStatusName(status: string): status is StatusName {
  return Object.hasOwn(BY_STATUS, status);
}

export function exitCodeOfRun(status: WorkflowStatus): number {
  switch (status) {
    case 'COMPLETED':
      return exitCodes.ok;
    case 'FAILED':
    case 'TIMED_OUT':
      return exitCodes.no;
    case 'CANCELLED':
      return exitCodes.cancelled;
    default:
      return exitCodes.stillOpen;
  }
}
