import type { CancelRun } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { beginEnding, killRun } from '../ending.ts';
import { isRunOver } from '../status.ts';
import { mayTryAgain } from '../try-rules.ts';

/**
 * The first cancel ends the run gracefully; a second one kills the cleanup. A run whose end was decided before says so. One that
 * was to be tried again is not: it ends with the outcome of this try. One that has not begun ends at once, without cleanup.
 */
export function cancelRun(draft: Draft, command: CancelRun): void {
  const { state } = draft;
  const isEnding = state.ending !== undefined || isRunOver(state.status);
  const already = isEnding && !mayTryAgain(state);
  draft.answer = { type: 'cancel', already };
  if (isRunOver(state.status) || (already && command.onlyFirst === true)) return;
  const isSecond = state.cancelRequests > 0;
  const wasQueued = state.status === 'QUEUED';
  draft.emit({ type: 'CancelRequested', at: draft.now, reason: command.reason });
  if (!isEnding)
    beginEnding(draft, 'CANCELLED', {
      code: 'CANCELLED',
      message: command.reason === '' ? 'cancelled' : command.reason,
    });
  if (wasQueued || (isEnding && isSecond)) killRun(draft);
}
