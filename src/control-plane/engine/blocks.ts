/** Blocks with children: opening them within the window, stopping siblings, and what the block's end is. */
import { toYardmasterError } from '../../core/errors.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import type { Draft } from './decision.ts';
import { MissingValues } from './decision.ts';
import type { Failure } from './events.ts';
import { failStep } from './failure.ts';
import { mapOutput } from './map-output.ts';
import { blockResult } from './outputs.ts';
import { shapeOutput } from './shape.ts';
import { type BlockStep, isMapStep, type Step } from './state.ts';
import { frameInside, policyOf, stepAt, tolerates } from './step-tree.ts';
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
  const { detail } = block;
  const quorum = policyOf(block)?.quorum;
  if (quorum === undefined || detail === undefined || detail.openChildren === 0) return;
  const isReached = detail.completedChildren >= quorum;
  const isLost = detail.completedChildren + detail.openChildren < quorum;
  if (isReached || isLost) stopBlock(draft, block);
}

/** All children are over: the block is, too. */
export function finishBlock(draft: Draft, block: BlockStep): void {
  const { detail, path } = block;
  if (detail === undefined) return;
  const failure = detail.childFailure;
  const quorum = policyOf(block)?.quorum;
  // What is wrong with the block itself no policy tolerates.
  if (failure?.path === path) {
    const status = failure.code === 'TOTAL_TIMEOUT' ? 'TIMED_OUT' : 'FAILED';
    return close(draft, block, () => failStep(draft, block, status, failure));
  }
  if (failure !== undefined && !tolerates(block))
    return close(draft, block, () => failStep(draft, block, 'FAILED', failure));
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
  const { path } = block;
  try {
    completeWith(draft, block, outputOf(draft, block));
  } catch (error) {
    if (error instanceof MissingValues) return draft.postpone(path, error);
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    close(draft, block, () => failStep(draft, block, 'FAILED', { code, message, path }));
  }
}

/** Undefined: it is put together when somebody reads it. */
function outputOf(draft: Draft, block: BlockStep): StoredValue | undefined {
  if (isMapStep(block)) return mapOutput(draft, block);
  return shapeOutput(draft, block, { result: () => blockResult(draft, block), own: () => undefined });
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

function quorumFailure({ node, path, detail }: BlockStep, quorum: number): Failure {
  const { completedChildren = 0, childFailure, map } = detail ?? {};
  const needed = node.kind === 'map' ? `items (of ${map?.count ?? 0})` : 'steps';
  const cause = childFailure === undefined ? '' : `; the first failure: ${childFailure.code} ${childFailure.message}`;
  return {
    code: 'QUORUM_NOT_REACHED',
    message: `only ${completedChildren} of ${quorum} ${needed} that "${path}" needs completed${cause}`,
    path,
  };
}

function close(draft: Draft, block: BlockStep, emit: () => void): void {
  if (hasTimer(block)) dropTimer(draft, block);
  emit();
}
