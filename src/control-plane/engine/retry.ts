/**
 * What follows an attempt that did not complete: another try by the user's policy, another agent without counting, or the
 * step's failure. Losses have their own limit, so that a step cannot kill the fleet.
 */

import { formatAttemptId } from '../../core/ids.ts';
import { limits, times } from '../../core/limits.ts';
import { hashToUnit } from '../../core/random.ts';
import { attemptsOf, liveAttempts, nextNumber } from './attempts.ts';
import type { Draft } from './decision.ts';
import type { Failure } from './events.ts';
import { failStep } from './failure.ts';
import type { AgentStep } from './state.ts';
import { cancelStep, isStopping } from './stop.ts';
import { delayTask, dropWaiting, queueTask } from './tasks.ts';

/** A counted failure (handler or timeout): the next try, or the end of the step. */
export function retryOrFail(
  draft: Draft,
  step: AgentStep,
  failure: Failure,
  options: { readonly status: 'FAILED' | 'TIMED_OUT'; readonly retryable: boolean; readonly retryAfterMs: number },
): void {
  const mayRetry =
    options.retryable &&
    step.failedTries < step.node.retry.tries &&
    !step.node.retry.nonRetryable.includes(failure.code);
  if (isBeingStopped(draft, step)) return cancelStep(draft, step);
  if (!mayRetry) return failStep(draft, step, options.status, failure);
  scheduleRetry(draft, step, Math.max(options.retryAfterMs, backoffMs(draft, step, step.failedTries)));
}

/** True when the step was asked to stop, or its run or block is ending around it. */
export function isBeingStopped(draft: Draft, step: AgentStep): boolean {
  return (step.detail?.stoppingUntil ?? 0) > 0 || isStopping(draft.state, step);
}

function scheduleRetry(draft: Draft, step: AgentStep, delayMs: number): void {
  const backoffUntil = draft.now + delayMs;
  const dueAt = hasUnconfirmed(step) ? Math.max(backoffUntil, draft.now + times.stopGraceMs) : backoffUntil;
  if (dueAt <= draft.now) return requeue(draft, step);
  draft.emit({ type: 'RetryScheduled', at: draft.now, path: step.path, dueAt, backoffUntil });
  delayTask(draft, step);
}

/** The time of the next attempt has come, but one before may still run unheard. */
export function waitOn(draft: Draft, step: AgentStep, dueAt: number): void {
  const backoffUntil = step.detail?.backoffUntil ?? 0;
  draft.emit({ type: 'RetryScheduled', at: draft.now, path: step.path, dueAt, backoffUntil });
  delayTask(draft, step);
}

/**
 * A non-idempotent attempt that we ended may still be running: the next one waits for its word, or for the grace, and for longer
 * while its instance may not have heard of the end (`TimerFired.mayRunUntil`).
 */
export function hasUnconfirmed(step: AgentStep): boolean {
  return attemptsOf(step).some((attempt) => attempt.isUnconfirmed && !attempt.idempotent);
}

/** The agent confirmed: the wait for it is over, the rest of the backoff is not. */
export function shortenWait(draft: Draft, step: AgentStep): void {
  const detail = step.detail;
  if (detail === undefined || detail.retryAt === 0 || hasUnconfirmed(step)) return;
  const { backoffUntil, retryAt } = detail;
  if (backoffUntil <= draft.now) {
    dropWaiting(draft, step);
    requeue(draft, step);
  } else if (retryAt > backoffUntil) {
    draft.emit({ type: 'RetryScheduled', at: draft.now, path: step.path, dueAt: backoffUntil, backoffUntil });
    delayTask(draft, step);
  }
}

/** Full jitter over an exponential backoff. The jitter is a hash, so a replay agrees. */
function backoffMs(draft: Draft, step: AgentStep, failedTries: number): number {
  const { backoffMs: first, factor, maxBackoffMs, jitter } = step.node.retry;
  // A power that overflows is Infinity, and nothing times Infinity is not a number.
  const ceiling = first === 0 ? 0 : Math.min(maxBackoffMs, first * factor ** Math.max(0, failedTries - 1));
  if (!jitter) return Math.round(ceiling);
  const number = attemptsOf(step).length;
  return Math.round(ceiling * hashToUnit(formatAttemptId({ runId: draft.state.runId, path: step.path, number })));
}

/** Back into the queue at once: a loss, a hand-back, a rejection are nobody's failure. */
export function requeue(draft: Draft, step: AgentStep): void {
  draft.emit({ type: 'StepQueued', at: draft.now, path: step.path });
  queueTask(draft, step);
}

/** After an attempt ended without being anyone's try: stop, poison, or offer the step to another agent. */
export function requeueUnlessOver(draft: Draft, step: AgentStep): void {
  const hasLive = liveAttempts(step).some((attempt) => !attempt.isUnreachable);
  if (isPoisoned(step)) return poison(draft, step);
  if (isBeingStopped(draft, step)) {
    if (liveAttempts(step).length === 0) cancelStep(draft, step);
    return;
  }
  if (hasLive) return;
  // Nobody works on it any more: its queueTimeout counts again.
  if (step.isQueued) return queueTask(draft, step, true);
  if (hasUnconfirmed(step)) scheduleRetry(draft, step, 0);
  else requeue(draft, step);
}

/** Distinct instances that were lost while they held this step in this try of the run (an unreachable one counts until it returns). */
function lostInstances(step: AgentStep): readonly string[] {
  const ofThisTry = attemptsOf(step).slice(step.detail?.olderAttempts ?? 0);
  const lost = ofThisTry.filter(
    (attempt) => attempt.outcome === 'LOST' || (attempt.outcome === undefined && attempt.isUnreachable),
  );
  return [...new Set(lost.map((attempt) => attempt.instanceId))];
}

function isPoisoned(step: AgentStep): boolean {
  return lostInstances(step).length >= limits.lossesMax;
}

function poison(draft: Draft, step: AgentStep): void {
  const instances = lostInstances(step);
  dropWaiting(draft, step);
  for (const attempt of liveAttempts(step)) {
    draft.effect({ type: 'taskDone', path: step.path, attempt: attempt.number });
    draft.emit({
      type: 'AttemptEnded',
      at: draft.now,
      path: step.path,
      number: attempt.number,
      outcome: attempt.isUnreachable ? 'LOST' : 'SUPERSEDED',
      unconfirmed: true,
    });
    draft.effect({
      type: 'stop',
      path: step.path,
      number: attempt.number,
      instanceId: attempt.instanceId,
      reason: 'LOST',
      graceMs: 0,
    });
  }
  failStep(draft, step, 'FAILED', {
    code: 'POISONED',
    message: `"${step.path}" was held by ${instances.length} instances when they were lost: ${instances.join(', ')}`,
    path: step.path,
    attempt: nextNumber(step) - 1,
  });
}
