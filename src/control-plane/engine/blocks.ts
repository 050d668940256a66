/** Parallel and sequential: opening children within the window, stopping siblings, and what the block's end is. */

import { toYardmasterError } from '../../core/errors.ts';
import type { Draft } from './decision.ts';
import { MissingValues } from './decision.ts';
import { failStep } from './failure.ts';
import { evaluateTemplate } from './outputs.ts';
import { nodeAt, recordAt } from './state.ts';
import { isStopping } from './stop.ts';
import { dropTimer } from './tasks.ts';
import { wake } from './wake.ts';

/** Puts the children that may start on the work list, in order, as far as the window allows. */
export function startChildren(draft: Draft, index: number): void {
  const node = nodeAt(draft.state, index);
  const block = recordAt(draft.state, index).detail;
  if (node.kind === 'agent' || block === undefined) return;
  const room = node.kind === 'parallel' ? node.concurrency - block.activeChildren : node.children.length;
  const chosen: number[] = [];
  for (let i = block.cursor; i < node.children.length && chosen.length < room; i++) {
    const child = node.children[i];
    if (child === undefined) break;
    const record = recordAt(draft.state, child);
    if (record.status === 'PENDING' && record.pendingDependencies === 0) chosen.push(child);
  }
  for (let i = chosen.length - 1; i >= 0; i--) draft.work.push(chosen[i] ?? 0);
}

/** All children are over: the block is, too. */
export function finishBlock(draft: Draft, index: number): void {
  const { state } = draft;
  const node = nodeAt(state, index);
  const block = recordAt(state, index).detail;
  if (node.kind === 'agent' || block === undefined) return;
  const failure = block.childFailure;
  const toleratesFailure = node.kind === 'parallel' && node.onFailure === 'continue';
  if (failure?.code === 'TOTAL_TIMEOUT' && failure.path === node.id)
    return close(draft, index, () => failStep(draft, index, 'TIMED_OUT', failure));
  if (failure !== undefined && !toleratesFailure)
    return close(draft, index, () => failStep(draft, index, 'FAILED', failure));
  if (isStopping(state, node) || block.stoppingUntil > 0) {
    return close(draft, index, () => {
      draft.emit({ type: 'StepCancelled', at: draft.now, path: node.id });
      wake(draft, index);
    });
  }
  completeBlock(draft, index);
}

function completeBlock(draft: Draft, index: number): void {
  const node = nodeAt(draft.state, index);
  try {
    const output = node.output === undefined ? undefined : evaluateTemplate(draft, node.output, `out/${node.id}`);
    close(draft, index, () => {
      draft.emit({ type: 'StepCompleted', at: draft.now, path: node.id, ...(output === undefined ? {} : { output }) });
      wake(draft, index);
    });
  } catch (error) {
    if (error instanceof MissingValues) return draft.postpone(index, error);
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    close(draft, index, () => failStep(draft, index, 'FAILED', { code, message, path: node.id }));
  }
}

function close(draft: Draft, index: number, emit: () => void): void {
  const node = nodeAt(draft.state, index);
  if (node.totalTimeoutMs !== undefined) dropTimer(draft, node);
  emit();
}
