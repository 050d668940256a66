/**
 * Stopping what runs: a step that waits ends at once, a running one is asked to stop and has a grace in which its result is
 * still recorded; what runs on failure or always is left alone.
 */
import { times } from '../../core/limits.ts';
import type { CompiledNode } from '../../workflow/compiled.ts';
import type { Draft } from './decision.ts';
import type { Failure } from './events.ts';
import { liveAttempts, nodeAt, type RunState, recordAt } from './state.ts';
import { isStepOver } from './status.ts';
import { dropAttempt, dropWaiting, leaseTask } from './tasks.ts';
import { wake } from './wake.ts';

/** True for a node that must not start: its run is ENDING or a block around it is stopping, and nothing protects it. */
export function isStopping(state: RunState, node: CompiledNode): boolean {
  for (let current = node; ; current = nodeAt(state, current.parent)) {
    if (current.runOn !== 'success') return false;
    if (current.parent < 0) return state.ending !== undefined && !current.isCleanup;
    if ((recordAt(state, current.parent).detail?.stoppingUntil ?? 0) > 0) return true;
  }
}

/** Stops what is open among `nodes`, except what runs on failure or always. */
export function stopChildren(draft: Draft, nodes: readonly number[]): void {
  for (const index of nodes) {
    const node = nodeAt(draft.state, index);
    if (node.runOn === 'success' && !isStepOver(recordAt(draft.state, index).status)) stopNode(draft, node);
  }
}

function stopNode(draft: Draft, node: CompiledNode): void {
  const record = recordAt(draft.state, node.index);
  if (record.status === 'PENDING') {
    if (record.pendingDependencies === 0) draft.work.push(node.index);
  } else if (node.kind !== 'agent') {
    if ((record.detail?.stoppingUntil ?? 0) > 0) return;
    draft.emit({ type: 'StepStopping', at: draft.now, path: node.id, graceUntil: draft.now + times.stopGraceMs });
    stopChildren(draft, node.children);
    draft.work.push(node.index);
  } else if (liveAttempts(record).length > 0) stopAttempts(draft, node);
  else cancelStep(draft, node);
}

function stopAttempts(draft: Draft, node: CompiledNode): void {
  const record = recordAt(draft.state, node.index);
  if ((record.detail?.stoppingUntil ?? 0) > 0) return;
  dropWaiting(draft, node.index);
  draft.emit({ type: 'StepStopping', at: draft.now, path: node.id, graceUntil: draft.now + times.stopGraceMs });
  for (const attempt of liveAttempts(record)) {
    leaseTask(draft, node.index, attempt, 0);
    stopEffect(draft, node, attempt, times.stopGraceMs);
  }
}

function stopEffect(
  draft: Draft,
  node: CompiledNode,
  attempt: { readonly number: number; readonly instanceId: string },
  graceMs: number,
): void {
  const { number, instanceId } = attempt;
  draft.effect({ type: 'stop', path: node.id, number, instanceId, reason: 'CANCELLED', graceMs });
}

/** A step that waits, or whose last attempt is gone, ends CANCELLED. */
export function cancelStep(draft: Draft, node: CompiledNode): void {
  dropWaiting(draft, node.index);
  draft.emit({ type: 'StepCancelled', at: draft.now, path: node.id });
  wake(draft, node.index);
}

/** The grace is over, or nobody waits for it: live attempts end by our word, and the step with them. */
export function killStep(draft: Draft, node: CompiledNode): void {
  for (const attempt of liveAttempts(recordAt(draft.state, node.index))) {
    dropAttempt(draft, node.index, attempt.number);
    draft.emit({
      type: 'AttemptEnded',
      at: draft.now,
      path: node.id,
      number: attempt.number,
      outcome: 'CANCELLED',
      unconfirmed: true,
    });
    stopEffect(draft, node, attempt, 0);
  }
  cancelStep(draft, node);
}

/** failFast: everything else in the block stops; what cleans up inside it still runs. */
export function stopSiblings(draft: Draft, block: number, failure?: Failure): void {
  const node = nodeAt(draft.state, block);
  const record = recordAt(draft.state, block);
  if (node.kind === 'agent' || (record.detail?.stoppingUntil ?? 0) > 0) return;
  draft.emit({
    type: 'StepStopping',
    at: draft.now,
    path: node.id,
    graceUntil: draft.now,
    ...(failure === undefined ? {} : { failure }),
  });
  stopChildren(draft, node.children);
}
