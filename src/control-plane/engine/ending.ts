/**
 * The end of a run. The first cause fixes the outcome; what runs is stopped with a grace, cleanup goes on under its own
 * deadline, and the run is over when nothing is open.
 */
import { toYardmasterError } from '../../core/errors.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { CompiledNode } from '../../workflow/compiled.ts';
import { type Draft, MissingValues } from './decision.ts';
import type { Failure } from './events.ts';
import { evaluateTemplate } from './outputs.ts';
import { nodeAt, type RunState, recordAt } from './state.ts';
import { isRunOver, isStepOver, type RunOutcome } from './status.ts';
import { killStep, stopChildren } from './stop.ts';
import { dropTimer, runTimerTask } from './tasks.ts';

export function beginEnding(
  draft: Draft,
  outcome: RunOutcome,
  failure: Failure | undefined,
  output?: StoredValue,
): void {
  const { state } = draft;
  if (state.ending !== undefined || isRunOver(state.status)) return;
  draft.emit({
    type: 'RunEnding',
    at: draft.now,
    outcome,
    cleanupUntil: draft.now + state.workflow.cleanupTimeoutMs,
    ...(failure === undefined ? {} : { failure }),
    ...(output === undefined ? {} : { output }),
  });
  runTimerTask(draft);
  stopChildren(draft, state.workflow.roots);
}

/** The cleanup deadline, or a second cancel: nothing is waited for any more. */
export function killRun(draft: Draft): void {
  const { nodes } = draft.state.workflow;
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodeAt(draft.state, index);
    const { status } = recordAt(draft.state, index);
    if (isStepOver(status) || !isReachable(draft.state, node)) continue;
    if (status === 'PENDING') draft.emit({ type: 'StepSkipped', at: draft.now, path: node.id, reason: 'RUN_ENDING' });
    else if (node.kind === 'agent') killStep(draft, node);
    else {
      if (node.totalTimeoutMs !== undefined) dropTimer(draft, node);
      draft.emit({ type: 'StepCancelled', at: draft.now, path: node.id });
    }
  }
  draft.work.length = 0;
}

/** False inside a block that has not opened: it ends with its block, without an event. */
function isReachable(state: RunState, node: CompiledNode): boolean {
  return node.parent < 0 || recordAt(state, node.parent).status === 'RUNNING';
}

/** Called when the work list is empty; answers whether there is more to advance. */
export function finishRunIfDone(draft: Draft): boolean {
  const { state } = draft;
  if (draft.isPostponed || state.openRoots > 0 || isRunOver(state.status)) return false;
  if (state.ending === undefined) return finishBody(draft);
  if (state.openFinally > 0) return openFinally(draft);
  endRun(draft);
  return false;
}

/** The body ended well: the output is evaluated, then `finally` runs. */
function finishBody(draft: Draft): boolean {
  const { workflow } = draft.state;
  try {
    const output = workflow.output === undefined ? undefined : evaluateTemplate(draft, workflow.output, 'out');
    beginEnding(draft, 'COMPLETED', undefined, output);
  } catch (error) {
    if (error instanceof MissingValues) {
      draft.postpone(-1, error);
      return false;
    }
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    beginEnding(draft, 'FAILED', { code, message });
  }
  return true;
}

function openFinally(draft: Draft): boolean {
  const startable = draft.state.workflow.finallyRoots.filter((index) => {
    const record = recordAt(draft.state, index);
    return record.status === 'PENDING' && record.pendingDependencies === 0;
  });
  for (let i = startable.length - 1; i >= 0; i--) draft.work.push(startable[i] ?? 0);
  return startable.length > 0;
}

function endRun(draft: Draft): void {
  const { state } = draft;
  const { ending } = state;
  if (ending === undefined) return;
  draft.emit({
    type: 'RunEnded',
    at: draft.now,
    status: ending.outcome,
    ...(ending.output === undefined ? {} : { output: ending.output }),
    ...(ending.failure === undefined ? {} : { failure: ending.failure }),
    ...(state.cleanupFailures.length === 0 ? {} : { cleanupFailures: [...state.cleanupFailures] }),
  });
  runTimerTask(draft);
  draft.effect({ type: 'runOver' });
}
