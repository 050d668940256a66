/** Parallel and sequential: opening children within the window, stopping siblings, and what the block's end is. */

import { toYardmasterError } from '../../core/errors.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Draft } from './decision.ts';
import { MissingValues } from './decision.ts';
import type { Failure } from './events.ts';
import { failStep } from './failure.ts';
import { evaluateTemplate, resultOf } from './outputs.ts';
import { type BlockStep, frameInside, type Step, stepAt, toleratesFailures } from './state.ts';
import { isStopping, stopBlock } from './stop.ts';
import { dropTimer, hasTimer } from './tasks.ts';
import { wake } from './wake.ts';

/** Puts the children that may start on the work list, in order, as far as the window allows. */
export function startChildren(draft: Draft, block: BlockStep): void {
  const { node, detail } = block;
  const inside = frameInside(block);
  if (detail === undefined || inside === undefined) return;
  const room = node.kind === 'parallel' ? node.concurrency - detail.activeChildren : node.children.length;
  const chosen: Step[] = [];
  for (let i = detail.cursor; i < node.children.length && chosen.length < room; i++) {
    const child = stepAt(inside, node.children[i] ?? -1);
    if (child.status === 'PENDING' && child.pendingDependencies === 0) chosen.push(child);
  }
  draft.work.push(...chosen.toReversed());
}

/** Enough children have completed, or no longer can: the rest is stopped. */
export function settleQuorum(draft: Draft, block: BlockStep): void {
  const { node, detail } = block;
  if (node.kind !== 'parallel' || node.quorum === undefined || detail === undefined || detail.openChildren === 0)
    return;
  const isReached = detail.completedChildren >= node.quorum;
  const isLost = detail.completedChildren + detail.openChildren < node.quorum;
  if (isReached || isLost) stopBlock(draft, block);
}

/** All children are over: the block is, too. */
export function finishBlock(draft: Draft, block: BlockStep): void {
  const { node, detail, path } = block;
  if (detail === undefined) return;
  const failure = detail.childFailure;
  if (failure?.code === 'TOTAL_TIMEOUT' && failure.path === path)
    return close(draft, block, () => failStep(draft, block, 'TIMED_OUT', failure));
  if (failure !== undefined && !toleratesFailures(node))
    return close(draft, block, () => failStep(draft, block, 'FAILED', failure));
  const quorum = node.kind === 'parallel' ? node.quorum : undefined;
  if (quorum !== undefined && detail.completedChildren >= quorum) return completeBlock(draft, block);
  if (quorum !== undefined && !isStopping(draft.state, block))
    return close(draft, block, () => failStep(draft, block, 'FAILED', quorumFailure(block, quorum)));
  if (isStopping(draft.state, block) || detail.stoppingUntil > 0) {
    return close(draft, block, () => {
      draft.emit({ type: 'StepCancelled', at: draft.now, path });
      wake(draft, block);
    });
  }
  completeBlock(draft, block);
}

function completeBlock(draft: Draft, block: BlockStep): void {
  const { node, path, frame } = block;
  try {
    const extra = { result: resultOf(draft, block) };
    const output = node.output && evaluateTemplate(draft, frame, node.output, `out/${path}`, extra);
    completeWith(draft, block, output);
  } catch (error) {
    if (error instanceof MissingValues) return draft.postpone(path, error);
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    close(draft, block, () => failStep(draft, block, 'FAILED', { code, message, path }));
  }
}

export function completeWith(draft: Draft, block: BlockStep, output: StoredValue | undefined): void {
  close(draft, block, () => {
    const { path } = block;
    draft.emit({ type: 'StepCompleted', at: draft.now, path, ...(output === undefined ? {} : { output }) });
    wake(draft, block);
  });
}

/** Fails a block, whose timer goes with it. */
export function failBlock(draft: Draft, block: BlockStep, failure: Failure): void {
  close(draft, block, () => failStep(draft, block, 'FAILED', failure));
}

function quorumFailure({ path, detail }: BlockStep, quorum: number): Failure {
  const { completedChildren = 0, childFailure } = detail ?? {};
  const cause = childFailure === undefined ? '' : `; the first failure: ${childFailure.code} ${childFailure.message}`;
  return {
    code: 'QUORUM_NOT_REACHED',
    message: `only ${completedChildren} of ${quorum} steps that "${path}" needs completed${cause}`,
    path,
  };
}

function close(draft: Draft, block: BlockStep, emit: () => void): void {
  if (hasTimer(block)) dropTimer(draft, block);
  emit();
}
