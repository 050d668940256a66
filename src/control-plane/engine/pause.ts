/** A paused run: what waits for an agent is held back (its row is delayed, not queued), and what could start is not looked at. */
import type { Draft } from './decision.ts';
import { isAgentStep } from './state.ts';
import { dropWaiting, queueTask } from './tasks.ts';

/** After RunPaused: takes the waiting steps out of the queue. */
export function holdWaiting(draft: Draft): void {
  for (const step of draft.state.steps) {
    if (!step.isQueued || !isAgentStep(step)) continue;
    dropWaiting(draft, step);
    queueTask(draft, step);
  }
}

/** After the pause is over: queues what was held back, and looks at everything that may have become startable. */
export function goOn(draft: Draft): void {
  for (const step of draft.state.steps) if (step.isQueued && isAgentStep(step)) queueTask(draft, step);
  draft.work.push(...draft.state.steps.filter(({ status }) => status === 'PENDING').toReversed());
}
