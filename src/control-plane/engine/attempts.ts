/** The attempts of a step: those that there were, and the number of the next one. */
import { type AttemptRecord, isAgentStep, type Step } from './state.ts';

const NO_ATTEMPTS: readonly AttemptRecord[] = [];

export function attemptsOf(step: Step): readonly AttemptRecord[] {
  return step.detail?.attempts ?? NO_ATTEMPTS;
}

export function liveAttempts(step: Step): readonly AttemptRecord[] {
  const attempts = attemptsOf(step);
  const last = attempts.at(-1);
  if (last === undefined || (attempts.length === 1 && last.outcome !== undefined)) return NO_ATTEMPTS;
  return attempts.filter((attempt) => attempt.outcome === undefined);
}

/** Of an agent step whose next try is not due yet: which one that is, and how many it has in all. */
export function nextTryOf(step: Step): { readonly number: number; readonly of: number } | undefined {
  if (!isAgentStep(step) || step.isQueued || (step.detail?.retryAt ?? 0) === 0) return undefined;
  return { number: step.failedTries + 1, of: step.node.retry.tries };
}

/** The number that the next attempt gets. Numbers only grow: nothing ever leaves the list. */
export function nextNumber(step: Step): number {
  return step.frame.numbersBefore + attemptsOf(step).length + 1;
}

export function findAttempt(step: Step, number: number): AttemptRecord | undefined {
  return step.detail?.attempts[number - 1 - step.frame.numbersBefore];
}
