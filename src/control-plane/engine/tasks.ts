/** The task rows that follow from a decision: what waits, what is leased, what comes due. */

import { attemptsOf, liveAttempts, nextNumber } from './attempts.ts';
import type { Draft } from './decision.ts';
import { type AgentStep, type AttemptRecord, type BlockStep, isBlockStep, type Step } from './state.ts';
import { isFallingBack } from './step-tree.ts';

/** The step waits for an agent; in a paused run it is only held, until the pause is over. */
export function queueTask(draft: Draft, step: AgentStep, isRefresh = false): void {
  const avoid = instancesToAvoid(step);
  draft.effect({
    type: 'task',
    step,
    path: step.path,
    attempt: nextNumber(step),
    state: draft.state.pausedAt > 0 ? 'delayed' : 'queued',
    dueAt: queueDue(step),
    agentId: '',
    instanceId: '',
    ...(avoid.length === 0 ? {} : { avoid }),
    ...(isRefresh ? { isRefresh: true } : {}),
  });
}

/** The next try waits until `step.detail.retryAt`. */
export function delayTask(draft: Draft, step: AgentStep): void {
  draft.effect({
    type: 'task',
    step,
    path: step.path,
    attempt: nextNumber(step),
    state: 'delayed',
    dueAt: nearest(step.detail?.retryAt ?? 0, totalDue(step)),
    agentId: '',
    instanceId: '',
  });
}

/** The attempt is held by its instance until its nearest deadline. */
export function leaseTask(draft: Draft, step: AgentStep, attempt: AttemptRecord, heardAt: number): void {
  draft.effect({
    type: 'task',
    step,
    path: step.path,
    attempt: attempt.number,
    state: 'leased',
    dueAt: attemptDue(step, attempt, heardAt),
    agentId: attempt.agentId,
    instanceId: attempt.instanceId,
  });
}

/** Drops the row of a step that waits (queued, delayed, or for a time), before the event that ends the wait. */
export function dropWaiting(draft: Draft, step: Step): void {
  if (step.status === 'WAITING') return dropWait(draft, step);
  if (!step.isQueued && (step.detail?.retryAt ?? 0) === 0) return;
  draft.effect({
    type: 'taskDone',
    path: step.path,
    attempt: nextNumber(step),
    ...(step.isQueued ? { wasQueued: true } : {}),
  });
}

export function dropAttempt(draft: Draft, step: Step, number: number): void {
  draft.effect({ type: 'taskDone', path: step.path, attempt: number });
}

export function timerTask(draft: Draft, step: Step, dueAt: number): void {
  draft.effect({
    type: 'task',
    step,
    path: step.path,
    attempt: 0,
    state: 'timer',
    dueAt,
    agentId: '',
    instanceId: '',
  });
}

/** Sets the row of a block by what it waits for: its `totalTimeout`, the next iteration; none when that is nothing. */
export function blockTimerTask(draft: Draft, block: BlockStep): void {
  const dueAt = blockDue(block);
  if (dueAt > 0) timerTask(draft, block, dueAt);
  else dropTimer(draft, block);
}

/** True for a block that may have a row of its own. */
export function hasTimer({ node }: Step): boolean {
  return node.totalTimeoutMs !== undefined || (node.kind === 'loop' && node.delayMs > 0);
}

export function dropTimer(draft: Draft, step: Step): void {
  draft.effect({ type: 'taskDone', path: step.path, attempt: 0 });
}

/** The row of a `wait` or `signal`, if it has one. */
function dropWait(draft: Draft, step: Step): void {
  if (timerDue(step) > 0) dropTimer(draft, step);
}

/** When the timer of a step that no agent has comes due, wall ms; 0: it has none. */
export function timerDue(step: Step): number {
  if (isFallingBack(step)) return 0;
  return isBlockStep(step) ? blockDue(step) : nearest(step.detail?.waitUntil ?? 0, totalDue(step));
}

/** The run's own deadline: the row with path '' and attempt 0. */
export function runTimerTask(draft: Draft): void {
  const { deadlineAt } = draft.state;
  if (deadlineAt === 0) draft.effect({ type: 'taskDone', path: '', attempt: 0 });
  else
    draft.effect({
      type: 'task',
      step: undefined,
      path: '',
      attempt: 0,
      state: 'timer',
      dueAt: deadlineAt,
      agentId: '',
      instanceId: '',
    });
}

/** Nearest deadline of a queued step, wall ms; 0: none. Its `queueTimeout` counts only while nobody works on it. */
export function queueDue(step: AgentStep): number {
  const queueTimeoutMs = liveAttempts(step).length === 0 ? step.node.queueTimeoutMs : undefined;
  return nearest(queueTimeoutMs === undefined ? 0 : step.queuedAt + queueTimeoutMs, totalDue(step));
}

/** When the step's `totalTimeout` is over, wall ms; 0: none, or it has not begun. */
export function totalDue(step: Step): number {
  const { totalTimeoutMs } = step.node;
  return totalTimeoutMs === undefined || step.readyAt === 0 ? 0 : step.readyAt + totalTimeoutMs;
}

/** Nearest time that a block waits for, wall ms; 0: none. */
export function blockDue(block: Step): number {
  return nearest(block.detail?.retryAt ?? 0, totalDue(block));
}

/** When silence of the handler ends the attempt, wall ms; 0: never. */
export function heartbeatDue(step: AgentStep, attempt: AttemptRecord, heardAt: number): number {
  const { heartbeatTimeoutMs } = step.node;
  return heartbeatTimeoutMs === undefined ? 0 : Math.max(attempt.startedAt, heardAt) + heartbeatTimeoutMs;
}

/** Nearest deadline of a live attempt, wall ms; 0: none. */
export function attemptDue(step: AgentStep, attempt: AttemptRecord, heardAt: number): number {
  const stoppingUntil = step.detail?.stoppingUntil ?? 0;
  if (stoppingUntil > 0) return stoppingUntil;
  return nearest(nearest(attempt.deadlineAt, totalDue(step)), heartbeatDue(step, attempt, heardAt));
}

/** The earlier of two times, of which 0 is none. */
export function nearest(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : Math.min(a, b);
}

/** The instance that just failed it; with `onDifferentAgent`, every instance that did. */
function instancesToAvoid(step: AgentStep): readonly string[] {
  const ended = attemptsOf(step).filter((attempt) => attempt.outcome !== undefined || attempt.isUnreachable);
  const last = ended.at(-1);
  if (last === undefined) return [];
  if (!step.node.retry.onDifferentAgent) return [last.instanceId];
  return [...new Set(ended.map((attempt) => attempt.instanceId))];
}
