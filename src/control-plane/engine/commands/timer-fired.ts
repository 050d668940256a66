import { unitDuration } from '../../../core/duration.ts';
import { times } from '../../../core/limits.ts';
import { findAttempt, liveAttempts } from '../attempts.ts';
import { childTimer } from '../child-runs.ts';
import type { TimerFired } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { beginEnding, killRun } from '../ending.ts';
import type { AttemptEnded, Failure } from '../events.ts';
import { failStep } from '../failure.ts';
import { findStep } from '../frames.ts';
import { totalTimeoutFailure } from '../overtime.ts';
import { hasUnconfirmed, requeue, retryOrFail, waitOn } from '../retry.ts';
import {
  type AgentStep,
  type AttemptRecord,
  type BlockStep,
  isAgentStep,
  isBlockStep,
  isChildStep,
  isWaitingStep,
} from '../state.ts';
import { isRunOver, isStepOver } from '../status.ts';
import { isFallingBack } from '../step-tree.ts';
import { killStep, stopBlock } from '../stop.ts';
import {
  blockTimerTask,
  delayTask,
  dropAttempt,
  dropTimer,
  dropWaiting,
  heartbeatDue,
  leaseTask,
  queueDue,
  queueTask,
  timerTask,
  totalDue,
} from '../tasks.ts';
import { tryTimer } from '../try-again.ts';
import { waitTimer } from '../waits.ts';

/** A row came due: what is really over by now ends; what is not gets its row again. */
export function timerFired(draft: Draft, command: TimerFired): void {
  if (command.path === '') return runTimer(draft, command);
  const step = findStep(draft.state, command.path);
  if (step === undefined || isStepOver(step.status) || isFallingBack(step)) return;
  if (isAgentStep(step)) agentTimer(draft, step, command);
  else if (isBlockStep(step)) blockTimer(draft, step);
  else if (isWaitingStep(step)) waitTimer(draft, step);
  else if (isChildStep(step)) childTimer(draft, step);
}

function agentTimer(draft: Draft, step: AgentStep, command: TimerFired): void {
  const attempt = findAttempt(step, command.attempt);
  if (attempt === undefined) return waitingTimer(draft, step, command);
  if (attempt.outcome === undefined) attemptTimer(draft, step, attempt, command);
}

function runTimer(draft: Draft, { mayRunUntil }: TimerFired): void {
  const { state } = draft;
  if (isRunOver(state.status) || state.deadlineAt === 0 || state.deadlineAt > draft.now) return;
  // The time of the next try: all of this one is over, and there is nothing to kill.
  if (state.tryAt > 0) return tryTimer(draft, mayRunUntil);
  if (state.ending !== undefined) return killRun(draft);
  // A call has a timeout of its own, and its workflow none.
  const timeoutMs = state.workflow.timeoutMs ?? state.deadlineAt - state.startedAt;
  beginEnding(draft, 'TIMED_OUT', {
    code: 'RUN_TIMEOUT',
    message: `the run took longer than its timeout of ${unitDuration(timeoutMs)}`,
  });
}

function blockTimer(draft: Draft, step: BlockStep): void {
  const due = totalDue(step);
  if (due === 0 || due > draft.now) return loopTimer(draft, step);
  stopBlock(draft, step, totalTimeoutFailure(step));
  draft.work.push(step);
}

/** The next iteration is due; in a paused run it waits on, with nothing to wake it but the end of the pause. */
function loopTimer(draft: Draft, step: BlockStep): void {
  const retryAt = step.detail?.retryAt ?? 0;
  if (retryAt === 0) return;
  if (retryAt > draft.now) return blockTimerTask(draft, step);
  if (draft.state.pausedAt === 0) draft.work.push(step);
  else if (totalDue(step) > 0) timerTask(draft, step, totalDue(step));
  else dropTimer(draft, step);
}

/** Queued or in backoff. */
function waitingTimer(draft: Draft, step: AgentStep, command: TimerFired): void {
  const { mayRunUntil } = command;
  if (isDue(totalDue(step), draft.now)) return endByTotal(draft, step, command);
  const retryAt = step.detail?.retryAt ?? 0;
  if (retryAt > 0) {
    if (retryAt > draft.now) return delayTask(draft, step);
    if (mayRunUntil > draft.now && hasUnconfirmed(step)) return waitOn(draft, step, mayRunUntil);
    dropWaiting(draft, step);
    return requeue(draft, step);
  }
  if (!step.isQueued) return;
  if (!isDue(queueDue(step), draft.now)) return queueTask(draft, step, true);
  dropWaiting(draft, step);
  failStep(draft, step, 'FAILED', {
    code: 'NO_AGENT',
    message: `"${step.path}" waited ${unitDuration(step.node.queueTimeoutMs ?? 0)} for an agent that offers "${step.node.action}"`,
    path: step.path,
  });
}

function attemptTimer(draft: Draft, step: AgentStep, attempt: AttemptRecord, command: TimerFired): void {
  const { heardAt } = command;
  const stoppingUntil = step.detail?.stoppingUntil ?? 0;
  if (stoppingUntil > 0) {
    if (stoppingUntil <= draft.now) killStep(draft, step);
    else leaseTask(draft, step, attempt, heardAt);
    return;
  }
  if (isDue(totalDue(step), draft.now)) return endByTotal(draft, step, command);
  const failure = overdue(draft, step, attempt, heardAt);
  if (failure === undefined) return leaseTask(draft, step, attempt, heardAt);
  timeOut(draft, step, attempt, { ...usageIn(command, attempt), ...counted(liveAttempts(step).length === 1), failure });
  if (liveAttempts(step).length > 0) return;
  dropWaiting(draft, step);
  retryOrFail(draft, step, failure, { status: 'TIMED_OUT', retryable: true, retryAfterMs: 0 });
}

function overdue(draft: Draft, step: AgentStep, attempt: AttemptRecord, heardAt: number): Failure | undefined {
  const place = { path: step.path, attempt: attempt.number, agentId: attempt.agentId, instanceId: attempt.instanceId };
  if (isDue(attempt.deadlineAt, draft.now)) {
    return {
      code: 'STEP_TIMEOUT',
      message: `"${step.path}" took longer than its timeout of ${unitDuration(attempt.deadlineAt - attempt.startedAt)}`,
      ...place,
    };
  }
  if (isDue(heartbeatDue(step, attempt, heardAt), draft.now)) {
    return {
      code: 'HEARTBEAT_TIMEOUT',
      message: `"${step.path}" gave no sign for ${unitDuration(step.node.heartbeatTimeoutMs ?? 0)}`,
      ...place,
    };
  }
  return undefined;
}

/** `totalTimeout` spans all tries: nothing is tried again. */
function endByTotal(draft: Draft, step: AgentStep, command: TimerFired): void {
  const failure = totalTimeoutFailure(step);
  for (const attempt of liveAttempts(step))
    timeOut(draft, step, attempt, { ...usageIn(command, attempt), ...counted(true), failure });
  dropWaiting(draft, step);
  failStep(draft, step, 'TIMED_OUT', failure);
}

function counted(counts: boolean): Pick<AttemptEnded, 'countsAsTry'> {
  return counts ? { countsAsTry: true } : {};
}

/** Of the attempt whose row came due. */
function usageIn({ attempt, usage }: TimerFired, { number }: AttemptRecord): Pick<AttemptEnded, 'usage'> {
  return usage === undefined || attempt !== number ? {} : { usage };
}

function timeOut(
  draft: Draft,
  step: AgentStep,
  attempt: AttemptRecord,
  how: Pick<AttemptEnded, 'failure' | 'countsAsTry' | 'usage'>,
): void {
  const { number, instanceId } = attempt;
  dropAttempt(draft, step, number);
  draft.emit({
    type: 'AttemptEnded',
    at: draft.now,
    path: step.path,
    number,
    outcome: 'TIMED_OUT',
    unconfirmed: true,
    ...how,
  });
  draft.effect({ type: 'stop', path: step.path, number, instanceId, reason: 'DEADLINE', graceMs: times.stopGraceMs });
}

function isDue(at: number, now: number): boolean {
  return at > 0 && at <= now;
}
