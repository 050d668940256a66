/** The end of a fallback is the end of the step that it belongs to. */
import type { Draft } from './decision.ts';
import { failForGood } from './failure.ts';
import { NULL_OUTPUT } from './outputs.ts';
import type { Step } from './state.ts';
import { fallbackOf } from './step-tree.ts';
import { wake } from './wake.ts';

/** Of a step that is falling back: it goes on waiting until its fallback is over. */
export function settleFallback(draft: Draft, step: Step): void {
  const fallback = fallbackOf(step);
  if (fallback === undefined) return;
  switch (fallback.status) {
    case 'COMPLETED':
      draft.emit({
        type: 'StepCompleted',
        at: draft.now,
        path: step.path,
        output: fallback.detail?.output ?? NULL_OUTPUT,
      });
      return wake(draft, step);
    case 'FAILED':
    case 'TIMED_OUT':
      return failAsBefore(draft, step);
    case 'SKIPPED':
      // Its own `when` said that it cannot help; everything else that skips it stops its owner.
      return fallback.detail?.skip?.reason === 'WHEN' ? failAsBefore(draft, step) : cancel(draft, step);
    case 'CANCELLED':
      return cancel(draft, step);
    case 'PENDING':
    case 'READY':
    case 'RUNNING':
    case 'WAITING':
      return;
  }
}

/** With the failure that it fell back with: the fallback's own is told of the fallback. */
function failAsBefore(draft: Draft, step: Step): void {
  const { fellBack, failure } = step.detail ?? {};
  if (fellBack !== undefined && failure !== undefined) failForGood(draft, step, fellBack, failure);
}

function cancel(draft: Draft, step: Step): void {
  draft.emit({ type: 'StepCancelled', at: draft.now, path: step.path });
  wake(draft, step);
}
