import { findAttempt, liveAttempts } from '../attempts.ts';
import type { EndAttempt, RerouteAttempt, ReturnAttempt } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { failStep } from '../failure.ts';
import { findAgentStep } from '../frames.ts';
import { isBeingStopped, requeueUnlessOver } from '../retry.ts';
import type { AgentStep, AttemptRecord } from '../state.ts';
import { dropAttempt, dropWaiting } from '../tasks.ts';
import { endOthers } from './settle-attempt.ts';

/** Refused, not accepted in time, or lost: no try is counted, another agent gets the step. */
export function endAttempt(draft: Draft, command: EndAttempt): void {
  const found = findLive(draft, command);
  if (found === undefined) return;
  const { step, attempt } = found;
  dropAttempt(draft, step, attempt.number);
  const failure = { code: command.outcome, message: command.message, path: step.path, attempt: attempt.number };
  const mayStart = command.outcome === 'NOT_ACCEPTED';
  draft.emit({
    type: 'AttemptEnded',
    at: draft.now,
    path: step.path,
    number: attempt.number,
    outcome: command.outcome,
    failure,
    ...(mayStart ? { unconfirmed: true } : {}),
    ...(command.usage === undefined ? {} : { usage: command.usage }),
  });
  if (mayStart) {
    const { number, instanceId } = attempt;
    draft.effect({ type: 'stop', path: step.path, number, instanceId, reason: 'NOT_ACCEPTED', graceMs: 0 });
  }
  if (command.failure !== undefined && !isBeingStopped(draft, step)) {
    if (liveAttempts(step).length === 0) failStep(draft, step, 'FAILED', { ...failure, ...command.failure });
  } else if (command.invalidInput === true && !isBeingStopped(draft, step)) {
    endOthers(draft, step);
    dropWaiting(draft, step);
    failStep(draft, step, 'FAILED', {
      ...failure,
      code: 'INVALID_INPUT',
      agentId: attempt.agentId,
      instanceId: attempt.instanceId,
    });
  } else requeueUnlessOver(draft, step);
}

/** The instance is unreachable: an idempotent attempt stays LIVE, and another agent gets the step at once. */
export function rerouteAttempt(draft: Draft, command: RerouteAttempt): void {
  const found = findLive(draft, command);
  if (found === undefined || !found.attempt.idempotent || found.attempt.isUnreachable) return;
  draft.emit({ type: 'AttemptUnreachable', at: draft.now, path: command.path, number: command.number });
  requeueUnlessOver(draft, found.step);
}

/** The instance is back with the attempt: it goes on, and a second one that nobody has started is not needed. */
export function returnAttempt(draft: Draft, command: ReturnAttempt): void {
  const found = findLive(draft, command);
  draft.answer = { type: 'return', isLive: found !== undefined };
  if (found === undefined || !found.attempt.isUnreachable) return;
  dropWaiting(draft, found.step);
  draft.emit({ type: 'AttemptReturned', at: draft.now, path: command.path, number: command.number });
}

function findLive(
  draft: Draft,
  key: { readonly path: string; readonly number: number },
): { readonly step: AgentStep; readonly attempt: AttemptRecord } | undefined {
  const step = findAgentStep(draft.state, key.path);
  const attempt = step === undefined ? undefined : findAttempt(step, key.number);
  return step === undefined || attempt === undefined || attempt.outcome !== undefined ? undefined : { step, attempt };
}
