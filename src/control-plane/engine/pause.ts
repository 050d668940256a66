/** A paused run: what waits for an agent is held back (its row is delayed, not queued), and what could start is not looked at. */
import type { Draft } from './decision.ts';
import { liveSteps } from './frames.ts';
import { isAgentStep, isBodyStep, isChildStep, type Step } from './state.ts';
import { isStepOver } from './status.ts';
import { dropWaiting, queueTask } from './tasks.ts';

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
  draft.work.push(...steps.filter(mayGoOn).toReversed());
}

/** A loop may have been held back between two iterations, a map between two items, and a step before it had its child run. */
function mayGoOn(step: Step): boolean {
  return step.status === 'PENDING' || ((isBodyStep(step) || isChildStep(step)) && !isStepOver(step.status));
}
