/** The task rows that follow from a decision: what waits, what is leased, what comes due. */
import type { CompiledNode } from '../../workflow/compiled.ts';
import type { Draft } from './decision.ts';
import {
  type AttemptRecord,
  attemptsOf,
  liveAttempts,
  nextNumber,
  nodeAt,
  recordAt,
  type StepRecord,
} from './state.ts';

/** The step waits for an agent. */
export function queueTask(draft: Draft, index: number, isRefresh = false): void {
  const node = nodeAt(draft.state, index);
  const record = recordAt(draft.state, index);
  const avoid = instancesToAvoid(node, record);
  draft.effect({
    type: 'task',
    path: node.id,
    node: index,
    attempt: nextNumber(record),
    state: 'queued',
    dueAt: queueDue(node, record),
    agentId: '',
    instanceId: '',
    ...(avoid.length === 0 ? {} : { avoid }),
    ...(isRefresh ? { isRefresh: true } : {}),
  });
}

/** The next try waits until `record.detail.retryAt`. */
export function delayTask(draft: Draft, index: number): void {
  const node = nodeAt(draft.state, index);
  const record = recordAt(draft.state, index);
  const dueAt = nearest(record.detail?.retryAt ?? 0, totalDue(node, record));
  draft.effect({
    type: 'task',
    path: node.id,
    node: index,
    attempt: nextNumber(record),
    state: 'delayed',
    dueAt,
    agentId: '',
    instanceId: '',
  });
}

/** The attempt is held by its instance until its nearest deadline. */
export function leaseTask(draft: Draft, index: number, attempt: AttemptRecord, heardAt: number): void {
  const node = nodeAt(draft.state, index);
  draft.effect({
    type: 'task',
    path: node.id,
    node: index,
    attempt: attempt.number,
    state: 'leased',
    dueAt: attemptDue(node, recordAt(draft.state, index), attempt, heardAt),
    agentId: attempt.agentId,
    instanceId: attempt.instanceId,
  });
}

/** Drops the row of a step that waits (queued or delayed), before the event that ends the wait. */
export function dropWaiting(draft: Draft, index: number): void {
  const record = recordAt(draft.state, index);
  if (!record.isQueued && (record.detail?.retryAt ?? 0) === 0) return;
  const path = nodeAt(draft.state, index).id;
  draft.effect({
    type: 'taskDone',
    path,
    attempt: nextNumber(record),
    ...(record.isQueued ? { wasQueued: true } : {}),
  });
}

export function dropAttempt(draft: Draft, index: number, number: number): void {
  draft.effect({ type: 'taskDone', path: nodeAt(draft.state, index).id, attempt: number });
}

export function timerTask(draft: Draft, node: CompiledNode, dueAt: number): void {
  draft.effect({
    type: 'task',
    path: node.id,
    node: node.index,
    attempt: 0,
    state: 'timer',
    dueAt,
    agentId: '',
    instanceId: '',
  });
}

export function dropTimer(draft: Draft, node: CompiledNode): void {
  draft.effect({ type: 'taskDone', path: node.id, attempt: 0 });
}

/** The run's own deadline: the row with path '' and attempt 0. */
export function runTimerTask(draft: Draft): void {
  const { deadlineAt } = draft.state;
  if (deadlineAt === 0) draft.effect({ type: 'taskDone', path: '', attempt: 0 });
  else
    draft.effect({
      type: 'task',
      path: '',
      node: -1,
      attempt: 0,
      state: 'timer',
      dueAt: deadlineAt,
      agentId: '',
      instanceId: '',
    });
}

/** Nearest deadline of a queued step, wall ms; 0: none. Its `queueTimeout` counts only while nobody works on it. */
export function queueDue(node: CompiledNode, record: StepRecord): number {
  const isIdle = node.kind === 'agent' && liveAttempts(record).length === 0;
  const queueTimeoutMs = isIdle ? node.queueTimeoutMs : undefined;
  return nearest(queueTimeoutMs === undefined ? 0 : record.queuedAt + queueTimeoutMs, totalDue(node, record));
}

/** When the step's `totalTimeout` is over, wall ms; 0: none. */
export function totalDue(node: CompiledNode, record: StepRecord): number {
  return node.totalTimeoutMs === undefined ? 0 : record.readyAt + node.totalTimeoutMs;
}

/** When silence of the handler ends the attempt, wall ms; 0: never. */
export function heartbeatDue(node: CompiledNode, attempt: AttemptRecord, heardAt: number): number {
  const heartbeatTimeoutMs = node.kind === 'agent' ? node.heartbeatTimeoutMs : undefined;
  return heartbeatTimeoutMs === undefined ? 0 : Math.max(attempt.startedAt, heardAt) + heartbeatTimeoutMs;
}

/** Nearest deadline of a live attempt, wall ms; 0: none. */
export function attemptDue(node: CompiledNode, record: StepRecord, attempt: AttemptRecord, heardAt: number): number {
  const stoppingUntil = record.detail?.stoppingUntil ?? 0;
  if (stoppingUntil > 0) return stoppingUntil;
  return nearest(nearest(attempt.deadlineAt, totalDue(node, record)), heartbeatDue(node, attempt, heardAt));
}

/** The earlier of two times, of which 0 is none. */
export function nearest(a: number, b: number): number {
  if (a === 0) return b;
  return b === 0 ? a : Math.min(a, b);
}

/** The instance that just failed it; with `onDifferentAgent`, every instance that did. */
function instancesToAvoid(node: CompiledNode, record: StepRecord): readonly string[] {
  const ended = attemptsOf(record).filter((attempt) => attempt.outcome !== undefined || attempt.isUnreachable);
  const last = ended.at(-1);
  if (last === undefined || node.kind !== 'agent') return [];
  if (!node.retry.onDifferentAgent) return [last.instanceId];
  return [...new Set(ended.map((attempt) => attempt.instanceId))];
}
