import type { CancelRun } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { beginEnding, killRun } from '../ending.ts';
import { isRunOver } from '../status.ts';

/** The first cancel ends the run gracefully; a second one kills the cleanup. A run whose end was decided before says so. */
export function cancelRun(draft: Draft, command: CancelRun): void {
  const { state } = draft;
  const already = state.ending !== undefined || isRunOver(state.status);
  draft.answer = { type: 'cancel', already };
  if (isRunOver(state.status) || (already && command.onlyFirst === true)) return;
  const isSecond = state.cancelRequests > 0;
  draft.emit({ type: 'CancelRequested', at: draft.now, reason: command.reason });
  if (!already)
    beginEnding(draft, 'CANCELLED', {
      code: 'CANCELLED',
      message: command.reason === '' ? 'cancelled' : command.reason,
    });
  else if (isSecond) killRun(draft);
}
