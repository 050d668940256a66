/**
 * PURE: what another try of an ended run takes over from it (docs/workflows.md, "Another try"): every step that is done, unless it
 * comes after one that is not. Everything else starts again, cleanup always.
 *
 * 1. Done is what COMPLETED, and what was skipped in a way that lets its dependents run (`when`, `runOn`): the same values would
 *    skip it again.
 * 2. A block that is done is taken over whole, with the ends of its children, whatever they are. One that is not keeps the
 *    children that are.
 * 3. What a loop or a map ran stands in frames, and those of iterations and items that ended are gone: it is taken over whole or begins
 *    anew.
 * 4. What was compensated is not done any more. What completed and was not is taken over, and may still be compensated.
 * 5. A fallback is taken over with the step that it belongs to, a compensation never is.
 */
import type { StepTakenOver } from './events.ts';
import {
  attemptsOf,
  childrenOf,
  isBodyStep,
  isCalledFor,
  isProtected,
  ownerOf,
  parentOf,
  type RunState,
  type Step,
  stepAt,
} from './state.ts';
import { isStepOver } from './status.ts';
import { findUndone } from './undone.ts';

/** A step that is over, as the next try knows it. */
export type TakenOver = Omit<StepTakenOver, 'type' | 'at'>;

/** In the order of the definition; then what may have to be compensated, in the order in which it completed. */
export function takeOver(state: RunState): readonly TakenOver[] {
  const { again } = findAgain(state);
  const steps = state.root.steps.filter((step) => isTakenOver(step, again));
  const ranks = new Map(state.owed.map((path, i) => [path, i]));
  const rankOf = ({ node, path }: Step): number => (node.compensate === undefined ? -2 : (ranks.get(path) ?? -1));
  return steps.toSorted((a, b) => rankOf(a) - rankOf(b)).flatMap(describe);
}

function isTakenOver(step: Step, again: ReadonlySet<Step>): boolean {
  const owner = ownerOf(step);
  if (owner === undefined) return !again.has(step);
  return step.node.attached?.kind === 'fallback' && !again.has(owner) && isCalledFor(step);
}

export interface Again {
  /** Every step that starts again. */
  readonly again: ReadonlySet<Step>;
  /** Of those: because they come after another one. */
  readonly after: ReadonlySet<Step>;
}

/** The steps that start again. One work list, no recursion: a chain may have 10,000 steps. */
export function findAgain(state: RunState): Again {
  const again = new Set<Step>();
  const work: Step[] = [];
  const whole = new Set<Step>();
  const undone = findUndone(state);
  for (const step of state.root.steps) {
    if (step.node.attached !== undefined) continue;
    const parent = parentOf(step);
    // Blocks stand before their children.
    if (parent !== undefined && whole.has(parent)) whole.add(step);
    else if (!isDone(step) || undone.around.has(step)) work.push(step);
    else if (step.node.kind !== 'agent') whole.add(step);
  }
  for (const step of work) again.add(step);
  const after = new Set<Step>();
  for (const step of undone.steps) work.push(step, ...restart(step, { again, after }));
  for (let step = work.pop(); step !== undefined; step = work.pop()) {
    for (const slot of step.node.dependents) work.push(...restart(stepAt(state.root, slot), { again, after }));
  }
  return { again, after };
}

interface Marks {
  readonly again: Set<Step>;
  /** Of those: because they come after another one. A block may start again for its own sake, and its children not. */
  readonly after: Set<Step>;
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

function describe(step: Step): readonly TakenOver[] {
  const { status, path, detail } = step;
  if (!isStepOver(status)) return [];
  const attempts = attemptsOf(step);
  const number = detail?.takenOver?.attempts ?? attempts.length;
  const agentId = detail?.takenOver?.agentId ?? attempts.at(-1)?.agentId;
  return [
    {
      path,
      status,
      number,
      ...(agentId === undefined ? {} : { agentId }),
      ...(detail?.output === undefined ? {} : { output: detail.output }),
      ...(detail?.failure === undefined ? {} : { failure: detail.failure }),
      ...(detail?.skip === undefined ? {} : { reason: detail.skip.reason }),
      ...(detail?.skip?.because === undefined ? {} : { because: detail.skip.because }),
    },
  ];
}
