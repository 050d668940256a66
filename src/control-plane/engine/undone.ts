/** PURE: what the compensations of a run have undone, and are to undo. */

import { attemptsOf } from './attempts.ts';
import { findStep, keptFrames } from './frames.ts';
import { type Frame, isBodyStep, type RunState, type Step } from './state.ts';
import { isStepOver } from './status.ts';
import { compensationOf, framesOf, parentOf } from './step-tree.ts';

export interface Undone {
  /** Steps whose compensation was given to an agent, and loops and maps with such a step in them: to be run again with all that is in them. */
  readonly steps: ReadonlySet<Step>;
  /** Blocks around those. */
  readonly around: ReadonlySet<Step>;
}

/** The compensation that runs, or is next; undefined: there is nothing left to undo, or nobody may any more. */
export function currentCompensation(state: RunState): Step | undefined {
  for (let i = state.owed.length - 1; i >= 0; i--) {
    const compensation = compensationFor(state, state.owed[i] ?? '');
    if (compensation !== undefined && !isStepOver(compensation.status)) return compensation;
  }
  return undefined;
}

export function compensationFor(state: RunState, owner: string): Step | undefined {
  const step = findStep(state, owner);
  return step === undefined ? undefined : compensationOf(step);
}

/** The run is being undone, or was. */
export function hasBegunUndoing(state: RunState): boolean {
  const current = currentCompensation(state);
  return (current !== undefined && current.status !== 'PENDING') || findUndone(state).steps.size > 0;
}

/** What has to be done again. */
export function findUndone(state: RunState): Undone {
  const steps = new Set(state.root.steps.filter((step) => wasUndone(step) || wasUndoneInside(step)));
  const around = new Set<Step>();
  for (const step of steps) {
    for (let block = parentOf(step); block !== undefined && !around.has(block); block = parentOf(block))
      around.add(block);
  }
  return { steps, around };
}

/** A compensation that no agent had has changed nothing. */
function wasUndone(step: Step): boolean {
  const compensation = compensationOf(step);
  return compensation !== undefined && attemptsOf(compensation).length > 0;
}

function wasUndoneInside(step: Step): boolean {
  return isBodyStep(step) && [...keptFrames(step), ...framesOf(step)].some(isUndoneIn);
}

function isUndoneIn(frame: Frame): boolean {
  return frame.steps.some((step) => wasUndone(step) || wasUndoneInside(step));
}
