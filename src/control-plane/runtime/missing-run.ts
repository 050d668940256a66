/** What a command for a run is answered that is not there, or no longer. */
import { YardmasterError } from '../../core/errors.ts';
import type { Pending } from './run-holder.ts';

/** `onUnassigned`: an AssignStep came for it. */
export function answerMissing(pending: Pending, onUnassigned: (pending: Pending) => void): void {
  const { type } = pending.command;
  if (type === 'SettleAttempt') pending.onAnswer?.({ type: 'result', verdict: 'UNKNOWN' });
  else if (type === 'ReturnAttempt') pending.onAnswer?.({ type: 'return', isLive: false });
  else if (type === 'CancelRun' || type === 'SignalRun') {
    const act = type === 'CancelRun' ? 'cancel' : 'signal';
    pending.onError?.(
      new YardmasterError('RUN_NOT_FOUND', `Cannot ${act} run "${pending.runId}": there is no such run`),
    );
  } else if (type === 'AssignStep') onUnassigned(pending);
  else pending.onAnswer?.({ type: 'none' });
}
