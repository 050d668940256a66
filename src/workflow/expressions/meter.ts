/**
 * The evaluation budget. One evaluation runs at a time (it is synchronous), so one counter is enough.
 *
 * A function that overspends throws, which CEL turns into an error value that `||` may swallow; a loop's tick throws
 * outside any function, which nothing swallows. So no loop outlives its budget by more than one turn.
 */
import { YardmasterError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';

let left = 0;

export function refillMeter(): void {
  left = limits.expressionStepsMax;
}

/** Takes `steps` from the budget; throws LIMIT when it is used up. */
export function spend(steps: number): void {
  left -= steps;
  if (left < 0) throw overspent();
}

/** Characters of text that cost as much as one step. */
const CHARS_PER_STEP = 256;

export function spendOnText(length: number): void {
  spend(1 + Math.floor(length / CHARS_PER_STEP));
}

/** Items that cost as much as one step when they are compared or copied by the machine, not by an expression. */
const ITEMS_PER_STEP = 16;

export function spendOnItems(count: number): void {
  spend(1 + Math.floor(count / ITEMS_PER_STEP));
}

/** Refuses a text that would be longer than a value may be. */
export function refuseLongText(length: number): void {
  if (length <= limits.expressionResultCharsMax) return;
  throw new YardmasterError('LIMIT', `a text of ${length} characters, limit ${limits.expressionResultCharsMax}`);
}

function overspent(): YardmasterError {
  return new YardmasterError('LIMIT', `more than ${limits.expressionStepsMax} evaluation steps`);
}
