import type { Draft } from '../decision.ts';
import { stepAt } from '../step-tree.ts';
import { runTimerTask } from '../tasks.ts';

/** Starts a run that was QUEUED; one that was cancelled meanwhile is left alone. A paused one is active from here on and starts nothing. */
export function admitRun(draft: Draft): void {
  if (draft.state.status !== 'QUEUED') return;
  beginRun(draft);
  openRun(draft);
}

/** From here on the run is active, and its timeout counts: what its workflow says, unless it was given its own. */
export function beginRun(draft: Draft, timeoutMs: number | undefined = draft.state.workflow.timeoutMs): void {
  draft.emit({
    type: 'RunStarted',
    at: draft.now,
    ...(timeoutMs === undefined ? {} : { deadlineAt: draft.now + timeoutMs }),
  });
}

/** Looks at what may start first. */
export function openRun(draft: Draft): void {
  const { state } = draft;
  if (state.deadlineAt > 0) runTimerTask(draft);
  draft.work.push(...state.workflow.roots.toReversed().map((slot) => stepAt(state.root, slot)));
}
