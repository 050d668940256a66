/** PURE: what the compensations of an ended run undid: it has to be done again. */

import { attemptsOf } from './attempts.ts';
import { keptFrames } from './frames.ts';
import { type Frame, isBodyStep, type RunState, type Step } from './state.ts';
import { compensationOf, framesOf, parentOf } from './step-tree.ts';

export interface Undone {
  /** Steps whose compensation was given to an agent, and loops and maps with such a step in them: to be run again with all that is in them. */
  readonly steps: ReadonlySet<Step>;
  /** Blocks around those. */
  readonly around: ReadonlySet<Step>;
}

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
