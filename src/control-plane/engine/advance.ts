/**
 * Starts what may start and closes what is done, until nothing changes. One loop over a work list (no recursion over the
 * graph): a chain of 10,000 skips is 10,000 rounds, not 10,000 stack frames.
 */
import { toYardmasterError } from '../../core/errors.ts';
import type { Template } from '../../workflow/compiled.ts';
import { finishBlock, settleQuorum, startChildren } from './blocks.ts';
import { openChild, seekChild } from './child-runs.ts';
import { dueCompensation, mayCompensate } from './compensation.ts';
import { openCondition } from './condition.ts';
import { type Draft, MissingValues } from './decision.ts';
import { finishRunIfDone } from './ending.ts';
import type { SkipReason } from './events.ts';
import { failStep, isHandled } from './failure.ts';
import { evaluateKey } from './keys.ts';
import { lookAtLoop } from './loops.ts';
import { endItem, lookAtMap, openMap } from './maps.ts';
import { evaluateInput, evaluateTemplate, isTrue } from './outputs.ts';
import { settleFallback } from './settle-fallback.ts';
import { shapeOutput } from './shape.ts';
import {
  isAgentStep,
  isBlockStep,
  isChildStep,
  isLoopStep,
  isMapStep,
  isWaitingStep,
  type RunState,
  type Step,
} from './state.ts';
import { isStepOver } from './status.ts';
import { isFallingBack, ownerOf, parentOf, stepAt } from './step-tree.ts';
import { isStopping } from './stop.ts';
import { queueTask, timerTask } from './tasks.ts';
import { openWait, settleWait } from './waits.ts';
import { wake } from './wake.ts';

export function advance(draft: Draft): void {
  for (;;) {
    const step = draft.work.pop();
    if (step !== undefined) lookAt(draft, step);
    else if (!finishRunIfDone(draft)) return;
  }
}

function lookAt(draft: Draft, step: Step): void {
  if (isStepOver(step.status)) endItem(draft, step);
  else if (isFallingBack(step)) settleFallback(draft, step);
  else if (step.status === 'PENDING') startStep(draft, step);
  else if (isLoopStep(step)) lookAtLoop(draft, step);
  else if (isMapStep(step)) lookAtMap(draft, step);
  else if (isBlockStep(step)) {
    settleQuorum(draft, step);
    if ((step.detail?.openChildren ?? 0) === 0) finishBlock(draft, step);
    else startChildren(draft, step);
  } else if (isChildStep(step)) seekChild(draft, step);
  else if (isWaitingStep(step)) settleWait(draft, step);
}

/** Starts a step whose dependencies are over; or skips it; or leaves it when its block holds it back. */
function startStep(draft: Draft, step: Step): void {
  const { state } = draft;
  if (state.pausedAt > 0 || step.pendingDependencies > 0 || !isParentOpen(draft, step)) return;
  const verdict = startVerdict(state, step);
  if (verdict.kind === 'skip') return skip(draft, step, verdict.reason, verdict.because);
  if (isHeldByWindow(step)) return;
  try {
    openStep(draft, step);
  } catch (error) {
    if (error instanceof MissingValues) return draft.postpone(step.path, error);
    const failure = toYardmasterError(error, 'BAD_EXPRESSION');
    failStep(draft, step, 'FAILED', { code: failure.code, message: failure.message, path: step.path });
  }
}

function openStep(draft: Draft, step: Step): void {
  const { node, path } = step;
  if (node.when !== undefined && !isTrue(draft, step.frame, node.when)) return skip(draft, step, 'WHEN', undefined);
  if (node.kind === 'set') return computeValue(draft, step, node.value);
  if (isChildStep(step)) return openChild(draft, step);
  if (isWaitingStep(step)) return openWait(draft, step);
  if (!isAgentStep(step)) {
    if (node.kind === 'condition') openCondition(draft, step, node);
    else if (isMapStep(step)) openMap(draft, step);
    else draft.emit({ type: 'BlockStarted', at: draft.now, path });
    if (node.totalTimeoutMs !== undefined) timerTask(draft, step, draft.now + node.totalTimeoutMs);
    draft.work.push(step);
    return;
  }
  const key = evaluateKey(draft, step);
  const input = evaluateInput(draft, step.frame, step.node.parameters, `in/${path}`);
  draft.emit({ type: 'StepReady', at: draft.now, path, ...input, ...(key === undefined ? {} : { key }) });
  queueTask(draft, step);
}

/** A `set`: it begins and ends in this decision. */
function computeValue(draft: Draft, step: Step, value: Template): void {
  const { path } = step;
  const own = evaluateTemplate(draft, step.frame, value, `out/${path}`);
  const output = shapeOutput(draft, step, { result: () => draft.read(own), own: () => own }) ?? own;
  draft.emit({ type: 'BlockStarted', at: draft.now, path });
  draft.emit({ type: 'StepCompleted', at: draft.now, path, output });
  wake(draft, step);
}

export function skip(draft: Draft, step: Step, reason: SkipReason, because: string | undefined): void {
  const { path } = step;
  draft.emit({ type: 'StepSkipped', at: draft.now, path, reason, ...(because === undefined ? {} : { because }) });
  wake(draft, step);
}

function isParentOpen(draft: Draft, step: Step): boolean {
  const { state } = draft;
  const owner = ownerOf(step);
  if (owner !== undefined)
    return step.node.attached?.kind === 'fallback' ? isFallingBack(owner) : mayCompensate(draft, step);
  const parent = parentOf(step);
  if (parent !== undefined) return parent.status === 'RUNNING';
  return step.node.isCleanup
    ? state.ending !== undefined && state.openRoots === 0 && dueCompensation(draft) === undefined
    : state.status === 'RUNNING' || state.status === 'ENDING';
}

function isHeldByWindow(step: Step): boolean {
  const parent = parentOf(step);
  return parent?.node.kind === 'parallel' && (parent.detail?.activeChildren ?? 0) >= parent.node.concurrency;
}

type Verdict =
  | { readonly kind: 'start' }
  | { readonly kind: 'skip'; readonly reason: SkipReason; readonly because: string | undefined };

/** The rules of docs/workflows.md, "Order". */
function startVerdict(state: RunState, step: Step): Verdict {
  const { node } = step;
  if (node.runOn === 'success' && isStopping(state, step)) {
    return { kind: 'skip', reason: state.ending === undefined ? 'BLOCK_STOPPED' : 'RUN_ENDING', because: undefined };
  }
  if (node.runOn === 'always') return { kind: 'start' };
  if (node.runOn === 'failure') {
    const failed = node.dependencies.some((dependency) => hasFailed(stepAt(step.frame, dependency)));
    return failed ? { kind: 'start' } : { kind: 'skip', reason: 'RUN_ON', because: undefined };
  }
  const blocker = node.dependencies.map((dependency) => stepAt(step.frame, dependency)).find(blocksDependents);
  if (blocker === undefined) return { kind: 'start' };
  return { kind: 'skip', reason: 'DEPENDENCY', because: blocker.path };
}

function hasFailed({ status }: Step): boolean {
  return status === 'FAILED' || status === 'TIMED_OUT';
}

function blocksDependents(step: Step): boolean {
  switch (step.status) {
    case 'FAILED':
    case 'TIMED_OUT':
      return !isHandled(step);
    case 'CANCELLED':
      return true;
    case 'SKIPPED':
      return step.detail?.skip?.reason !== 'WHEN' && step.detail?.skip?.reason !== 'RUN_ON';
    case 'COMPLETED':
    case 'PENDING':
    case 'READY':
    case 'RUNNING':
    case 'WAITING':
      return false;
  }
}
