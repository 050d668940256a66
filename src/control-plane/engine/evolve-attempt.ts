/** What the events of attempts do to a run's state; part of `evolve`. */
import { findAttempt, liveAttempts } from './attempts.ts';
import type { AttemptEnded, AttemptStarted } from './events.ts';
import { stepNamed } from './frames.ts';
import { type AttemptRecord, detailOf, type RunState } from './state.ts';

export function startAttempt(state: RunState, event: AttemptStarted): void {
  const step = stepNamed(state, event.path);
  step.isQueued = false;
  step.status = 'RUNNING';
  if (step.frame.owner !== undefined) state.bodyNumber = Math.max(state.bodyNumber, event.number);
  detailOf(step).attempts.push({
    number: event.number,
    try: event.try,
    agentId: event.agentId,
    instanceId: event.instanceId,
    idempotent: event.idempotent,
    isResumed: event.resumed === true,
    startedAt: event.at,
    deadlineAt: event.deadlineAt ?? 0,
    outcome: undefined,
    failure: undefined,
    endedAt: 0,
    isUnreachable: false,
    isUnconfirmed: false,
    isAccepted: false,
    hasLateResult: false,
  });
}

export function changeAttempt(
  state: RunState,
  path: string,
  number: number,
  change: (attempt: AttemptRecord) => void,
): void {
  const attempt = findAttempt(stepNamed(state, path), number);
  if (attempt === undefined)
    throw new RangeError(`the journal of run "${state.runId}" names an unknown attempt "${path}#${number}"`);
  change(attempt);
}

export function endAttempt(state: RunState, event: AttemptEnded): void {
  const step = stepNamed(state, event.path);
  changeAttempt(state, event.path, event.number, (attempt) => {
    attempt.outcome = event.outcome;
    attempt.failure = event.failure;
    attempt.endedAt = event.at;
    attempt.isUnconfirmed = event.unconfirmed === true;
    attempt.isAccepted = isResult(event);
    if (event.usage !== undefined) attempt.usage = event.usage;
  });
  if (event.countsAsTry === true) step.failedTries += 1;
  if (liveAttempts(step).length === 0 && step.status === 'RUNNING') step.status = 'READY';
}

/** Outcomes that a result of the agent brought about (and not our own word). */
function isResult(event: AttemptEnded): boolean {
  if (event.unconfirmed === true) return false;
  switch (event.outcome) {
    case 'COMPLETED':
    case 'FAILED':
    case 'CANCELLED':
    case 'HANDED_BACK':
      return true;
    case 'TIMED_OUT':
    case 'REJECTED':
    case 'NOT_ACCEPTED':
    case 'LOST':
    case 'SUPERSEDED':
      return false;
  }
}
