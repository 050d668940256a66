import { toYardmasterError } from '../../../core/errors.ts';
import type { StoredValue } from '../../../core/stored-value.ts';
import { findAttempt, liveAttempts } from '../attempts.ts';
import type { AttemptResult, ConfirmStop, SettleAttempt } from '../commands.ts';
import { type Draft, MissingValues } from '../decision.ts';
import type { AttemptEnded, Failure } from '../events.ts';
import { findAgentStep } from '../frames.ts';
import { evaluateTemplate, requireValues, scopeOf } from '../outputs.ts';
import { isBeingStopped, requeueUnlessOver, retryOrFail, shortenWait } from '../retry.ts';
import type { AgentStep, AttemptRecord } from '../state.ts';
import type { AttemptOutcome, ResultVerdict } from '../status.ts';
import { cancelStep } from '../stop.ts';
import { dropAttempt, dropWaiting } from '../tasks.ts';
import { wake } from '../wake.ts';

/** A step accepts one result, from a LIVE attempt, from the instance that holds it. */
export function settleAttempt(draft: Draft, command: SettleAttempt): void {
  draft.answer = { type: 'result', verdict: settle(draft, command) };
}

function settle(draft: Draft, command: SettleAttempt): ResultVerdict {
  const step = findAgentStep(draft.state, command.path);
  if (step === undefined) return 'UNKNOWN';
  const attempt = findAttempt(step, command.number);
  if (attempt === undefined || attempt.instanceId !== command.instanceId) return 'UNKNOWN';
  if (attempt.outcome !== undefined) return answerEnded(draft, step, attempt, command.result);
  draft.usage = command.usage;
  acceptResult(draft, step, attempt, command.result);
  return 'ACCEPTED';
}

/** The answer to a resent result is the answer it got first; a late one is kept as evidence and confirms the stop. */
function answerEnded(draft: Draft, step: AgentStep, attempt: AttemptRecord, result: AttemptResult): ResultVerdict {
  if (attempt.isAccepted) return 'ACCEPTED';
  const { number } = attempt;
  if (attempt.isUnconfirmed) confirm(draft, step, number);
  if (!attempt.hasLateResult && result.kind !== 'cancelled') {
    draft.emit({ type: 'LateResult', at: draft.now, path: step.path, number, outcome: outcomeOf(result) });
  }
  return 'SUPERSEDED';
}

/** It stopped, but has no result: it never had the attempt, or lost it with its own memory. */
export function confirmStop(draft: Draft, { path, number }: ConfirmStop): void {
  const step = findAgentStep(draft.state, path);
  if (step !== undefined && findAttempt(step, number)?.isUnconfirmed === true) confirm(draft, step, number);
}

function confirm(draft: Draft, step: AgentStep, number: number): void {
  draft.emit({ type: 'StopConfirmed', at: draft.now, path: step.path, number });
  shortenWait(draft, step);
}

function outcomeOf(result: AttemptResult): AttemptOutcome {
  switch (result.kind) {
    case 'completed':
      return 'COMPLETED';
    case 'failed':
      return 'FAILED';
    case 'cancelled':
      return 'CANCELLED';
    case 'handedBack':
      return 'HANDED_BACK';
  }
}

function acceptResult(draft: Draft, step: AgentStep, attempt: AttemptRecord, result: AttemptResult): void {
  switch (result.kind) {
    case 'completed':
      return completeAttempt(draft, step, attempt, result.output);
    case 'failed':
      return failAttempt(draft, step, attempt, result);
    case 'cancelled':
      return cancelAttempt(draft, step, attempt);
    case 'handedBack':
      end(draft, step, attempt, { outcome: 'HANDED_BACK' });
      return requeueUnlessOver(draft, step);
  }
}

function completeAttempt(draft: Draft, step: AgentStep, attempt: AttemptRecord, raw: StoredValue): void {
  const shaped = shapeOutput(draft, step, attempt, raw);
  if ('failure' in shaped) {
    const retryable = shaped.failure.code === 'ASSERTION_FAILED' && step.node.retry.onAssert;
    return failAttempt(draft, step, attempt, { failure: shaped.failure, retryable, retryAfterMs: 0 });
  }
  end(draft, step, attempt, { outcome: 'COMPLETED' });
  endOthers(draft, step);
  dropWaiting(draft, step);
  draft.emit({ type: 'StepCompleted', at: draft.now, path: step.path, output: shaped.output });
  wake(draft, step);
}

/** `output` over the raw result, then `assert`. Throws MissingValues before anything was emitted. */
function shapeOutput(
  draft: Draft,
  step: AgentStep,
  attempt: AttemptRecord,
  raw: StoredValue,
): { readonly output: StoredValue } | { readonly failure: Failure } {
  const { output: shape, assert } = step.node;
  if (shape === undefined && assert === undefined) return { output: raw };
  if (shape !== undefined) requireValues(draft, step.frame, shape);
  if (assert !== undefined) requireValues(draft, step.frame, assert);
  const place = { path: step.path, attempt: attempt.number, agentId: attempt.agentId, instanceId: attempt.instanceId };
  try {
    const result = draft.read(raw);
    const output =
      shape === undefined
        ? raw
        : evaluateTemplate(draft, step.frame, shape, `out/${step.path}#${attempt.number}`, { result });
    if (assert === undefined || isAsserted(draft, step, result, output)) return { output };
    return {
      failure: {
        code: 'ASSERTION_FAILED',
        message: `the result of "${step.path}" does not satisfy ${assert.source}`,
        ...place,
      },
    };
  } catch (error) {
    if (error instanceof MissingValues) throw error;
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    return { failure: { code, message, ...place } };
  }
}

function isAsserted(draft: Draft, step: AgentStep, result: ReturnType<Draft['read']>, output: StoredValue): boolean {
  return step.node.assert?.evaluate(scopeOf(draft, step.frame, { result, output: draft.read(output) })) === true;
}

/** The step is decided without them: what is still LIVE ends SUPERSEDED where it is connected, LOST where it is not. */
export function endOthers(draft: Draft, step: AgentStep): void {
  for (const other of liveAttempts(step)) {
    end(draft, step, other, { outcome: other.isUnreachable ? 'LOST' : 'SUPERSEDED', unconfirmed: true });
    draft.effect({
      type: 'stop',
      path: step.path,
      number: other.number,
      instanceId: other.instanceId,
      reason: 'SUPERSEDED',
      graceMs: 0,
    });
  }
}

function failAttempt(
  draft: Draft,
  step: AgentStep,
  attempt: AttemptRecord,
  result: { readonly failure: Failure; readonly retryable: boolean; readonly retryAfterMs: number },
): void {
  const failure: Failure = {
    ...result.failure,
    path: step.path,
    attempt: attempt.number,
    agentId: attempt.agentId,
    instanceId: attempt.instanceId,
  };
  const othersLive = liveAttempts(step).length > 1;
  end(draft, step, attempt, { outcome: 'FAILED', failure, ...(othersLive ? {} : { countsAsTry: true }) });
  if (othersLive) return;
  dropWaiting(draft, step);
  retryOrFail(draft, step, failure, {
    status: 'FAILED',
    retryable: result.retryable,
    retryAfterMs: result.retryAfterMs,
  });
}

/** The agent stopped: because we asked, or by itself, which is a failed try. */
function cancelAttempt(draft: Draft, step: AgentStep, attempt: AttemptRecord): void {
  if (isBeingStopped(draft, step)) {
    end(draft, step, attempt, { outcome: 'CANCELLED' });
    if (liveAttempts(step).length === 0) cancelStep(draft, step);
    return;
  }
  const failure = {
    code: 'CANCELLED_BY_AGENT',
    message: `the agent stopped "${step.path}" although nobody asked it to`,
  };
  failAttempt(draft, step, attempt, { failure, retryable: true, retryAfterMs: 0 });
}

function end(
  draft: Draft,
  step: AgentStep,
  attempt: AttemptRecord,
  how: Pick<AttemptEnded, 'outcome' | 'failure' | 'countsAsTry' | 'unconfirmed'>,
): void {
  dropAttempt(draft, step, attempt.number);
  const used = draft.usage === undefined || how.unconfirmed === true ? {} : { usage: draft.usage };
  draft.emit({ type: 'AttemptEnded', at: draft.now, path: step.path, number: attempt.number, ...how, ...used });
}
