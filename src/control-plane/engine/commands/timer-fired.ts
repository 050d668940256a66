import { times } from '../../../core/limits.ts';
import type { CompiledAgentNode, CompiledNode } from '../../../workflow/compiled.ts';
import type { TimerFired } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { beginEnding, killRun } from '../ending.ts';
import type { Failure } from '../events.ts';
import { failStep } from '../failure.ts';
import { requeue, retryOrFail } from '../retry.ts';
import { type AttemptRecord, findAttempt, indexOfPath, liveAttempts, nodeAt, recordAt } from '../state.ts';
import { isRunOver, isStepOver } from '../status.ts';
import { killStep, stopSiblings } from '../stop.ts';
import {
  delayTask,
  dropAttempt,
  dropWaiting,
  heartbeatDue,
  leaseTask,
  queueDue,
  queueTask,
  totalDue,
} from '../tasks.ts';

/** A row came due: what is really over by now ends; what is not gets its row again. */
export function timerFired(draft: Draft, command: TimerFired): void {
  if (command.path === '') return runTimer(draft);
  const index = indexOfPath(draft.state, command.path);
  if (index === undefined || isStepOver(recordAt(draft.state, index).status)) return;
  const node = nodeAt(draft.state, index);
  if (node.kind !== 'agent') return blockTimer(draft, node);
  const attempt = findAttempt(recordAt(draft.state, index), command.attempt);
  if (attempt === undefined) return waitingTimer(draft, node);
  if (attempt.outcome === undefined) attemptTimer(draft, node, attempt, command.heardAt);
}

function runTimer(draft: Draft): void {
  const { state } = draft;
  if (isRunOver(state.status) || state.deadlineAt === 0 || state.deadlineAt > draft.now) return;
  if (state.ending !== undefined) return killRun(draft);
  const { timeoutMs } = state.workflow;
  beginEnding(draft, 'TIMED_OUT', {
    code: 'RUN_TIMEOUT',
    message: `the run took longer than its timeout of ${timeoutMs} ms`,
  });
}

function blockTimer(draft: Draft, node: CompiledNode): void {
  const due = totalDue(node, recordAt(draft.state, node.index));
  if (due === 0 || due > draft.now) return;
  const failure = {
    code: 'TOTAL_TIMEOUT',
    message: `"${node.id}" took longer than its totalTimeout of ${node.totalTimeoutMs} ms`,
    path: node.id,
  };
  stopSiblings(draft, node.index, failure);
  draft.work.push(node.index);
}

/** Queued or in backoff. */
function waitingTimer(draft: Draft, node: CompiledAgentNode): void {
  const record = recordAt(draft.state, node.index);
  if (isDue(totalDue(node, record), draft.now)) return endByTotal(draft, node);
  const retryAt = record.detail?.retryAt ?? 0;
  if (retryAt > 0) {
    if (retryAt > draft.now) return delayTask(draft, node.index);
    dropWaiting(draft, node.index);
    return requeue(draft, node);
  }
  if (!record.isQueued) return;
  if (!isDue(queueDue(node, record), draft.now)) return queueTask(draft, node.index, true);
  dropWaiting(draft, node.index);
  failStep(draft, node.index, 'FAILED', {
    code: 'NO_AGENT',
    message: `"${node.id}" waited ${node.queueTimeoutMs} ms for an agent that offers "${node.action}"`,
    path: node.id,
  });
}

function attemptTimer(draft: Draft, node: CompiledAgentNode, attempt: AttemptRecord, heardAt: number): void {
  const record = recordAt(draft.state, node.index);
  const stoppingUntil = record.detail?.stoppingUntil ?? 0;
  if (stoppingUntil > 0) {
    if (stoppingUntil <= draft.now) killStep(draft, node);
    else leaseTask(draft, node.index, attempt, heardAt);
    return;
  }
  if (isDue(totalDue(node, record), draft.now)) return endByTotal(draft, node);
  const failure = overdue(draft, node, attempt, heardAt);
  if (failure === undefined) return leaseTask(draft, node.index, attempt, heardAt);
  timeOut(draft, node, attempt, failure, liveAttempts(record).length === 1);
  if (liveAttempts(record).length > 0) return;
  dropWaiting(draft, node.index);
  retryOrFail(draft, node, failure, { status: 'TIMED_OUT', retryable: true, retryAfterMs: 0 });
}

function overdue(draft: Draft, node: CompiledAgentNode, attempt: AttemptRecord, heardAt: number): Failure | undefined {
  const place = { path: node.id, attempt: attempt.number, agentId: attempt.agentId, instanceId: attempt.instanceId };
  if (isDue(attempt.deadlineAt, draft.now)) {
    return {
      code: 'STEP_TIMEOUT',
      message: `"${node.id}" took longer than its timeout of ${attempt.deadlineAt - attempt.startedAt} ms`,
      ...place,
    };
  }
  if (isDue(heartbeatDue(node, attempt, heardAt), draft.now)) {
    return {
      code: 'HEARTBEAT_TIMEOUT',
      message: `"${node.id}" gave no sign for ${node.heartbeatTimeoutMs} ms`,
      ...place,
    };
  }
  return undefined;
}

/** `totalTimeout` spans all tries: nothing is tried again. */
function endByTotal(draft: Draft, node: CompiledAgentNode): void {
  const failure = {
    code: 'TOTAL_TIMEOUT',
    message: `"${node.id}" took longer than its totalTimeout of ${node.totalTimeoutMs} ms`,
    path: node.id,
  };
  for (const attempt of liveAttempts(recordAt(draft.state, node.index))) timeOut(draft, node, attempt, failure, true);
  dropWaiting(draft, node.index);
  failStep(draft, node.index, 'TIMED_OUT', failure);
}

function timeOut(
  draft: Draft,
  node: CompiledAgentNode,
  attempt: AttemptRecord,
  failure: Failure,
  counts: boolean,
): void {
  const { number, instanceId } = attempt;
  dropAttempt(draft, node.index, number);
  draft.emit({
    type: 'AttemptEnded',
    at: draft.now,
    path: node.id,
    number,
    outcome: 'TIMED_OUT',
    failure,
    unconfirmed: true,
    ...(counts ? { countsAsTry: true } : {}),
  });
  draft.effect({ type: 'stop', path: node.id, number, instanceId, reason: 'DEADLINE', graceMs: times.stopGraceMs });
}

function isDue(at: number, now: number): boolean {
  return at > 0 && at <= now;
}
