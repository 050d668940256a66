/**
 * When an open run will probably end, by what completed runs of its workflow took. Pure.
 *
 * The steps that are left, in their order, say it; where one runs longer than it ever did, the whole of past runs does; where
 * this run is longer than each of those, nobody knows. So an estimate is never in the past, and there is none without history.
 */
import { isBlockStep, type RunState, type Step } from '../engine/state.ts';
import { isRunOver, isStepOver } from '../engine/status.ts';
import { childrenOf, stepAt } from '../engine/step-tree.ts';
import type { PastWorkflow } from './past-runs.ts';

/** Wall ms; undefined: nothing to say. */
export function estimateEnd(state: RunState, past: PastWorkflow | undefined, now: number): number | undefined {
  if (past === undefined || past.whole.count === 0 || state.startedAt === 0) return undefined;
  if (isRunOver(state.status) || state.pausedAt > 0) return undefined;
  // History is of runs that completed: it says nothing of one that will not.
  if (state.ending !== undefined && state.ending.outcome !== 'COMPLETED') return undefined;
  const left = leftBySteps(state, past, now) ?? past.whole.remaining(now - state.startedAt);
  return left === undefined ? undefined : now + Math.round(left);
}

/** Undefined: some step runs longer than is known of it. */
function leftBySteps(state: RunState, past: PastWorkflow, now: number): number | undefined {
  const { roots, finallyRoots } = state.workflow;
  const rootsOf = (slots: readonly number[]): readonly Step[] => slots.map((slot) => stepAt(state.root, slot));
  const body = spanOf(rootsOf(roots), past, now);
  const cleanup = spanOf(rootsOf(finallyRoots), past, now);
  return body === undefined || cleanup === undefined ? undefined : body + cleanup;
}

/** From now to the end of the last of some siblings. Without recursion over their edges: a chain may have 10,000. */
function spanOf(siblings: readonly Step[], past: PastWorkflow, now: number): number | undefined {
  const ends = new Map<Step, number>();
  const stack = siblings.filter(({ status }) => !isStepOver(status));
  let span = 0;
  for (let step = stack.at(-1); step !== undefined; step = stack.at(-1)) {
    const open = openDependencies(step);
    const unknown = open.filter((dependency) => !ends.has(dependency));
    if (!ends.has(step) && unknown.length > 0) {
      stack.push(...unknown);
      continue;
    }
    stack.pop();
    if (ends.has(step)) continue;
    const left = leftOf(step, past, now);
    if (left === undefined) return undefined;
    const end = open.reduce((latest, dependency) => Math.max(latest, ends.get(dependency) ?? 0), 0) + left;
    ends.set(step, end);
    span = Math.max(span, end);
  }
  return span;
}

function openDependencies({ node, frame }: Step): readonly Step[] {
  return node.dependencies.map((slot) => stepAt(frame, slot)).filter(({ status }) => !isStepOver(status));
}

/** What is left of an open step once it can go on; undefined: it is longer than ever. */
function leftOf(step: Step, past: PastWorkflow, now: number): number | undefined {
  const { node, status, readyAt, detail } = step;
  const known = past.steps.get(node.id)?.took;
  // A step that none of them ran, such as one for failures, will probably not run now.
  if (status === 'PENDING') return known?.median() ?? 0;
  if (isBlockStep(step) && node.kind !== 'loop' && node.kind !== 'map') return leftOfBlock(step, past, now);
  const waitUntil = node.kind === 'wait' ? (detail?.waitUntil ?? 0) : 0;
  if (waitUntil > now) return waitUntil - now;
  return known?.remaining(now - readyAt);
}

/** Of a block that runs: its children in their order, not more at once than it may. */
function leftOfBlock(block: Step, past: PastWorkflow, now: number): number | undefined {
  const children = childrenOf(block);
  const span = spanOf(children, past, now);
  if (span === undefined || block.node.kind !== 'parallel' || block.node.concurrency >= children.length) return span;
  let sum = 0;
  for (const child of children) if (!isStepOver(child.status)) sum += leftOf(child, past, now) ?? 0;
  return Math.max(span, sum / block.node.concurrency);
}
