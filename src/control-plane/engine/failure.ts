/**
 * A step failed: who handles it, and what follows. A failure is handled by a fallback that completes (that of the step, or
 * of a block around it), by the step's own `onFailure: continue` or by the policy of a parallel or a map around it; otherwise
 * the run enters ENDING at once.
 */

import type { Draft } from './decision.ts';
import { beginEnding } from './ending.ts';
import type { Failure } from './events.ts';
import { beginFallback, mayFallBack } from './fallback.ts';
import type { Step } from './state.ts';
import { parentOf, policyOf } from './step-tree.ts';
import { stopBlock } from './stop.ts';
import { wake } from './wake.ts';

export function failStep(draft: Draft, step: Step, status: 'FAILED' | 'TIMED_OUT', failure: Failure): void {
  if (mayFallBack(draft.state, step)) beginFallback(draft, step, status, failure);
  else failForGood(draft, step, status, failure);
}

/** Without asking a fallback: there is none, or it could not help. */
export function failForGood(draft: Draft, step: Step, status: 'FAILED' | 'TIMED_OUT', failure: Failure): void {
  draft.emit({ type: 'StepFailed', at: draft.now, path: step.path, status, failure });
  wake(draft, step);
  react(draft, step, failure);
}

function react(draft: Draft, step: Step, failure: Failure): void {
  // What it means is said by its owner, which was woken; a compensation that failed changes nothing.
  if (step.node.attached !== undefined) return;
  let current = step;
  for (;;) {
    if (isHandled(current)) return;
    const parent = parentOf(current);
    if (parent === undefined) break;
    const policy = policyOf(parent);
    if (policy !== undefined) {
      if (policy.onFailure === 'failFast') stopBlock(draft, parent);
      return;
    }
    // The block will fail when its children are over, and be given to its fallback then.
    if (mayFallBack(draft.state, parent)) return;
    current = parent;
  }
  if (!current.node.isCleanup) beginEnding(draft, 'FAILED', failure);
}

/** True when dependents may run although this step failed. */
export function isHandled(step: Step): boolean {
  return step.node.onFailure === 'continue';
}
