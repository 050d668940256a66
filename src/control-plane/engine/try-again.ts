/**
 * Another try of a run that failed and has tries left: it goes from the end of ENDING back to RUNNING. What is done is kept as
 * another try of an ended run keeps it (take-over.ts).
 *
 * No attempt of one try runs beside one of the next, unless it may run twice: what was ended by our word and is not idempotent is
 * waited for: for the grace of a stop, and for longer while its instance may not have heard of the end. A child run is waited for as its step is, which ends after it, but for one
 * that the end of the cleanup kills; a step that starts again gets another, under a new id.
 */
import { times } from '../../core/limits.ts';
import { findAgain } from './again.ts';
import { attemptsOf } from './attempts.ts';
import type { Draft } from './decision.ts';
import { liveSteps } from './frames.ts';
import type { RunState } from './state.ts';
import { stepAt } from './step-tree.ts';
import { runTimerTask } from './tasks.ts';
import { deadlineOf } from './try-rules.ts';

/** Answers whether there is more to advance: not while something of this try may still run. */
export function tryAgain(draft: Draft): boolean {
  const { state } = draft;
  if (!draft.isTryDue && mayStillRun(state, draft.now)) {
    // Only the timer knows what nobody may have heard.
    if (state.tryAt > 0 && state.tryAt <= draft.now) runTimerTask(draft);
    if (state.tryAt > 0) return false;
    draft.emit({ type: 'RunTryScheduled', at: draft.now, dueAt: draft.now + times.stopGraceMs });
    runTimerTask(draft);
    return false;
  }
  const { again, continued, frames } = findAgain(state);
  const deadlineAt = deadlineOf(state);
  draft.emit({
    type: 'RunTryStarted',
    at: draft.now,
    try: state.try + 1,
    again: frames.flatMap(({ steps }) => steps.filter((step) => again.has(step)).map(({ path }) => path)),
    ...(deadlineAt === 0 ? {} : { deadlineAt }),
    ...(continued.length === 0 ? {} : { continued: continued.map(({ path }) => path) }),
  });
  runTimerTask(draft);
  draft.work.push(...state.workflow.roots.toReversed().map((slot) => stepAt(state.root, slot)));
  return true;
}

/** The time of the next try has come; `mayRunUntil` as in TimerFired. */
export function tryTimer(draft: Draft, mayRunUntil: number): void {
  if (mayRunUntil <= draft.now) {
    draft.isTryDue = true;
    return;
  }
  draft.emit({ type: 'RunTryScheduled', at: draft.now, dueAt: mayRunUntil });
  runTimerTask(draft);
}

/** It was scheduled, and the run ends with this try after all: the cleanup goes on with compensations. */
export function dropTry(draft: Draft): void {
  const { now, state } = draft;
  draft.emit({ type: 'RunTryDropped', at: now, cleanupUntil: now + state.workflow.cleanupTimeoutMs });
  runTimerTask(draft);
}

function mayStillRun(state: RunState, now: number): boolean {
  if (state.strayUntil > now) return true;
  return liveSteps(state).some((step) =>
    attemptsOf(step).some((attempt) => attempt.isUnconfirmed && !attempt.idempotent),
  );
}
