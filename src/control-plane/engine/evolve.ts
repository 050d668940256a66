/**
 * Applies one event to a run's state, in place: the only writer of RunState. It never evaluates and never decides, so
 * replaying a journal is the same as having lived it.
 */
import type {
  AttemptEnded,
  AttemptStarted,
  Failure,
  RunEnded,
  RunEnding,
  RunEvent,
  StepFailed,
  StepReady,
  StepSkipped,
  StepStopping,
} from './events.ts';
import {
  type AttemptRecord,
  detailOf,
  findAttempt,
  indexOfPath,
  isProtected,
  liveAttempts,
  nodeAt,
  type RunState,
  recordAt,
  type StepRecord,
} from './state.ts';
import type { StepStatus } from './status.ts';

export function evolve(state: RunState, event: RunEvent): void {
  state.position += 1;
  switch (event.type) {
    case 'RunCreated':
      return;
    case 'RunStarted':
      state.status = 'RUNNING';
      state.startedAt = event.at;
      state.deadlineAt = event.deadlineAt ?? 0;
      return;
    case 'BlockStarted':
      return startBlock(state, indexAt(state, event.path), event.at);
    case 'StepReady':
      return readyStep(state, event);
    case 'StepQueued':
      return queueStep(stepAt(state, event.path), event.at);
    case 'AttemptStarted':
      return startAttempt(state, event);
    case 'AttemptUnreachable':
      return changeAttempt(state, event.path, event.number, (attempt) => {
        attempt.isUnreachable = true;
      });
    case 'AttemptReturned':
      stepAt(state, event.path).isQueued = false;
      return changeAttempt(state, event.path, event.number, (attempt) => {
        attempt.isUnreachable = false;
      });
    case 'AttemptEnded':
      return endAttempt(state, event);
    case 'StopConfirmed':
      return changeAttempt(state, event.path, event.number, (attempt) => {
        attempt.isUnconfirmed = false;
      });
    case 'RetryScheduled': {
      const detail = detailOf(stepAt(state, event.path));
      detail.retryAt = event.dueAt;
      detail.backoffUntil = event.backoffUntil;
      return;
    }
    case 'StepStopping':
      return stopStep(stepAt(state, event.path), event);
    case 'StepCompleted': {
      const index = indexAt(state, event.path);
      if (event.output !== undefined) detailOf(recordAt(state, index)).output = event.output;
      return endStep(state, index, 'COMPLETED', event.at);
    }
    case 'StepFailed':
      return failStep(state, event);
    case 'StepSkipped':
      return skipStep(state, event);
    case 'StepCancelled':
      return endStep(state, indexAt(state, event.path), 'CANCELLED', event.at);
    case 'LateResult':
      return changeAttempt(state, event.path, event.number, (attempt) => {
        attempt.hasLateResult = true;
      });
    case 'CancelRequested':
      state.cancelRequests += 1;
      return;
    case 'RunEnding':
      return beginEnding(state, event);
    case 'RunEnded':
      return endRun(state, event);
  }
}

function indexAt(state: RunState, path: string): number {
  const index = indexOfPath(state, path);
  if (index === undefined) throw new RangeError(`the journal of run "${state.runId}" names an unknown step "${path}"`);
  return index;
}

function stepAt(state: RunState, path: string): StepRecord {
  return recordAt(state, indexAt(state, path));
}

function startBlock(state: RunState, index: number, at: number): void {
  const node = nodeAt(state, index);
  const record = recordAt(state, index);
  record.status = 'RUNNING';
  record.readyAt = at;
  if (node.kind !== 'agent') detailOf(record).openChildren = node.children.length;
  markActive(state, index);
}

function readyStep(state: RunState, event: StepReady): void {
  const index = indexAt(state, event.path);
  const record = recordAt(state, index);
  record.input = event.input;
  record.readyAt = event.at;
  queueStep(record, event.at);
  markActive(state, index);
}

/** A step started: its block has one more active child. */
function markActive(state: RunState, index: number): void {
  const parent = nodeAt(state, index).parent;
  if (parent < 0) return;
  detailOf(recordAt(state, parent)).activeChildren += 1;
  moveCursor(state, parent);
}

/** Past the children that are no longer PENDING, so that the next one to start is found without a scan. */
function moveCursor(state: RunState, parent: number): void {
  const block = detailOf(recordAt(state, parent));
  const children = childrenOf(state, parent);
  for (;;) {
    const child = children[block.cursor];
    if (child === undefined || recordAt(state, child).status === 'PENDING') return;
    block.cursor += 1;
  }
}

function queueStep(record: StepRecord, at: number): void {
  record.isQueued = true;
  record.queuedAt = at;
  if (record.detail !== undefined) record.detail.retryAt = 0;
  record.status = liveAttempts(record).length > 0 ? 'RUNNING' : 'READY';
}

function startAttempt(state: RunState, event: AttemptStarted): void {
  const record = stepAt(state, event.path);
  record.isQueued = false;
  record.status = 'RUNNING';
  detailOf(record).attempts.push({
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

function changeAttempt(state: RunState, path: string, number: number, change: (attempt: AttemptRecord) => void): void {
  const attempt = findAttempt(stepAt(state, path), number);
  if (attempt === undefined)
    throw new RangeError(`the journal of run "${state.runId}" names an unknown attempt "${path}#${number}"`);
  change(attempt);
}

function endAttempt(state: RunState, event: AttemptEnded): void {
  const record = stepAt(state, event.path);
  changeAttempt(state, event.path, event.number, (attempt) => {
    attempt.outcome = event.outcome;
    attempt.failure = event.failure;
    attempt.endedAt = event.at;
    attempt.isUnconfirmed = event.unconfirmed === true;
    attempt.isAccepted = isResult(event);
  });
  if (event.countsAsTry === true) record.failedTries += 1;
  if (liveAttempts(record).length === 0 && record.status === 'RUNNING') record.status = 'READY';
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

function stopStep(record: StepRecord, event: StepStopping): void {
  record.isQueued = false;
  const detail = detailOf(record);
  detail.retryAt = 0;
  detail.stoppingUntil = event.graceUntil;
  if (event.failure !== undefined) detail.childFailure ??= event.failure;
}

function failStep(state: RunState, event: StepFailed): void {
  const index = indexAt(state, event.path);
  detailOf(recordAt(state, index)).failure = event.failure;
  if (state.ending !== undefined && isProtected(state, nodeAt(state, index))) state.cleanupFailures.push(event.failure);
  endStep(state, index, event.status, event.at);
  countChildFailure(state, index, event.failure);
}

/** A failed child that nobody handles in the block counts for the block's policy. */
function countChildFailure(state: RunState, index: number, failure: Failure): void {
  const node = nodeAt(state, index);
  if (node.parent < 0 || node.onFailure === 'continue') return;
  detailOf(recordAt(state, node.parent)).childFailure ??= failure;
}

function skipStep(state: RunState, event: StepSkipped): void {
  const index = indexAt(state, event.path);
  detailOf(recordAt(state, index)).skip = { reason: event.reason, because: event.because };
  endStep(state, index, 'SKIPPED', event.at);
}

function endStep(state: RunState, index: number, status: StepStatus, at: number): void {
  const node = nodeAt(state, index);
  const record = recordAt(state, index);
  const wasActive = record.status !== 'PENDING';
  record.status = status;
  record.isQueued = false;
  if (record.detail !== undefined || status !== 'SKIPPED') {
    const detail = detailOf(record);
    detail.endedAt = at;
    detail.retryAt = 0;
    detail.stoppingUntil = 0;
  }
  if (node.kind !== 'agent' && !wasActive) closeUnopened(state, index, status, at);
  for (const dependent of node.dependents) recordAt(state, dependent).pendingDependencies -= 1;
  leaveParent(state, node.parent, node.isCleanup, wasActive);
}

function leaveParent(state: RunState, parent: number, isCleanup: boolean, wasActive: boolean): void {
  if (parent >= 0) {
    const block = detailOf(recordAt(state, parent));
    block.openChildren -= 1;
    if (wasActive) block.activeChildren -= 1;
    else moveCursor(state, parent);
  } else if (isCleanup) state.openFinally -= 1;
  else state.openRoots -= 1;
}

/** A block that never opened ends with everything in it, without an event for each. */
function closeUnopened(state: RunState, block: number, status: StepStatus, at: number): void {
  const stack = childrenOf(state, block).slice();
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    const record = recordAt(state, index);
    record.status = status === 'CANCELLED' ? 'CANCELLED' : 'SKIPPED';
    if (record.detail !== undefined) record.detail.endedAt = at;
    stack.push(...childrenOf(state, index));
  }
}

function childrenOf(state: RunState, index: number): readonly number[] {
  const node = nodeAt(state, index);
  return node.kind === 'agent' ? [] : node.children;
}

function beginEnding(state: RunState, event: RunEnding): void {
  state.status = 'ENDING';
  state.ending = { outcome: event.outcome, failure: event.failure, output: event.output };
  state.deadlineAt = event.cleanupUntil;
}

function endRun(state: RunState, event: RunEnded): void {
  state.status = event.status;
  state.endedAt = event.at;
  state.output = event.output;
  state.failure = event.failure;
  state.deadlineAt = 0;
  if (event.cleanupFailures !== undefined) state.cleanupFailures = [...event.cleanupFailures];
}
