/** PURE: whether a run that failed is tried again. */
import type { RunState } from './state.ts';

/** True while the end of this try is not the end of the run. `now`: its timeout spans all tries; absent: not asked about. */
export function mayTryAgain(state: RunState, now?: number): boolean {
  const { ending, workflow, cancelRequests } = state;
  if (ending?.outcome !== 'FAILED' || state.status !== 'ENDING' || cancelRequests > 0) return false;
  const deadlineAt = deadlineOf(state);
  return state.try < workflow.tries && (now === undefined || deadlineAt === 0 || deadlineAt > now);
}

/** When the run times out, wall ms; 0: never. While it is ENDING the state has the end of the cleanup instead. */
export function deadlineOf({ workflow, startedAt }: RunState): number {
  return workflow.timeoutMs === undefined ? 0 : startedAt + workflow.timeoutMs;
}
