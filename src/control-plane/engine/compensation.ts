/**
 * Compensations: when a run ends otherwise than COMPLETED, what its completed steps did is undone, the last one first, one
 * after the other, between the end of the body and `finally`. What is still to be undone is `state.owed`.
 */
import type { Draft } from './decision.ts';
import type { Failure } from './events.ts';
import type { RunState, Step } from './state.ts';
import { mayTryAgain } from './try-rules.ts';
import { compensationFor, currentCompensation } from './undone.ts';

/** Only what ends the run for good is followed by compensations: another try goes on with what completed. */
export function dueCompensation({ state, now, isLast }: Draft): Step | undefined {
  return !isLast && mayTryAgain(state, now) ? undefined : currentCompensation(state);
}

/** The body is over and the outcome is not COMPLETED: nothing else runs beside a compensation. */
export function mayCompensate(draft: Draft, step: Step): boolean {
  const { ending, openRoots } = draft.state;
  return ending !== undefined && openRoots === 0 && dueCompensation(draft) === step;
}

/** Cleanup was killed: what has not begun will not, unless another try goes on. */
export function dropCompensations(draft: Draft): void {
  if (!draft.isLast && mayTryAgain(draft.state, draft.now)) return;
  for (const owner of draft.state.owed) {
    const compensation = compensationFor(draft.state, owner);
    if (compensation?.status !== 'PENDING') continue;
    draft.emit({ type: 'StepSkipped', at: draft.now, path: compensation.path, reason: 'RUN_ENDING' });
  }
}

/** Steps that a failure names; there may be thousands. */
const NAMED_MAX = 5;

/** One failure for all that was completed and not undone. */
export function unpaid({ owed }: RunState): readonly Failure[] {
  const [path] = owed;
  if (path === undefined) return [];
  const named = owed.slice(0, NAMED_MAX).map((name) => `"${name}"`);
  const more = owed.length > NAMED_MAX ? ` and ${owed.length - NAMED_MAX} more` : '';
  const verb = owed.length === 1 ? 'was' : 'were';
  return [
    {
      code: 'NOT_COMPENSATED',
      message: `${named.join(', ')}${more} ${verb} not compensated: the cleanup was ended before`,
      path,
    },
  ];
}
