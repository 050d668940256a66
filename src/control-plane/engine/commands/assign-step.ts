import { times } from '../../../core/limits.ts';
import { liveAttempts, nextNumber } from '../attempts.ts';
import type { AssignStep } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { findAgentStep } from '../frames.ts';
import { EMPTY_INPUT } from '../outputs.ts';
import type { AgentStep } from '../state.ts';
import { dropAttempt, leaseTask } from '../tasks.ts';

/** The lease: the queued step's next attempt belongs to the instance. A step that no longer waits answers `none`. */
export function assignStep(draft: Draft, command: AssignStep): void {
  const step = findAgentStep(draft.state, command.path);
  if (step === undefined || !step.isQueued || draft.state.pausedAt > 0) return;
  fenceOldest(draft, step);
  const idempotent = step.node.idempotent ?? command.idempotent;
  const timeoutMs = step.node.timeoutMs ?? (command.timeoutMs > 0 ? command.timeoutMs : times.stepTimeoutMs);
  const number = nextNumber(step);
  draft.emit({
    type: 'AttemptStarted',
    at: draft.now,
    path: step.path,
    number,
    try: step.failedTries + 1,
    agentId: command.agentId,
    instanceId: command.instanceId,
    idempotent,
    ...(timeoutMs === 0 ? {} : { deadlineAt: draft.now + timeoutMs }),
    ...(command.resumed === true ? { resumed: true } : {}),
  });
  const attempt = step.detail?.attempts.at(-1);
  if (attempt === undefined) return;
  leaseTask(draft, step, attempt, 0);
  draft.effect({
    type: 'dispatch',
    step,
    path: step.path,
    number,
    try: attempt.try,
    instanceId: command.instanceId,
    idempotent,
    input: step.input ?? EMPTY_INPUT,
    deadlineAt: attempt.deadlineAt,
  });
  draft.answer = { type: 'assign', number };
}

/** At most two attempts of a step are LIVE: a third fences the oldest. */
function fenceOldest(draft: Draft, step: AgentStep): void {
  const live = liveAttempts(step);
  const keep = live.every((attempt) => attempt.idempotent) ? 1 : 0;
  for (const attempt of live.slice(0, Math.max(0, live.length - keep))) {
    dropAttempt(draft, step, attempt.number);
    const { number, instanceId } = attempt;
    const outcome = attempt.isUnreachable ? 'LOST' : 'SUPERSEDED';
    draft.emit({ type: 'AttemptEnded', at: draft.now, path: step.path, number, outcome, unconfirmed: true });
    draft.effect({ type: 'stop', path: step.path, number, instanceId, reason: 'SUPERSEDED', graceMs: 0 });
  }
}
