/** A step that failed for good, its retries included, is given to its fallback. */
import type { Draft } from './decision.ts';
import type { Failure } from './events.ts';
import type { RunState, Step } from './state.ts';
import { isStepOver } from './status.ts';
import { fallbackOf, isFallingBack } from './step-tree.ts';
import { isStopping } from './stop.ts';

/** True when the fallback of a step that fails would still run: it has one that was not asked yet, and nothing stops it. */
export function mayFallBack(state: RunState, step: Step): boolean {
  return (
    step.node.fallback !== undefined && !isFallingBack(step) && !isStepOver(step.status) && !isStopping(state, step)
  );
}

export function beginFallback(draft: Draft, step: Step, status: 'FAILED' | 'TIMED_OUT', failure: Failure): void {
  draft.emit({ type: 'StepFellBack', at: draft.now, path: step.path, status, failure });
  const fallback = fallbackOf(step);
  if (fallback !== undefined) draft.work.push(fallback);
}
