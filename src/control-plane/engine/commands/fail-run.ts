import type { FailRun } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { beginEnding, killRun } from '../ending.ts';
import { isRunOver } from '../status.ts';

/** Ends the run FAILED without evaluating anything: nothing that could break again. */
export function failRun(draft: Draft, command: FailRun): void {
  if (isRunOver(draft.state.status)) return;
  draft.isLast = true;
  beginEnding(draft, 'FAILED', command.failure);
  killRun(draft);
}
