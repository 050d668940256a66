/**
 * Starts what may start and closes what is done, until nothing changes. One loop over a work list (no recursion over the
 * graph): a chain of 10,000 skips is 10,000 rounds, not 10,000 stack frames.
 */
import { toYardmasterError } from '../../core/errors.ts';
import type { CompiledNode, Expression } from '../../workflow/compiled.ts';
import { finishBlock, startChildren } from './blocks.ts';
import { type Draft, MissingValues } from './decision.ts';
import { finishRunIfDone } from './ending.ts';
import type { SkipReason } from './events.ts';
import { failStep, isHandled } from './failure.ts';
import { EMPTY_INPUT, evaluateTemplate, requireValues, scopeOf } from './outputs.ts';
import { nodeAt, type RunState, recordAt } from './state.ts';
import { isStepOver } from './status.ts';
import { isStopping } from './stop.ts';
import { queueTask, timerTask } from './tasks.ts';
import { wake } from './wake.ts';

/** Stands in the work list for the run itself. */
export const RUN_NODE = -1;

export function advance(draft: Draft): void {
  for (;;) {
    const index = draft.work.pop();
    if (index === undefined) {
      if (!finishRunIfDone(draft)) return;
    } else if (index !== RUN_NODE) lookAt(draft, index);
  }
}

function lookAt(draft: Draft, index: number): void {
  const record = recordAt(draft.state, index);
  if (isStepOver(record.status)) return;
  if (record.status === 'PENDING') startNode(draft, index);
  else if (nodeAt(draft.state, index).kind !== 'agent') lookAtBlock(draft, index);
}

function lookAtBlock(draft: Draft, index: number): void {
  const record = recordAt(draft.state, index);
  if ((record.detail?.openChildren ?? 0) === 0) finishBlock(draft, index);
  else startChildren(draft, index);
}

/** Starts a node whose dependencies are over; or skips it; or leaves it when its block holds it back. */
function startNode(draft: Draft, index: number): void {
  const { state } = draft;
  const node = nodeAt(state, index);
  if (recordAt(state, index).pendingDependencies > 0 || !isParentOpen(state, node)) return;
  const verdict = startVerdict(state, node);
  if (verdict.kind === 'skip') return skip(draft, index, verdict.reason, verdict.because);
  if (isHeldByWindow(state, node)) return;
  try {
    openNode(draft, node);
  } catch (error) {
    if (error instanceof MissingValues) return draft.postpone(index, error);
    const failure = toYardmasterError(error, 'BAD_EXPRESSION');
    failStep(draft, index, 'FAILED', { code: failure.code, message: failure.message, path: node.id });
  }
}

function openNode(draft: Draft, node: CompiledNode): void {
  if (node.when !== undefined && !isTrue(draft, node.when)) return skip(draft, node.index, 'WHEN', undefined);
  if (node.kind !== 'agent') {
    draft.emit({ type: 'BlockStarted', at: draft.now, path: node.id });
    if (node.totalTimeoutMs !== undefined) timerTask(draft, node, draft.now + node.totalTimeoutMs);
    draft.work.push(node.index);
    return;
  }
  const input = node.parameters === undefined ? EMPTY_INPUT : evaluateTemplate(draft, node.parameters, `in/${node.id}`);
  draft.emit({ type: 'StepReady', at: draft.now, path: node.id, input });
  queueTask(draft, node.index);
}

function isTrue(draft: Draft, condition: Expression): boolean {
  requireValues(draft, condition);
  return condition.evaluate(scopeOf(draft)) === true;
}

export function skip(draft: Draft, index: number, reason: SkipReason, because: string | undefined): void {
  const path = nodeAt(draft.state, index).id;
  draft.emit({ type: 'StepSkipped', at: draft.now, path, reason, ...(because === undefined ? {} : { because }) });
  wake(draft, index);
}

function isParentOpen(state: RunState, node: CompiledNode): boolean {
  if (node.parent >= 0) return recordAt(state, node.parent).status === 'RUNNING';
  return node.isCleanup
    ? state.ending !== undefined && state.openRoots === 0
    : state.status === 'RUNNING' || state.status === 'ENDING';
}

function isHeldByWindow(state: RunState, node: CompiledNode): boolean {
  if (node.parent < 0) return false;
  const parent = nodeAt(state, node.parent);
  return (
    parent.kind === 'parallel' && (recordAt(state, parent.index).detail?.activeChildren ?? 0) >= parent.concurrency
  );
}

type Verdict =
  | { readonly kind: 'start' }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly because: string | undefined };

/** The rules of docs/workflows.md, "Order". */
function startVerdict(state: RunState, node: CompiledNode): Verdict {
  if (node.runOn === 'success' && isStopping(state, node)) {
    return { kind: 'skip', reason: state.ending === undefined ? 'BLOCK_STOPPED' : 'RUN_ENDING', because: undefined };
  }
  if (node.runOn === 'always') return { kind: 'start' };
  if (node.runOn === 'failure') {
    const failed = node.dependencies.some((dependency) => hasFailed(state, dependency));
    return failed ? { kind: 'start' } : { kind: 'skip', reason: 'RUN_ON', because: undefined };
  }
  const blocker = node.dependencies.find((dependency) => blocksDependents(state, dependency));
  if (blocker === undefined) return { kind: 'start' };
  return { kind: 'skip', reason: 'DEPENDENCY', because: nodeAt(state, blocker).id };
}

function hasFailed(state: RunState, index: number): boolean {
  const { status } = recordAt(state, index);
  return status === 'FAILED' || status === 'TIMED_OUT';
}

function blocksDependents(state: RunState, index: number): boolean {
  const record = recordAt(state, index);
  switch (record.status) {
    case 'FAILED':
    case 'TIMED_OUT':
      return !isHandled(state, index);
    case 'CANCELLED':
      return true;
    case 'SKIPPED':
      return record.detail?.skip?.reason !== 'WHEN' && record.detail?.skip?.reason !== 'RUN_ON';
    case 'COMPLETED':
    case 'PENDING':
    case 'READY':
    case 'RUNNING':
    case 'WAITING':
      return false;
  }
}
