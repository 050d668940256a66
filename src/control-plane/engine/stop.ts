/**
 * Stopping what runs: a step that waits ends at once, a running one is asked to stop and has a grace in which its result is
 * still recorded; what runs on failure or always is left alone.
 */
import { times } from '../../core/limits.ts';
import { liveAttempts } from './attempts.ts';
import type { Draft } from './decision.ts';
import type { Failure } from './events.ts';
import {
  type AgentStep,
  type BlockStep,
  type ChildStep,
  isAgentStep,
  isChildStep,
  isWaitingStep,
  type RunState,
  type Step,
  type WaitingStep,
} from './state.ts';
import { isStepOver } from './status.ts';
import { childrenOf, fallbackOf, isFallingBack, ownerOf, parentOf } from './step-tree.ts';
import { stopChild } from './stop-child.ts';
import { dropAttempt, dropWaiting, leaseTask } from './tasks.ts';
import { wake } from './wake.ts';

/** True for a step that must not start: its run is ENDING or a block around it is stopping, and nothing protects it. */
export function isStopping(state: RunState, step: Step): boolean {
  for (let current = step; ; ) {
    if (current.node.runOn !== 'success' || current.node.attached?.kind === 'compensate') return false;
    const owner = ownerOf(current);
    if (owner !== undefined) {
      current = owner;
      continue;
    }
    const parent = parentOf(current);
    if (parent === undefined) return state.ending !== undefined && !current.node.isCleanup;
    if ((parent.detail?.stoppingUntil ?? 0) > 0) return true;
    current = parent;
  }
}

/** Stops what is open among `steps`, except what runs on failure or always. */
export function stopSteps(draft: Draft, steps: readonly Step[]): void {
  for (const step of steps) if (step.node.runOn === 'success' && !isStepOver(step.status)) stopStep(draft, step);
}

function stopStep(draft: Draft, step: Step): void {
  const fallback = isFallingBack(step) ? fallbackOf(step) : undefined;
  // Its end is its owner's.
  if (fallback !== undefined) stopStep(draft, fallback);
  else if (step.status === 'PENDING') {
    if (step.pendingDependencies === 0) draft.work.push(step);
  } else if (isChildStep(step) && step.detail?.child !== undefined) stopChild(draft, step);
  else if (isChildStep(step) || isWaitingStep(step)) cancelStep(draft, step);
  else if (!isAgentStep(step)) {
    if ((step.detail?.stoppingUntil ?? 0) > 0) return;
    draft.emit({ type: 'StepStopping', at: draft.now, path: step.path, graceUntil: draft.now + times.stopGraceMs });
    stopSteps(draft, childrenOf(step));
    draft.work.push(step);
  } else if (liveAttempts(step).length > 0) stopAttempts(draft, step);
  else cancelStep(draft, step);
}

function stopAttempts(draft: Draft, step: AgentStep): void {
  if ((step.detail?.stoppingUntil ?? 0) > 0) return;
  dropWaiting(draft, step);
  draft.emit({ type: 'StepStopping', at: draft.now, path: step.path, graceUntil: draft.now + times.stopGraceMs });
  for (const attempt of liveAttempts(step)) {
    leaseTask(draft, step, attempt, 0);
    stopEffect(draft, step, attempt, times.stopGraceMs);
  }
}

function stopEffect(
  draft: Draft,
  step: AgentStep,
  attempt: { readonly number: number; readonly instanceId: string },
  graceMs: number,
): void {
  const { number, instanceId } = attempt;
  draft.effect({ type: 'stop', path: step.path, number, instanceId, reason: 'CANCELLED', graceMs });
}

/** A step that waits, or whose last attempt is gone, ends CANCELLED. */
export function cancelStep(draft: Draft, step: AgentStep | WaitingStep | ChildStep): void {
  dropWaiting(draft, step);
  draft.emit({ type: 'StepCancelled', at: draft.now, path: step.path });
  wake(draft, step);
}

/** The grace is over, or nobody waits for it: live attempts end by our word, and the step with them. */
export function killStep(draft: Draft, step: AgentStep): void {
  for (const attempt of liveAttempts(step)) {
    dropAttempt(draft, step, attempt.number);
    draft.emit({
      type: 'AttemptEnded',
      at: draft.now,
      path: step.path,
      number: attempt.number,
      outcome: 'CANCELLED',
      unconfirmed: true,
    });
    stopEffect(draft, step, attempt, 0);
  }
  cancelStep(draft, step);
}

/** Everything in the block stops; what cleans up inside it still runs. */
export function stopBlock(draft: Draft, block: BlockStep, failure?: Failure): void {
  if ((block.detail?.stoppingUntil ?? 0) > 0) return;
  draft.emit({
    type: 'StepStopping',
    at: draft.now,
    path: block.path,
    graceUntil: draft.now,
    ...(failure === undefined ? {} : { failure }),
  });
  stopSteps(draft, childrenOf(block));
}
