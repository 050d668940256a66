import type { PauseRun } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { goOn, holdWaiting } from '../pause.ts';
import { isRunOver } from '../status.ts';

/** What runs goes on, nothing new starts. A second pause changes nothing. */
export function pauseRun(draft: Draft, command: PauseRun): void {
  const { state } = draft;
  const isAccepted = state.ending === undefined && !isRunOver(state.status);
  draft.answer = { type: 'pause', isAccepted };
  if (!isAccepted || state.pausedAt > 0) return;
  draft.emit({ type: 'RunPaused', at: draft.now, reason: command.reason });
  holdWaiting(draft);
}

export function resumeRun(draft: Draft): void {
  const isAccepted = draft.state.pausedAt > 0;
  draft.answer = { type: 'pause', isAccepted };
  if (!isAccepted) return;
  draft.emit({ type: 'RunResumed', at: draft.now });
  goOn(draft);
}
