import { toYardmasterError } from '../../../core/errors.ts';
import type { StoredValue } from '../../../core/stored-value.ts';
import type { CompiledAgentNode } from '../../../workflow/compiled.ts';
import type { AttemptResult, SettleAttempt } from '../commands.ts';
import type { Draft } from '../decision.ts';
import type { AttemptEnded, Failure } from '../events.ts';
import { evaluateTemplate, requireValues, scopeOf } from '../outputs.ts';
import { isBeingStopped, requeueUnlessOver, retryOrFail, shortenWait } from '../retry.ts';
import { type AttemptRecord, findAttempt, indexOfPath, liveAttempts, nodeAt, recordAt } from '../state.ts';
import type { AttemptOutcome, ResultVerdict } from '../status.ts';
import { cancelStep } from '../stop.ts';
import { dropAttempt, dropWaiting } from '../tasks.ts';
import { wake } from '../wake.ts';

/** A step accepts one result, from a LIVE attempt, from the instance that holds it. */
export function settleAttempt(draft: Draft, command: SettleAttempt): void {
  draft.answer = { type: 'result', verdict: settle(draft, command) };
}

function settle(draft: Draft, command: SettleAttempt): ResultVerdict {
  const index = indexOfPath(draft.state, command.path);
  const node = index === undefined ? undefined : nodeAt(draft.state, index);
  if (node === undefined || node.kind !== 'agent') return 'UNKNOWN';
  const attempt = findAttempt(recordAt(draft.state, node.index), command.number);
  if (attempt === undefined || attempt.instanceId !== command.instanceId) return 'UNKNOWN';
  if (attempt.outcome !== undefined) return answerEnded(draft, node, attempt, command.result);
  acceptResult(draft, node, attempt, command.result);
  return 'ACCEPTED';
}

/** The answer to a resent result is the answer it got first; a late one is kept as evidence and confirms the stop. */
function answerEnded(
  draft: Draft,
  node: CompiledAgentNode,
  attempt: AttemptRecord,
  result: AttemptResult,
): ResultVerdict {
  if (attempt.isAccepted) return 'ACCEPTED';
  const { number } = attempt;
  if (attempt.isUnconfirmed) {
    draft.emit({ type: 'StopConfirmed', at: draft.now, path: node.id, number });
    shortenWait(draft, node);
  }
  if (!attempt.hasLateResult && result.kind !== 'cancelled') {
    draft.emit({ type: 'LateResult', at: draft.now, path: node.id, number, outcome: outcomeOf(result) });
  }
  return 'SUPERSEDED';
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

function acceptResult(draft: Draft, node: CompiledAgentNode, attempt: AttemptRecord, result: AttemptResult): void {
  switch (result.kind) {
    case 'completed':
      return completeAttempt(draft, node, attempt, result.output);
    case 'failed':
      return failAttempt(draft, node, attempt, result);
    case 'cancelled':
      return cancelAttempt(draft, node, attempt);
    case 'handedBack':
      end(draft, node, attempt, { outcome: 'HANDED_BACK' });
      return requeueUnlessOver(draft, node);
  }
}

function completeAttempt(draft: Draft, node: CompiledAgentNode, attempt: AttemptRecord, raw: StoredValue): void {
  const shaped = shapeOutput(draft, node, attempt, raw);
  if ('failure' in shaped) {
    const retryable = shaped.failure.code === 'ASSERTION_FAILED' && node.retry.onAssert;
    return failAttempt(draft, node, attempt, { failure: shaped.failure, retryable, retryAfterMs: 0 });
  }
  end(draft, node, attempt, { outcome: 'COMPLETED' });
  endOthers(draft, node);
  dropWaiting(draft, node.index);
  draft.emit({ type: 'StepCompleted', at: draft.now, path: node.id, output: shaped.output });
  wake(draft, node.index);
}

/** `output` over the raw result, then `assert`. Throws MissingValues before anything was emitted. */
function shapeOutput(
  draft: Draft,
  node: CompiledAgentNode,
  attempt: AttemptRecord,
  raw: StoredValue,
): { readonly output: StoredValue } | { readonly failure: Failure } {
  if (node.output === undefined && node.assert === undefined) return { output: raw };
  if (node.output !== undefined) requireValues(draft, node.output);
  if (node.assert !== undefined) requireValues(draft, node.assert);
  const place = { path: node.id, attempt: attempt.number, agentId: attempt.agentId, instanceId: attempt.instanceId };
  const result = draft.read(raw);
  try {
    const output =
      node.output === undefined
        ? raw
        : evaluateTemplate(draft, node.output, `out/${node.id}#${attempt.number}`, { result });
    if (node.assert === undefined || isAsserted(draft, node, result, output)) return { output };
    return {
      failure: {
        code: 'ASSERTION_FAILED',
        message: `the result of "${node.id}" does not satisfy ${node.assert.source}`,
        ...place,
      },
    };
  } catch (error) {
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    return { failure: { code, message, ...place } };
  }
}

function isAsserted(
  draft: Draft,
  node: CompiledAgentNode,
  result: ReturnType<Draft['read']>,
  output: StoredValue,
): boolean {
  return node.assert?.evaluate(scopeOf(draft, { result, output: draft.read(output) })) === true;
}

/** Another attempt won: the rest ends SUPERSEDED where it is connected, LOST where it is not. */
function endOthers(draft: Draft, node: CompiledAgentNode): void {
  for (const other of liveAttempts(recordAt(draft.state, node.index))) {
    end(draft, node, other, { outcome: other.isUnreachable ? 'LOST' : 'SUPERSEDED', unconfirmed: true });
    draft.effect({
      type: 'stop',
      path: node.id,
      number: other.number,
      instanceId: other.instanceId,
      reason: 'SUPERSEDED',
      graceMs: 0,
    });
  }
}

function failAttempt(
  draft: Draft,
  node: CompiledAgentNode,
  attempt: AttemptRecord,
  result: { readonly failure: Failure; readonly retryable: boolean; readonly retryAfterMs: number },
): void {
  const failure: Failure = {
    ...result.failure,
    path: node.id,
    attempt: attempt.number,
    agentId: attempt.agentId,
    instanceId: attempt.instanceId,
  };
  const record = recordAt(draft.state, node.index);
  const othersLive = liveAttempts(record).length > 1;
  end(draft, node, attempt, { outcome: 'FAILED', failure, ...(othersLive ? {} : { countsAsTry: true }) });
  if (othersLive) return;
  dropWaiting(draft, node.index);
  retryOrFail(draft, node, failure, {
    status: 'FAILED',
    retryable: result.retryable,
    retryAfterMs: result.retryAfterMs,
  });
}

/** The agent stopped: because we asked, or by itself, which is a failed try. */
function cancelAttempt(draft: Draft, node: CompiledAgentNode, attempt: AttemptRecord): void {
  if (isBeingStopped(draft, node)) {
    end(draft, node, attempt, { outcome: 'CANCELLED' });
    if (liveAttempts(recordAt(draft.state, node.index)).length === 0) cancelStep(draft, node);
    return;
  }
  const failure = { code: 'CANCELLED_BY_AGENT', message: `the agent stopped "${node.id}" although nobody asked it to` };
  failAttempt(draft, node, attempt, { failure, retryable: true, retryAfterMs: 0 });
}

function end(
  draft: Draft,
  node: CompiledAgentNode,
  attempt: AttemptRecord,
  how: Pick<AttemptEnded, 'outcome' | 'failure' | 'countsAsTry' | 'unconfirmed'>,
): void {
  dropAttempt(draft, node.index, attempt.number);
  draft.emit({ type: 'AttemptEnded', at: draft.now, path: node.id, number: attempt.number, ...how });
}
