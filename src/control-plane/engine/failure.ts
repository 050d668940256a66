/**
 * A step failed: who handles it, and what follows. A failure is handled by the step's own `onFailure: continue` or by the
 * policy of a parallel or a map around it; otherwise the run enters ENDING at once.
 */

import type { Draft } from './decision.ts';
import { beginEnding } from './ending.ts';
import type { Failure } from './events.ts';
import { parentOf, policyOf, type Step } from './state.ts';
import { stopBlock } from './stop.ts';
import { wake } from './wake.ts';

export function failStep(draft: Draft, step: Step, status: 'FAILED' | 'TIMED_OUT', failure: Failure): void {
  draft.emit({ type: 'StepFailed', at: draft.now, path: step.path, status, failure });
  wake(draft, step);
  react(draft, step, failure);
}

function react(draft: Draft, step: Step, failure: Failure): void {
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
    current = parent;
  }
  if (!current.node.isCleanup) beginEnding(draft, 'FAILED', failure);
}

/** True when dependents may run although this step failed. */
export function isHandled(step: Step): boolean {
  return step.node.onFailure === 'continue';
}
