/**
 * PURE: which steps another try starts again (take-over.ts has the rules), and where it goes on inside of loops and maps. The same for
 * another try of the same run and for a new run that takes over what is done.
 */
import { limits } from '../../core/limits.ts';
import { itemOutputs } from './evolve-bodies.ts';
import {
  type BodyStep,
  type Frame,
  isBodyStep,
  isLoopStep,
  type LoopStep,
  type MapStep,
  type RunState,
  type Step,
} from './state.ts';
import { childrenOf, isProtected, parentOf, policyOf, stepAt } from './step-tree.ts';
import { findUndone, type Undone } from './undone.ts';

export interface Again {
  /** Every step that starts again, of the frames below. */
  readonly again: ReadonlySet<Step>;
  /** Of those: loops that keep iterations and maps that keep items; those around before those inside. */
  readonly continued: readonly BodyStep[];
  /** The root, and the iterations that were cut short and go on. */
  readonly frames: readonly Frame[];
}

export function findAgain(state: RunState): Again {
  const undone = findUndone(state);
  const again = new Set<Step>();
  const continued: BodyStep[] = [];
  const frames: Frame[] = [];
  const work = [state.root];
  for (let frame = work.pop(); frame !== undefined; frame = work.pop()) {
    const marks = markFrame(frame, undone);
    frames.push(frame);
    for (const step of marks.again) again.add(step);
    for (const step of frame.steps.filter(isBodyStep)) {
      if (!marks.again.has(step) || marks.after.has(step) || step.status === 'COMPLETED' || isProtected(step)) continue;
      const inside = isLoopStep(step) ? cutShort(step, undone) : undefined;
      const goesOn = isLoopStep(step) ? mayGoOn(step, inside) : hasItemsLeft(step);
      if (!goesOn) continue;
      continued.push(step);
      if (inside !== undefined) work.push(inside);
    }
  }
  return { again, continued, frames };
}

/** The iteration that did not end, if another try goes on in it: some of its steps are done, or may keep what is in them, and some are not. */
function cutShort({ detail }: LoopStep, undone: Undone): Frame | undefined {
  const frame = detail?.loop?.frame;
  if (frame === undefined) return undefined;
  const { again } = markFrame(frame, undone);
  if (again.size === 0) return undefined;
  const isKept = (step: Step): boolean => !again.has(step) || (step.detail?.loop ?? step.detail?.map) !== undefined;
  return frame.steps.some((step) => step.node.attached === undefined && isKept(step)) ? frame : undefined;
}

/** A loop that ran as often as it may has nothing left to go on with: it begins anew. */
function mayGoOn(step: LoopStep, inside: Frame | undefined): boolean {
  const finished = finishedIterations(step);
  return (finished > 0 || inside !== undefined) && finished < step.node.maxIterations;
}

/** Iterations that ended; the one that runs is not. */
export function finishedIterations({ detail }: Step): number {
  const { frame, iterations = 0 } = detail?.loop ?? {};
  return frame === undefined ? iterations : frame.number - 1;
}

/** With all that it needs, it failed for what they gave: it begins anew, with its list. */
function hasItemsLeft(step: MapStep): boolean {
  const map = step.detail?.map;
  if (map?.items === undefined || map.outputBytes > limits.mapOutputBytesMax) return false;
  return itemOutputs(map).length < (policyOf(step)?.quorum ?? map.count);
}

interface Marks {
  readonly again: Set<Step>;
  /** Of those: because they come after another one. A block may start again for its own sake, and its children not. */
  readonly after: Set<Step>;
}

/** One work list, no recursion: a chain may have 10,000 steps. */
function markFrame(frame: Frame, undone: Undone): Marks {
  const again = new Set<Step>();
  const work: Step[] = [];
  const whole = new Set<Step>();
  for (const step of frame.steps) {
    if (step.node.attached !== undefined) continue;
    const parent = parentOf(step);
    // Blocks stand before their children.
    if (parent !== undefined && whole.has(parent)) whole.add(step);
    else if (!isDone(step) || undone.around.has(step)) work.push(step);
    else if (step.node.kind !== 'agent') whole.add(step);
  }
  for (const step of work) again.add(step);
  const after = new Set<Step>();
  for (const step of frame.steps) if (undone.steps.has(step)) work.push(step, ...restart(step, { again, after }));
  for (let step = work.pop(); step !== undefined; step = work.pop()) {
    for (const slot of step.node.dependents) work.push(...restart(stepAt(frame, slot), { again, after }));
  }
  return { again, after };
}

/** What comes after a step that starts again does so, too, with everything in it. Answers the steps that were not marked before. */
function restart(first: Step, { again, after }: Marks): readonly Step[] {
  const marked: Step[] = [];
  const stack = [first];
  for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
    if (after.has(step)) continue;
    after.add(step);
    if (!again.has(step)) marked.push(step);
    again.add(step);
    if (!isBodyStep(step)) stack.push(...childrenOf(step));
  }
  return marked;
}

function isDone(step: Step): boolean {
  if (step.node.isCleanup) return false;
  const reason = step.status === 'SKIPPED' ? step.detail?.skip?.reason : undefined;
  if (reason === 'RUN_ON') return true;
  return (step.status === 'COMPLETED' || reason === 'WHEN') && !isProtected(step);
}
