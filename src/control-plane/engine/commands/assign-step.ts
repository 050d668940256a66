import { times } from '../../../core/limits.ts';
import type { AssignStep } from '../commands.ts';
import type { Draft } from '../decision.ts';
import { EMPTY_INPUT } from '../outputs.ts';
import { indexOfPath, liveAttempts, nextNumber, nodeAt, recordAt } from '../state.ts';
import { dropAttempt, leaseTask } from '../tasks.ts';

/** The lease: the queued step's next attempt belongs to the instance. A step that no longer waits answers `none`. */
export function assignStep(draft: Draft, command: AssignStep): void {
  const index = indexOfPath(draft.state, command.path);
  if (index === undefined) return;
  const node = nodeAt(draft.state, index);
  const record = recordAt(draft.state, index);
  if (node.kind !== 'agent' || !record.isQueued) return;
  fenceOldest(draft, index);
  const idempotent = node.idempotent ?? command.idempotent;
  const timeoutMs = node.timeoutMs ?? (command.timeoutMs > 0 ? command.timeoutMs : times.stepTimeoutMs);
  const number = nextNumber(record);
  draft.emit({
    type: 'AttemptStarted',
    at: draft.now,
    path: node.id,
    number,
    try: record.failedTries + 1,
    agentId: command.agentId,
    instanceId: command.instanceId,
    idempotent,
    ...(timeoutMs === 0 ? {} : { deadlineAt: draft.now + timeoutMs }),
    ...(command.resumed === true ? { resumed: true } : {}),
  });
  const attempt = record.detail?.attempts.at(-1);
  if (attempt === undefined) return;
  leaseTask(draft, index, attempt, 0);
  draft.effect({
    type: 'dispatch',
    path: node.id,
    node: index,
    number,
    try: attempt.try,
    instanceId: command.instanceId,
    idempotent,
    input: record.input ?? EMPTY_INPUT,
    deadlineAt: attempt.deadlineAt,
  });
  draft.answer = { type: 'assign', number };
}

/** At most two attempts of a step are LIVE: a third fences the oldest. */
function fenceOldest(draft: Draft, index: number): void {
  const live = liveAttempts(recordAt(draft.state, index));
  const node = nodeAt(draft.state, index);
  const keep = live.every((attempt) => attempt.idempotent) ? 1 : 0;
  for (const attempt of live.slice(0, Math.max(0, live.length - keep))) {
    dropAttempt(draft, index, attempt.number);
    const { number, instanceId } = attempt;
    const outcome = attempt.isUnreachable ? 'LOST' : 'SUPERSEDED';
    draft.emit({ type: 'AttemptEnded', at: draft.now, path: node.id, number, outcome, unconfirmed: true });
    draft.effect({ type: 'stop', path: node.id, number, instanceId, reason: 'SUPERSEDED', graceMs: 0 });
  }
}
