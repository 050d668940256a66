/** Cancelling the child run of a step: what stops a step, stops its child run, and the step ends when that is over. */
import { times } from '../../core/limits.ts';
import type { Draft } from './decision.ts';
import type { Failure } from './events.ts';
import type { ChildStep } from './state.ts';

/** Of a step that has a child run. `failure`: why the step will end TIMED_OUT. */
export function stopChild(draft: Draft, step: ChildStep, failure?: Failure): void {
  const { path, detail } = step;
  if (detail?.child === undefined || detail.stoppingUntil > 0) return;
  draft.emit({
    type: 'StepStopping',
    at: draft.now,
    path,
    // Nothing is due then: how long a child run may take to end is its own `cleanupTimeout`.
    graceUntil: draft.now + times.stopGraceMs,
    ...(failure === undefined ? {} : { failure }),
  });
  draft.effect({ type: 'cancelChild', path, runId: detail.child.runId, kill: false });
}

/** The step ends by our word, whatever its child run does: that is cancelled, or once more. */
export function abandonChild(draft: Draft, { path, detail }: ChildStep): void {
  if (detail?.child !== undefined) draft.effect({ type: 'cancelChild', path, runId: detail.child.runId, kill: true });
}
