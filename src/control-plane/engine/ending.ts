/**
 * The end of a run. The first cause fixes the outcome; what runs is stopped with a grace, and cleanup goes on under its own
 * deadline: what the body still runs on failure or always, then compensations, then `finally`. The run is over when nothing
 * is open.
 */
import { toYardmasterError } from '../../core/errors.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import { dropCompensations, dueCompensation, unpaid } from './compensation.ts';
import { type Draft, MissingValues, RUN } from './decision.ts';
import type { Failure } from './events.ts';
import { liveSteps } from './frames.ts';
import { evaluateTemplate } from './outputs.ts';
import { goOn } from './pause.ts';
import { isAgentStep, isChildStep, type RunState, type Step } from './state.ts';
import { isRunOver, isStepOver, type RunOutcome } from './status.ts';
import { isFallingBack, ownerOf, parentOf, stepAt } from './step-tree.ts';
import { killStep, stopSteps } from './stop.ts';
import { abandonChild } from './stop-child.ts';
import { dropTimer, runTimerTask, timerDue } from './tasks.ts';
import { dropTry, tryAgain } from './try-again.ts';
import { mayTryAgain } from './try-rules.ts';

export function beginEnding(
  draft: Draft,
  outcome: RunOutcome,
  failure: Failure | undefined,
  output?: StoredValue,
): void {
  const { state } = draft;
  if (state.ending !== undefined || isRunOver(state.status)) return;
  const wasPaused = state.pausedAt > 0;
  draft.emit({
    type: 'RunEnding',
    at: draft.now,
    outcome,
    cleanupUntil: draft.now + state.workflow.cleanupTimeoutMs,
    ...(failure === undefined ? {} : { failure }),
    ...(output === undefined ? {} : { output }),
  });
  runTimerTask(draft);
  stopSteps(draft, stepsAt(state, state.workflow.roots));
  if (wasPaused) goOn(draft);
}

function stepsAt(state: RunState, slots: readonly number[]): readonly Step[] {
  return slots.map((slot) => stepAt(state.root, slot));
}

/** The cleanup deadline, or a second cancel: nothing is waited for any more. */
export function killRun(draft: Draft): void {
  for (const step of liveSteps(draft.state).toReversed()) {
    const { status, path } = step;
    if (isStepOver(status) || !isReachable(step)) continue;
    if (status === 'PENDING') draft.emit({ type: 'StepSkipped', at: draft.now, path, reason: 'RUN_ENDING' });
    else if (isAgentStep(step)) killStep(draft, step);
    else {
      if (timerDue(step) > 0) dropTimer(draft, step);
      if (isChildStep(step) && !isFallingBack(step)) abandonChild(draft, step);
      draft.emit({ type: 'StepCancelled', at: draft.now, path });
    }
  }
  dropCompensations(draft);
  draft.work.length = 0;
}

/** False inside a block that has not opened, and for what nobody called for: it ends with its block or owner, without an event. */
function isReachable(step: Step): boolean {
  const owner = ownerOf(step);
  if (owner !== undefined && step.status === 'PENDING')
    return step.node.attached?.kind === 'fallback' && isFallingBack(owner);
  const parent = parentOf(step);
  return parent === undefined || parent.status === 'RUNNING';
}

/** Called when the work list is empty; answers whether there is more to advance. */
export function finishRunIfDone(draft: Draft): boolean {
  const { state } = draft;
  if (draft.isPostponed || state.openRoots > 0 || state.pausedAt > 0 || isRunOver(state.status)) return false;
  // All of its steps may be taken over; it has not begun all the same.
  if (state.status === 'QUEUED') return false;
  if (state.ending === undefined) return finishBody(draft);
  const compensation = dueCompensation(draft);
  if (compensation !== undefined) {
    if (state.tryAt > 0) dropTry(draft);
    return callFor(draft, compensation);
  }
  if (state.openFinally > 0) return openFinally(draft);
  if (!draft.isLast && mayTryAgain(state, draft.now)) return tryAgain(draft);
  endRun(draft);
  return false;
}

/** The body ended well: the output is evaluated, then `finally` runs. */
function finishBody(draft: Draft): boolean {
  const { workflow, root } = draft.state;
  try {
    const output = workflow.output === undefined ? undefined : evaluateTemplate(draft, root, workflow.output, 'out');
    beginEnding(draft, 'COMPLETED', undefined, output);
  } catch (error) {
    if (error instanceof MissingValues) {
      draft.postpone(RUN, error);
      return false;
    }
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    beginEnding(draft, 'FAILED', { code, message });
  }
  return true;
}

/** Compensations go one after the other: one that runs is waited for. */
function callFor(draft: Draft, compensation: Step): boolean {
  if (compensation.status !== 'PENDING') return false;
  draft.work.push(compensation);
  return true;
}

function openFinally(draft: Draft): boolean {
  const { state } = draft;
  const startable = stepsAt(state, state.workflow.finallyRoots).filter(
    (step) => step.status === 'PENDING' && step.pendingDependencies === 0,
  );
  draft.work.push(...startable.toReversed());
  return startable.length > 0;
}

function endRun(draft: Draft): void {
  const { state } = draft;
  const { ending } = state;
  if (ending === undefined) return;
  const cleanupFailures = [...state.cleanupFailures, ...unpaid(state)];
  draft.emit({
    type: 'RunEnded',
    at: draft.now,
    status: ending.outcome,
    ...(ending.output === undefined ? {} : { output: ending.output }),
    ...(ending.failure === undefined ? {} : { failure: ending.failure }),
    ...(cleanupFailures.length === 0 ? {} : { cleanupFailures }),
    ...(state.signals.length === 0 ? {} : { unconsumedSignals: state.signals.length }),
  });
  runTimerTask(draft);
  draft.effect({ type: 'runOver' });
}
