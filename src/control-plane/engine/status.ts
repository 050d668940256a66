/** Statuses and outcomes, as the journal, the API and the CLI name them. */
export type RunStatus = 'QUEUED' | 'RUNNING' | 'ENDING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT';
export type RunOutcome = 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'TIMED_OUT';

export type StepStatus =
  | 'PENDING'
  | 'READY'
  | 'RUNNING'
  | 'WAITING'
  | 'COMPLETED'
  | 'FAILED'
  | 'SKIPPED'
  | 'CANCELLED'
  | 'TIMED_OUT';

/** How a step ends. */
export type StepEnd = 'COMPLETED' | 'FAILED' | 'SKIPPED' | 'CANCELLED' | 'TIMED_OUT';

/** How an attempt ended. */
export type AttemptOutcome =
  | 'COMPLETED'
  | 'FAILED'
  | 'TIMED_OUT'
  | 'CANCELLED'
  | 'REJECTED'
  | 'HANDED_BACK'
  | 'NOT_ACCEPTED'
  | 'LOST'
  | 'SUPERSEDED';

/** Why an agent is told to stop an attempt. */
export type StopReason = 'CANCELLED' | 'DEADLINE' | 'SUPERSEDED' | 'NOT_ACCEPTED' | 'LOST' | 'RUN_ENDED' | 'UNKNOWN';

/** What a result is answered with. */
export type ResultVerdict = 'ACCEPTED' | 'SUPERSEDED' | 'UNKNOWN';

export function isRunOver(status: RunStatus): status is RunOutcome {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED' || status === 'TIMED_OUT';
}

/** Statuses of runs whose end is not decided. */
export const CANCELLABLE_STATUSES: readonly RunStatus[] = ['QUEUED', 'RUNNING'];

/** Statuses of runs that another try can be made of. */
export const RETRYABLE_STATUSES: readonly RunStatus[] = ['FAILED', 'TIMED_OUT', 'CANCELLED'];

export function isStepOver(status: StepStatus): status is StepEnd {
  switch (status) {
    case 'COMPLETED':
    case 'FAILED':
    case 'SKIPPED':
    case 'CANCELLED':
    case 'TIMED_OUT':
      return true;
    case 'PENDING':
    case 'READY':
    case 'RUNNING':
    case 'WAITING':
      return false;
  }
}
