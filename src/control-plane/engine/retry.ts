/**
 * What follows an attempt that did not complete: another try by the user's policy, another agent without counting, or the
 * step's failure. Losses have their own limit, so that a step cannot kill the fleet.
 */

import { formatAttemptId } from '../../core/ids.ts';
import { limits, times } from '../../core/limits.ts';
import { hashToUnit } from '../../core/random.ts';
import type { CompiledAgentNode } from '../../workflow/compiled.ts';
import type { Draft } from './decision.ts';
import type { Failure } from './events.ts';
import { failStep } from './failure.ts';
import { attemptsOf, liveAttempts, nextNumber, recordAt } from './state.ts';
import { cancelStep, isStopping } from './stop.ts';
import { delayTask, dropWaiting, queueTask } from './tasks.ts';

/** A counted failure (handler or timeout): the next try, or the end of the step. */
export function retryOrFail(
  draft: Draft,
  node: CompiledAgentNode,
  failure: Failure,
  options: { readonly status: 'FAILED' | 'TIMED_OUT'; readonly retryable: boolean; readonly retryAfterMs: number },
): void {
  const record = recordAt(draft.state, node.index);
  const mayRetry =
    options.retryable && record.failedTries < node.retry.tries && !node.retry.nonRetryable.includes(failure.code);
  if (isBeingStopped(draft, node)) return cancelStep(draft, node);
  if (!mayRetry) return failStep(draft, node.index, options.status, failure);
  scheduleRetry(draft, node, Math.max(options.retryAfterMs, backoffMs(draft, node, record.failedTries)));
}

/** True when the step was asked to stop, or its run or block is ending around it. */
export function isBeingStopped(draft: Draft, node: CompiledAgentNode): boolean {
  return (recordAt(draft.state, node.index).detail?.stoppingUntil ?? 0) > 0 || isStopping(draft.state, node);
}

function scheduleRetry(draft: Draft, node: CompiledAgentNode, delayMs: number): void {
  const backoffUntil = draft.now + delayMs;
  const dueAt = hasUnconfirmed(draft, node) ? Math.max(backoffUntil, draft.now + times.stopGraceMs) : backoffUntil;
  if (dueAt <= draft.now) return requeue(draft, node);
  draft.emit({ type: 'RetryScheduled', at: draft.now, path: node.id, dueAt, backoffUntil });
  delayTask(draft, node.index);
}

/** A non-idempotent attempt that we ended may still be running: the next one waits for its word, or for the grace. */
function hasUnconfirmed(draft: Draft, node: CompiledAgentNode): boolean {
  return attemptsOf(recordAt(draft.state, node.index)).some((attempt) => attempt.isUnconfirmed && !attempt.idempotent);
}

/** The agent confirmed: the wait for it is over, the rest of the backoff is not. */
export function shortenWait(draft: Draft, node: CompiledAgentNode): void {
  const detail = recordAt(draft.state, node.index).detail;
  if (detail === undefined || detail.retryAt === 0 || hasUnconfirmed(draft, node)) return;
  const { backoffUntil, retryAt } = detail;
  if (backoffUntil <= draft.now) {
    dropWaiting(draft, node.index);
    requeue(draft, node);
  } else if (retryAt > backoffUntil) {
    draft.emit({ type: 'RetryScheduled', at: draft.now, path: node.id, dueAt: backoffUntil, backoffUntil });
    delayTask(draft, node.index);
  }
}

/** Full jitter over an exponential backoff. The jitter is a hash, so a replay agrees. */
function backoffMs(draft: Draft, node: CompiledAgentNode, failedTries: number): number {
  const { backoffMs: first, factor, maxBackoffMs, jitter } = node.retry;
  // A power that overflows is Infinity, and nothing times Infinity is not a number.
  const ceiling = first === 0 ? 0 : Math.min(maxBackoffMs, first * factor ** Math.max(0, failedTries - 1));
  if (!jitter) return Math.round(ceiling);
  const number = attemptsOf(recordAt(draft.state, node.index)).length;
  return Math.round(ceiling * hashToUnit(formatAttemptId({ runId: draft.state.runId, path: node.id, number })));
}

/** Back into the queue at once: a loss, a hand-back, a rejection are nobody's failure. */
export function requeue(draft: Draft, node: CompiledAgentNode): void {
  draft.emit({ type: 'StepQueued', at: draft.now, path: node.id });
  queueTask(draft, node.index);
}

/** After an attempt ended without being anyone's try: stop, poison, or offer the step to another agent. */
export function requeueUnlessOver(draft: Draft, node: CompiledAgentNode): void {
  const record = recordAt(draft.state, node.index);
  const hasLive = liveAttempts(record).some((attempt) => !attempt.isUnreachable);
  if (isPoisoned(draft, node)) return poison(draft, node);
  if (isBeingStopped(draft, node)) {
    if (liveAttempts(record).length === 0) cancelStep(draft, node);
    return;
  }
  if (hasLive) return;
  // Nobody works on it any more: its queueTimeout counts again.
  if (record.isQueued) return queueTask(draft, node.index, true);
  if (hasUnconfirmed(draft, node)) scheduleRetry(draft, node, 0);
  else requeue(draft, node);
}

/** Distinct instances that were lost while they held this step (an unreachable one counts until it returns). */
function lostInstances(draft: Draft, node: CompiledAgentNode): readonly string[] {
  const lost = attemptsOf(recordAt(draft.state, node.index)).filter(
    (attempt) => attempt.outcome === 'LOST' || (attempt.outcome === undefined && attempt.isUnreachable),
  );
  return [...new Set(lost.map((attempt) => attempt.instanceId))];
}

function isPoisoned(draft: Draft, node: CompiledAgentNode): boolean {
  return lostInstances(draft, node).length >= limits.lossesMax;
}

function poison(draft: Draft, node: CompiledAgentNode): void {
  const instances = lostInstances(draft, node);
  const record = recordAt(draft.state, node.index);
  dropWaiting(draft, node.index);
  for (const attempt of liveAttempts(record)) {
    draft.effect({ type: 'taskDone', path: node.id, attempt: attempt.number });
    draft.emit({
      type: 'AttemptEnded',
      at: draft.now,
      path: node.id,
      number: attempt.number,
      outcome: attempt.isUnreachable ? 'LOST' : 'SUPERSEDED',
      unconfirmed: true,
    });
    draft.effect({
      type: 'stop',
      path: node.id,
      number: attempt.number,
      instanceId: attempt.instanceId,
      reason: 'LOST',
      graceMs: 0,
    });
  }
  failStep(draft, node.index, 'FAILED', {
    code: 'POISONED',
    message: `"${node.id}" was held by ${instances.length} instances when they were lost: ${instances.join(', ')}`,
    path: node.id,
    attempt: nextNumber(record) - 1,
  });
}
