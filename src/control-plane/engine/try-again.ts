/**
 * Another try of a run that failed and has tries left: it goes from the end of ENDING back to RUNNING. What is done is kept as
 * another try of an ended run keeps it (take-over.ts); here loops, too, keep the iterations that are behind them.
 *
 * No attempt of one try runs beside one of the next, unless it may run twice: what was ended by our word and is not idempotent is
 * waited for, but no longer than the grace of a stop. A child run is waited for as its step is, which ends after it, but for one
 * that the end of the cleanup kills; a step that starts again gets another, under a new id. What a map did is gone with it.
 */
import { times } from '../../core/limits.ts';
import type { Draft } from './decision.ts';
import { liveSteps } from './frames.ts';
import { attemptsOf, isLoopStep, isProtected, type LoopStep, type RunState, stepAt } from './state.ts';
import { findAgain } from './take-over.ts';
import { runTimerTask } from './tasks.ts';
import { deadlineOf } from './try-rules.ts';

/** Answers whether there is more to advance: not while something of this try may still run. */
export function tryAgain(draft: Draft): boolean {
  const { state } = draft;
  const isDue = state.tryAt > 0 && state.tryAt <= draft.now;
  if (!isDue && mayStillRun(state, draft.now)) {
    if (state.tryAt > 0) return false;
    draft.emit({ type: 'RunTryScheduled', at: draft.now, dueAt: draft.now + times.stopGraceMs });
    runTimerTask(draft);
    return false;
  }
  const { again, after } = findAgain(state);
  const continued = [...again].filter(isLoopStep).filter((step) => !after.has(step) && keepsIterations(step));
  const deadlineAt = deadlineOf(state);
  draft.emit({
    type: 'RunTryStarted',
    at: draft.now,
    try: state.try + 1,
    again: state.root.steps.filter((step) => again.has(step)).map(({ path }) => path),
    ...(deadlineAt === 0 ? {} : { deadlineAt }),
    ...(continued.length === 0 ? {} : { continued: continued.map(({ path }) => path) }),
  });
  runTimerTask(draft);
  draft.work.push(...state.workflow.roots.toReversed().map((slot) => stepAt(state.root, slot)));
  return true;
}

function mayStillRun(state: RunState, now: number): boolean {
  if (state.strayUntil > now) return true;
  return liveSteps(state).some((step) =>
    attemptsOf(step).some((attempt) => attempt.isUnconfirmed && !attempt.idempotent),
  );
}

/** A loop that ran as often as it may has nothing left to go on with, and one that is cleanup starts again: they begin anew. */
function keepsIterations(step: LoopStep): boolean {
  if (step.status === 'COMPLETED' || isProtected(step)) return false;
  return finishedIterations(step) > 0 && finishedIterations(step) < step.node.maxIterations;
}

/** Iterations that ended; the one that runs is not. */
export function finishedIterations({ detail }: LoopStep): number {
  const loop = detail?.loop;
  if (loop === undefined) return 0;
  return loop.frame === undefined ? loop.iterations : loop.iterations - 1;
}
