import type { Draft } from './decision.ts';
import { isMapStep, type Step } from './state.ts';
import { ownerOf, parentOf, stepAt } from './step-tree.ts';

/** Tells everyone who waits for a step that it is over. The work list is a stack: the first dependent is pushed last. */
export function wake(draft: Draft, step: Step): void {
  for (const slot of step.node.dependents.toReversed()) {
    const dependent = stepAt(step.frame, slot);
    if (dependent.pendingDependencies === 0) draft.work.push(dependent);
  }
  const owner = ownerOf(step);
  const parent = parentOf(step);
  if (owner !== undefined) draft.work.push(owner);
  // A map has many frames: which of its items is over only the step knows.
  else if (parent !== undefined) draft.work.push(isMapStep(parent) ? step : parent);
}
