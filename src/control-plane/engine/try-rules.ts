/** PURE: whether a run that failed is tried again. */
import type { RunState } from './state.ts';
import { hasBegunUndoing } from './undone.ts';

/** True while the end of this try is not the end of the run. `now`: its timeout spans all tries; absent: not asked about. */
export function mayTryAgain(state: RunState, now?: number): boolean {
  const { ending, workflow, cancelRequests } = state;
  if (ending?.outcome !== 'FAILED' || state.status !== 'ENDING' || cancelRequests > 0) return false;
  if (state.try >= workflow.tries) return false;
  const deadlineAt = deadlineOf(state);
  if (deadlineAt === 0) return true;
  // The wall clock may be set back after the run was out of time: what is being undone is not done any more.
  return (now === undefined || deadlineAt > now) && !hasBegunUndoing(state);
}

/** When the run times out, wall ms; 0: never. While it is ENDING the state has the end of the cleanup instead. */
export function deadlineOf({ workflow, startedAt }: RunState): number {
  return workflow.timeoutMs === undefined ? 0 : startedAt + workflow.timeoutMs;
}
