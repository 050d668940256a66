/** A paused run: what waits for an agent is held back (its row is delayed, not queued), and what could start is not looked at. */
import type { Draft } from './decision.ts';
import { liveSteps } from './frames.ts';
import { isAgentStep, isBodyStep, isChildStep, isLoopStep, type Step } from './state.ts';
import { isStepOver } from './status.ts';
import { blockTimerTask, dropWaiting, queueTask } from './tasks.ts';

/** After RunPaused: takes the waiting steps out of the queue. */
export function holdWaiting(draft: Draft): void {
  for (const step of liveSteps(draft.state)) {
    if (!step.isQueued || !isAgentStep(step)) continue;
    dropWaiting(draft, step);
    queueTask(draft, step);
  }
}

/** After the pause is over: queues what was held back, and looks at everything that may have become startable. */
export function goOn(draft: Draft): void {
  const steps = liveSteps(draft.state);
  for (const step of steps) if (step.isQueued && isAgentStep(step)) queueTask(draft, step);
  // The row of a loop is dropped when it comes due in a paused run; a clock that was set back since makes its time come again.
  for (const step of steps)
    if (isLoopStep(step) && (step.detail?.retryAt ?? 0) > draft.now) blockTimerTask(draft, step);
  draft.work.push(...steps.filter(mayGoOn).toReversed());
}

/** A loop may have been held back between two iterations, a map between two items, and a step before it had its child run. */
function mayGoOn(step: Step): boolean {
  return step.status === 'PENDING' || ((isBodyStep(step) || isChildStep(step)) && !isStepOver(step.status));
}
