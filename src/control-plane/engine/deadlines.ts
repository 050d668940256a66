/** PURE: every deadline that a run waits for, as its state says: what the task rows hold, without the store. */

import { liveAttempts, nextNumber } from './attempts.ts';
import { liveSteps } from './frames.ts';
import { isAgentStep, type RunState, type Step } from './state.ts';
import { isRunOver, isStepOver } from './status.ts';
import { attemptDue, nearest, queueDue, timerDue, totalDue } from './tasks.ts';

export interface Deadline {
  /** '' with attempt 0: the run's own. */
  readonly path: string;
  readonly attempt: number;
  /** Wall ms. */
  readonly dueAt: number;
}

/** A deadline of a handler's silence may be too early: whoever fires it looks when it was heard last. */
export function deadlinesOf(state: RunState): readonly Deadline[] {
  if (isRunOver(state.status)) return [];
  const deadlines: Deadline[] = [{ path: '', attempt: 0, dueAt: state.deadlineAt }];
  for (const step of liveSteps(state)) deadlines.push(...deadlinesOfStep(step));
  return deadlines.filter(({ dueAt }) => dueAt > 0);
}

function deadlinesOfStep(step: Step): readonly Deadline[] {
  const { path } = step;
  if (step.status === 'PENDING' || isStepOver(step.status)) return [];
  if (!isAgentStep(step)) return [{ path, attempt: 0, dueAt: timerDue(step) }];
  const deadlines = liveAttempts(step).map((attempt) => ({
    path,
    attempt: attempt.number,
    dueAt: attemptDue(step, attempt, 0),
  }));
  const retryAt = step.detail?.retryAt ?? 0;
  if (step.isQueued) deadlines.push({ path, attempt: nextNumber(step), dueAt: queueDue(step) });
  else if (retryAt > 0) deadlines.push({ path, attempt: nextNumber(step), dueAt: nearest(retryAt, totalDue(step)) });
  return deadlines;
}
