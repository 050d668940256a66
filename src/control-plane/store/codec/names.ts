/** Enum numbers of journal.proto and the names that the engine uses. A number is never reused. */
import type { Priority } from '../../../workflow/definition.ts';
import type { RunEvent, SkipReason, StepTakenOver } from '../../engine/events.ts';
import type { AttemptOutcome, RunOutcome } from '../../engine/status.ts';
import { corrupt } from './corrupt.ts';

export const EVENT_TYPES = {
  RunCreated: 1,
  RunStarted: 2,
  BlockStarted: 3,
  StepReady: 4,
  StepQueued: 5,
  AttemptStarted: 6,
  AttemptUnreachable: 7,
  AttemptReturned: 8,
  AttemptEnded: 9,
  StopConfirmed: 10,
  RetryScheduled: 11,
  StepStopping: 12,
  StepCompleted: 13,
  StepFailed: 14,
  StepSkipped: 15,
  StepCancelled: 16,
  LateResult: 17,
  CancelRequested: 18,
  RunEnding: 19,
  RunEnded: 20,
  RunPaused: 21,
  RunResumed: 22,
  StepTakenOver: 23,
  StepWaiting: 30,
  SignalReceived: 31,
  SignalTaken: 32,
  BodyStarted: 33,
  BodyEnded: 34,
  ChildStarted: 45,
  StepFellBack: 50,
  RunTryScheduled: 55,
  RunTryStarted: 56,
  BodiesTakenOver: 75,
  RunTryDropped: 76,
} as const satisfies Record<RunEvent['type'], number>;

export const ATTEMPT_OUTCOMES = {
  COMPLETED: 1,
  FAILED: 2,
  TIMED_OUT: 3,
  CANCELLED: 4,
  REJECTED: 5,
  HANDED_BACK: 6,
  NOT_ACCEPTED: 7,
  LOST: 8,
  SUPERSEDED: 9,
} as const satisfies Record<AttemptOutcome, number>;

export const OUTCOMES = {
  COMPLETED: 1,
  FAILED: 2,
  CANCELLED: 3,
  TIMED_OUT: 4,
} as const satisfies Record<RunOutcome, number>;

/** How a step of the run before had ended: as OUTCOMES, and one more. */
export const STEP_ENDS = { ...OUTCOMES, SKIPPED: 5 } as const satisfies Record<StepTakenOver['status'], number>;

export const SKIP_REASONS = {
  WHEN: 1,
  RUN_ON: 2,
  DEPENDENCY: 3,
  RUN_ENDING: 4,
  BLOCK_STOPPED: 5,
  BRANCH: 6,
} as const satisfies Record<SkipReason, number>;

export const PRIORITIES = {
  critical: 1,
  high: 2,
  normal: 3,
  low: 4,
} as const satisfies Record<Priority, number>;

export const readAttemptOutcome = createReader<AttemptOutcome>('attempt outcome', ATTEMPT_OUTCOMES);
export const readOutcome = createReader<RunOutcome>('outcome', OUTCOMES);
export const readStepEnd = createReader<StepTakenOver['status']>('end of a step', STEP_ENDS);
export const readSkipReason = createReader<SkipReason>('skip reason', SKIP_REASONS);
export const readPriority = createReader<Priority>('priority', PRIORITIES);

/** Number to name; a number that nobody wrote is STORE_CORRUPT. */
function createReader<Name extends string>(kind: string, numbers: Record<Name, number>): (number: number) => Name {
  const names: Name[] = [];
  for (const name in numbers) names[numbers[name]] = name;
  return (number) => names[number] ?? corrupt(`${kind} ${number} is unknown`);
}
