/** PURE: every deadline that a run waits for, as its state says: what the task rows hold, without the store. */
import { liveAttempts, nextNumber, nodeAt, type RunState, recordAt } from './state.ts';
import { isRunOver, isStepOver } from './status.ts';
import { attemptDue, nearest, queueDue, totalDue } from './tasks.ts';

export interface Deadline {
  /** '' with attempt 0: the run's own. */
  readonly path: string;
  readonly attempt: number;
  /** Wall ms. */
  readonly dueAt: number;
}

/** A deadline of a handler's silence may be too early: whoever fires it looks when it was heard last. */
export function deadlinesOf(state: RunState): readonly Deadline[] {
  if (isRunOver(state.status)) return [];
  const deadlines: Deadline[] = [{ path: '', attempt: 0, dueAt: state.deadlineAt }];
  for (const node of state.workflow.nodes) deadlines.push(...deadlinesOfStep(state, node.index));
  return deadlines.filter(({ dueAt }) => dueAt > 0);
}

function deadlinesOfStep(state: RunState, index: number): readonly Deadline[] {
  const node = nodeAt(state, index);
  const record = recordAt(state, index);
  const path = node.id;
  if (record.status === 'PENDING' || isStepOver(record.status)) return [];
  if (node.kind !== 'agent') return [{ path, attempt: 0, dueAt: totalDue(node, record) }];
  const deadlines = liveAttempts(record).map((attempt) => ({
    path,
    attempt: attempt.number,
    dueAt: attemptDue(node, record, attempt, 0),
  }));
  const retryAt = record.detail?.retryAt ?? 0;
  if (record.isQueued) deadlines.push({ path, attempt: nextNumber(record), dueAt: queueDue(node, record) });
  else if (retryAt > 0)
    deadlines.push({ path, attempt: nextNumber(record), dueAt: nearest(retryAt, totalDue(node, record)) });
  return deadlines;
}
