/**
 * Applies one event to a run's state, in place: the only writer of RunState. It never evaluates and never decides, so
 * replaying a journal is the same as having lived it.
 */
import type { SecretMark } from '../../core/secret-mark.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import { liveAttempts } from './attempts.ts';
import { eventBytes } from './event-bytes.ts';
import type {
  BlockStarted,
  BodyEnded,
  BodyStarted,
  Failure,
  RunEnded,
  RunEnding,
  RunEvent,
  SignalReceived,
  StepFailed,
  StepFellBack,
  StepReady,
  StepSkipped,
  StepStopping,
  StepTakenOver,
  StepWaiting,
} from './events.ts';
import { dropAttached, fallBack, forgiveAll, hasOwed, settleAttached } from './evolve-attached.ts';
import { changeAttempt, endAttempt, startAttempt } from './evolve-attempt.ts';
import { takeBodiesOver } from './evolve-bodies.ts';
import { closeItems, endItem, openItems, startItem } from './evolve-map.ts';
import { dropTry, noteStray, noteStrayChild, scheduleTry, startTry } from './evolve-try.ts';
import { openFrame, stepNamed } from './frames.ts';
import {
  type BlockStep,
  detailOf,
  isBlockStep,
  isLoopStep,
  isMapStep,
  type LoopDetail,
  type LoopStep,
  type RunState,
  type Step,
  type StepDetail,
} from './state.ts';
import { isStepOver, type StepStatus } from './status.ts';
import { childrenOf, frameInside, isProtected, parentOf, stepAt, tolerates } from './step-tree.ts';

export function evolve(state: RunState, event: RunEvent): void {
  state.position += 1;
  state.journalBytes += eventBytes(event);
  switch (event.type) {
    case 'StepTakenOver':
      return takeStepOver(state, event);
    case 'BodiesTakenOver':
      return takeBodiesOver(state, stepNamed(state, event.path), event);
    case 'BlockStarted':
      return startBlock(stepNamed(state, event.path), event);
    case 'BodyStarted':
      return startBody(state, event);
    case 'BodyEnded':
      return endBody(state, event);
    case 'StepReady':
      return readyStep(state, event);
    case 'StepWaiting':
      return waitStep(state, event);
    case 'ChildStarted':
      detailOf(stepNamed(state, event.path)).child = { runId: event.runId, version: event.version };
      return;
    case 'SignalReceived':
      return keepSignal(state, event);
    case 'SignalTaken':
      state.signals = state.signals.filter((signal) => signal.number !== event.number);
      return;
    case 'StepQueued':
      return queueStep(stepNamed(state, event.path), event.at);
    case 'AttemptStarted':
      return startAttempt(state, event);
    case 'AttemptUnreachable':
      return changeAttempt(state, event.path, event.number, (attempt) => {
        attempt.isUnreachable = true;
      });
    case 'AttemptReturned':
      stepNamed(state, event.path).isQueued = false;
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
      const step = stepNamed(state, event.path);
      // It may have been offered to another agent beside the attempt that ended: nobody gets it before its time.
      step.isQueued = false;
      const detail = detailOf(step);
      detail.retryAt = event.dueAt;
      detail.backoffUntil = event.backoffUntil;
      return;
    }
    case 'StepStopping':
      return stopStep(stepNamed(state, event.path), event);
    case 'StepCompleted': {
      const step = stepNamed(state, event.path);
      if (event.output !== undefined) detailOf(step).output = event.output;
      return endStep(state, step, 'COMPLETED', event.at);
    }
    case 'StepFellBack':
      return startFallback(state, event);
    case 'StepFailed':
      return failStep(state, event);
    case 'StepSkipped':
      return skipStep(state, event);
    case 'StepCancelled': {
      const step = stepNamed(state, event.path);
      noteStrayChild(state, step, event.at);
      return endStep(state, step, 'CANCELLED', event.at);
    }
    case 'LateResult':
      return changeAttempt(state, event.path, event.number, (attempt) => {
        attempt.hasLateResult = true;
      });
    default:
      return evolveRun(state, event);
  }
}

type OfRun =
  | 'RunCreated'
  | 'RunStarted'
  | 'CancelRequested'
  | 'RunPaused'
  | 'RunResumed'
  | 'RunEnding'
  | 'RunTryScheduled'
  | 'RunTryDropped'
  | 'RunTryStarted'
  | 'RunEnded';

function evolveRun(state: RunState, event: Extract<RunEvent, { readonly type: OfRun }>): void {
  switch (event.type) {
    case 'RunCreated':
      return;
    case 'RunStarted':
      state.status = 'RUNNING';
      state.startedAt = event.at;
      state.deadlineAt = event.deadlineAt ?? 0;
      return;
    case 'CancelRequested':
      state.cancelRequests += 1;
      return;
    case 'RunPaused':
      state.pausedAt = event.at;
      return;
    case 'RunResumed':
      state.pausedAt = 0;
      return;
    case 'RunEnding':
      return beginEnding(state, event);
    case 'RunTryScheduled':
      return scheduleTry(state, event);
    case 'RunTryDropped':
      return dropTry(state, event);
    case 'RunTryStarted':
      return startTry(state, event);
    case 'RunEnded':
      return endRun(state, event);
  }
}

function startBlock(step: Step, event: BlockStarted): void {
  step.status = 'RUNNING';
  step.readyAt = event.at;
  if (isLoopStep(step)) detailOf(step).loop ??= { frame: undefined, iterations: 0, last: undefined, kept: new Map() };
  else if (isMapStep(step)) openItems(step, event);
  else if (isBlockStep(step)) countChildren(step);
  if (event.branch !== undefined) detailOf(step).branch = event.branch;
  markActive(step);
}

function startBody(state: RunState, event: BodyStarted): void {
  const { path, number } = event;
  const owner = stepNamed(state, path);
  if (isMapStep(owner)) return startItem(state, owner, event);
  const { step, detail, loop } = loopNamed(state, path);
  if (loop.frame?.number !== number) loop.frame = openFrame(step, number, state.bodyNumberBefore);
  loop.iterations = number;
  step.status = 'RUNNING';
  detail.retryAt = 0;
  detail.activeChildren = 0;
  detail.completedChildren = 0;
  detail.cursor = 0;
  // In an iteration that another try goes on with, some are over.
  countChildren(step);
}

function endBody(state: RunState, event: BodyEnded): void {
  const owner = stepNamed(state, event.path);
  if (isMapStep(owner)) return endItem(state, owner, event);
  const { step, detail, loop } = loopNamed(state, event.path);
  if (loop.frame !== undefined) noteStray(state, loop.frame, event.at);
  if (loop.frame !== undefined && hasOwed(loop.frame)) loop.kept.set(event.number, loop.frame);
  loop.frame = undefined;
  loop.last = must(state, event.output);
  if (event.nextAt === undefined) return;
  step.status = 'WAITING';
  detail.retryAt = event.nextAt;
}

function must(state: RunState, output: StoredValue | undefined): StoredValue {
  if (output !== undefined) return output;
  throw new RangeError(`the journal of run "${state.runId}" has an iteration without an output`);
}

function loopNamed(
  state: RunState,
  path: string,
): { readonly step: LoopStep; readonly detail: StepDetail; readonly loop: LoopDetail } {
  const step = stepNamed(state, path);
  const loop = step.detail?.loop;
  if (!isLoopStep(step) || loop === undefined)
    throw new RangeError(`the journal of run "${state.runId}" has an iteration of "${path}", which is no open loop`);
  return { step, detail: detailOf(step), loop };
}

/** Some may be over before it opens: those that were taken over. */
function countChildren(block: BlockStep): void {
  const detail = detailOf(block);
  detail.openChildren = 0;
  for (const child of childrenOf(block)) {
    if (!isStepOver(child.status)) detail.openChildren += 1;
    else if (child.status === 'COMPLETED') detail.completedChildren += 1;
  }
  moveCursor(block);
}

/** Over without having begun. A block around it has not opened, or is taken over whole: nothing is counted there. */
function takeStepOver(state: RunState, event: StepTakenOver): void {
  const step = stepNamed(state, event.path);
  const detail = detailOf(step);
  step.status = event.status;
  detail.takenOver = { attempts: event.number, agentId: event.agentId };
  detail.output = event.output;
  detail.failure = event.failure;
  detail.endedAt = event.at;
  if (event.branch !== undefined) detail.branch = event.branch;
  if (event.reason !== undefined) detail.skip = { reason: event.reason, because: event.because };
  for (const dependent of step.node.dependents) stepAt(step.frame, dependent).pendingDependencies -= 1;
  settleAttached(state, step);
  if (step.node.attached === undefined && parentOf(step) === undefined) state.openRoots -= 1;
}

function readyStep(state: RunState, event: StepReady): void {
  const step = stepNamed(state, event.path);
  step.input = event.input;
  if (event.secrets !== undefined) noteSecrets(state, step, event.secrets);
  if (event.key !== undefined) detailOf(step).key = event.key;
  step.readyAt = event.at;
  queueStep(step, event.at);
  markActive(step);
}

function noteSecrets(state: RunState, step: Step, marks: readonly SecretMark[]): void {
  detailOf(step).secrets = marks;
  state.secrets = [...new Set([...state.secrets, ...marks.map(({ name }) => name)])];
}

function waitStep(state: RunState, event: StepWaiting): void {
  const step = stepNamed(state, event.path);
  step.status = 'WAITING';
  step.readyAt = event.at;
  if (event.input !== undefined) step.input = event.input;
  const detail = detailOf(step);
  detail.waitUntil = event.dueAt ?? 0;
  detail.waitingFrom = state.position;
  detail.title = event.title ?? '';
  markActive(step);
}

function keepSignal(state: RunState, { name, number, payload, actor, requestId }: SignalReceived): void {
  state.signalCount = number;
  state.signals.push({ name, number, payload, actor });
  state.signalRequests.set(requestId, name);
}

/** A step started: its block has one more active child. */
function markActive(step: Step): void {
  const parent = parentOf(step);
  if (parent === undefined) return;
  detailOf(parent).activeChildren += 1;
  moveCursor(parent);
}

/** Past the children that are no longer PENDING, so that the next one to start is found without a scan. */
function moveCursor(block: BlockStep): void {
  const inside = frameInside(block);
  if (inside === undefined) return;
  const detail = detailOf(block);
  const { children } = block.node;
  for (;;) {
    const child = children[detail.cursor];
    if (child === undefined || stepAt(inside, child).status === 'PENDING') return;
    detail.cursor += 1;
  }
}

function queueStep(step: Step, at: number): void {
  step.isQueued = true;
  step.queuedAt = at;
  if (step.detail !== undefined) step.detail.retryAt = 0;
  step.status = liveAttempts(step).length > 0 ? 'RUNNING' : 'READY';
}

function stopStep(step: Step, event: StepStopping): void {
  step.isQueued = false;
  const detail = detailOf(step);
  detail.retryAt = 0;
  detail.stoppingUntil = event.graceUntil;
  if (event.failure === undefined) return;
  // What a child did wrong must not hide why the block ends, where it counts for nothing.
  if (tolerates(step)) detail.childFailure = event.failure;
  else detail.childFailure ??= event.failure;
}

/** A step that failed before it began is begun by this: it has its place in the block's window. */
function startFallback(state: RunState, event: StepFellBack): void {
  const step = stepNamed(state, event.path);
  const hadBegun = step.status !== 'PENDING';
  fallBack(step, event);
  if (hadBegun) return;
  step.readyAt = event.at;
  closeUnopened(step, 'SKIPPED', event.at);
  markActive(step);
}

function failStep(state: RunState, event: StepFailed): void {
  const step = stepNamed(state, event.path);
  detailOf(step).failure = event.failure;
  // The failure of a fallback is told of its owner, which fails with its own.
  const isReported = step.node.attached?.kind !== 'fallback' && isProtected(step);
  if (state.ending !== undefined && isReported) state.cleanupFailures.push(event.failure);
  endStep(state, step, event.status, event.at);
  countChildFailure(step, event.failure);
}

/** A failed child that nobody handles in the block counts for the block's policy. */
function countChildFailure(step: Step, failure: Failure): void {
  const parent = parentOf(step);
  if (parent === undefined || step.node.onFailure === 'continue') return;
  detailOf(parent).childFailure ??= failure;
}

function skipStep(state: RunState, event: StepSkipped): void {
  const step = stepNamed(state, event.path);
  detailOf(step).skip = { reason: event.reason, because: event.because };
  endStep(state, step, 'SKIPPED', event.at);
}

function endStep(state: RunState, step: Step, status: StepStatus, at: number): void {
  const wasActive = step.status !== 'PENDING';
  step.status = status;
  step.isQueued = false;
  if (step.detail !== undefined || status !== 'SKIPPED') {
    const detail = detailOf(step);
    detail.endedAt = at;
    detail.retryAt = 0;
    detail.stoppingUntil = 0;
  }
  if (!wasActive) closeUnopened(step, status, at);
  if (isMapStep(step)) closeItems(state, step, at);
  for (const dependent of step.node.dependents) stepAt(step.frame, dependent).pendingDependencies -= 1;
  settleAttached(state, step);
  leaveParent(state, step, wasActive);
}

function leaveParent(state: RunState, step: Step, wasActive: boolean): void {
  if (step.node.attached !== undefined) return;
  const parent = parentOf(step);
  if (parent !== undefined) {
    const detail = detailOf(parent);
    detail.openChildren -= 1;
    if (step.status === 'COMPLETED') detail.completedChildren += 1;
    if (wasActive) detail.activeChildren -= 1;
    else moveCursor(parent);
  } else if (step.node.isCleanup) state.openFinally -= 1;
  else state.openRoots -= 1;
}

/** A block that never opened ends with everything in it, without an event for each. */
function closeUnopened(block: Step, status: StepStatus, at: number): void {
  const stack = [...childrenOf(block)];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    if (isStepOver(step.status)) continue;
    step.status = status === 'CANCELLED' ? 'CANCELLED' : 'SKIPPED';
    if (step.detail !== undefined) step.detail.endedAt = at;
    dropAttached(step);
    stack.push(...childrenOf(step));
  }
}

function beginEnding(state: RunState, event: RunEnding): void {
  state.status = 'ENDING';
  state.ending = { outcome: event.outcome, failure: event.failure, output: event.output };
  state.deadlineAt = event.cleanupUntil;
  state.pausedAt = 0;
  if (event.outcome === 'COMPLETED') forgiveAll(state);
}

function endRun(state: RunState, event: RunEnded): void {
  state.status = event.status;
  state.endedAt = event.at;
  state.output = event.output;
  state.failure = event.failure;
  state.deadlineAt = 0;
  if (event.cleanupFailures !== undefined) state.cleanupFailures = [...event.cleanupFailures];
}
