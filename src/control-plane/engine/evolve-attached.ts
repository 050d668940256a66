/** Applies what the ends of steps mean for the steps that belong to them, and what a fallback means for its owner. */
import type { StepFellBack } from './events.ts';
import { findStep } from './frames.ts';
import { detailOf, type Frame, type RunState, type Step } from './state.ts';
import { compensationOf, fallbackOf, framesOf, ownerOf } from './step-tree.ts';

/** After the step has its end: what nobody will call for is over, too; what was completed may have to be undone. */
export function settleAttached(state: RunState, step: Step): void {
  if (step.detail !== undefined) step.detail.fellBack = undefined;
  dropPending(fallbackOf(step));
  if (step.node.compensate !== undefined) {
    if (step.status === 'COMPLETED') state.owed.push(step.path);
    else dropPending(compensationOf(step));
  }
  if (step.node.attached?.kind === 'compensate') settleDebt(state, step);
}

/** A compensation that was stopped, or never began, stays owed. */
function settleDebt(state: RunState, step: Step): void {
  const isOwed = step.status === 'CANCELLED' || step.detail?.skip?.reason === 'RUN_ENDING';
  const path = ownerOf(step)?.path;
  if (isOwed || path === undefined) return;
  if (state.owed.at(-1) === path) state.owed.pop();
  else state.owed = state.owed.filter((owed) => owed !== path);
}

/** The steps of a block that never opened are over without a word, and so is what belongs to them. */
export function dropAttached(step: Step): void {
  dropPending(fallbackOf(step));
  dropPending(compensationOf(step));
}

function dropPending(step: Step | undefined): void {
  if (step?.status === 'PENDING') step.status = 'SKIPPED';
}

/** The run completes: nothing of it will be undone. */
export function forgiveAll(state: RunState): void {
  for (const path of state.owed) {
    const owner = findStep(state, path);
    if (owner !== undefined) dropPending(compensationOf(owner));
  }
  state.owed = [];
}

/** True for an iteration or an item whose steps must stay at hand. */
export function hasOwed(frame: Frame): boolean {
  return frame.steps.some(
    (step) =>
      ((step.detail?.loop ?? step.detail?.map)?.kept.size ?? 0) > 0 ||
      // Cut short while it ran: it keeps its frame.
      framesOf(step).some(hasOwed) ||
      (step.status === 'COMPLETED' && compensationOf(step)?.status === 'PENDING'),
  );
}

/** The step is as if it ran: its fallback works for it. */
export function fallBack(step: Step, event: StepFellBack): void {
  const detail = detailOf(step);
  detail.failure = event.failure;
  detail.fellBack = event.status;
  detail.retryAt = 0;
  detail.stoppingUntil = 0;
  step.isQueued = false;
  step.status = 'RUNNING';
}
