/**
 * A loop runs its body in one frame after the other. All that follows the end of an iteration (its output, whether
 * another one comes, and when) is evaluated before anything is said of it, and said once: a replay evaluates nothing.
 */
import { toYardmasterError } from '../../core/errors.ts';
import type { StoredValue } from '../../core/stored-value.ts';
import { completeWith, failBlock, finishBlock, startChildren } from './blocks.ts';
import { type Draft, MissingValues } from './decision.ts';
import type { Failure } from './events.ts';
import { bodyOutput, isTrue, keepValue, type LoopView, NULL_OUTPUT } from './outputs.ts';
import { shapeOutput } from './shape.ts';
import type { LoopStep } from './state.ts';
import { childrenOf } from './step-tree.ts';
import { isStopping } from './stop.ts';
import { blockTimerTask } from './tasks.ts';

/** A loop that is open: its body goes on, or the next iteration begins, or it ends. */
export function lookAtLoop(draft: Draft, step: LoopStep): void {
  const { detail } = step;
  if (detail?.loop === undefined) return;
  const { frame, iterations } = detail.loop;
  // Another try goes on in it.
  const isPrepared = frame !== undefined && frame.number > iterations;
  if (frame !== undefined && !isPrepared && detail.openChildren > 0) return startChildren(draft, step);
  if (detail.childFailure !== undefined || detail.stoppingUntil > 0 || isStopping(draft.state, step))
    return finishBlock(draft, step);
  if (isPrepared) return startIteration(draft, step, frame.number);
  if (frame !== undefined) return evaluated(draft, step, () => endIteration(draft, step, iterations));
  if (iterations === 0) return evaluated(draft, step, () => begin(draft, step));
  if (detail.retryAt <= draft.now) startIteration(draft, step, iterations + 1);
}

function begin(draft: Draft, step: LoopStep): void {
  const { node } = step;
  const view = { iteration: 1, last: undefined };
  if (node.while === undefined || isTrue(draft, step.frame, node.while, { loop: view }))
    return startIteration(draft, step, 1);
  completeWith(draft, step, outputOf(draft, step, { iteration: 0, last: undefined }));
}

function startIteration(draft: Draft, step: LoopStep, number: number): void {
  if (draft.state.pausedAt > 0) return;
  draft.emit({ type: 'BodyStarted', at: draft.now, path: step.path, number });
  // The row may still hold the time of this beginning.
  if (step.node.delayMs > 0) blockTimerTask(draft, step);
  startChildren(draft, step);
}

function endIteration(draft: Draft, step: LoopStep, number: number): void {
  const { node, path } = step;
  const last = bodyOutput(draft, childrenOf(step).at(-1));
  const goesOn = wantsAnother(draft, step, { iteration: number, last });
  const isFull = number >= node.maxIterations;
  const isOver = !goesOn || (isFull && node.onMaxIterations === 'stop');
  const output = isOver ? outputOf(draft, step, { iteration: number, last }) : undefined;
  const nextAt = goesOn && !isFull && node.delayMs > 0 ? draft.now + node.delayMs : undefined;
  const stored = keepValue(draft, last, `last/${path}/${number}`);
  draft.emit({
    type: 'BodyEnded',
    at: draft.now,
    path,
    number,
    output: stored,
    ...(nextAt === undefined ? {} : { nextAt }),
  });
  if (isOver) completeWith(draft, step, output === last ? stored : output);
  else if (isFull) failBlock(draft, step, limitFailure(step));
  else if (nextAt !== undefined) blockTimerTask(draft, step);
  else startIteration(draft, step, number + 1);
}

/** Asked once the iteration has ended and before `delay`: what is to be waited for in vain is not waited for. */
function wantsAnother(draft: Draft, { node, frame }: LoopStep, view: LoopView): boolean {
  if (node.until !== undefined) return !isTrue(draft, frame, node.until, { loop: view });
  if (node.while === undefined) return true;
  return isTrue(draft, frame, node.while, { loop: { ...view, iteration: view.iteration + 1 } });
}

function outputOf(draft: Draft, step: LoopStep, view: LoopView): StoredValue {
  const last = view.last ?? NULL_OUTPUT;
  return shapeOutput(draft, step, { result: () => draft.read(last), own: () => last, loop: view }) ?? last;
}

/** Values that are missing are loaded first; an expression that fails is the failure of the loop. */
function evaluated(draft: Draft, step: LoopStep, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof MissingValues) return draft.postpone(step.path, error);
    const { code, message } = toYardmasterError(error, 'BAD_EXPRESSION');
    failBlock(draft, step, { code, message, path: step.path });
  }
}

function limitFailure({ node, path }: LoopStep): Failure {
  const { maxIterations } = node;
  const times = maxIterations === 1 ? 'once' : `${maxIterations} times`;
  const asked = node.until === undefined ? `"while" is still true` : `"until" is still false`;
  return { code: 'LOOP_LIMIT', message: `"${path}" ran ${times}, its maxIterations, and ${asked}`, path };
}
