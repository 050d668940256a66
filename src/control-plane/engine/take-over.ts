/**
 * PURE: what another try of an ended run takes over from it (docs/workflows.md, "Another try"): every step that is done, unless it
 * comes after one that is not. Everything else starts again, cleanup always.
 *
 * 1. Done is what COMPLETED, and what was skipped in a way that lets its dependents run (`when`, `runOn`): the same values would
 *    skip it again.
 * 2. A block that is done is taken over whole, with the ends of its children, whatever they are. One that is not keeps the
 *    children that are.
 * 3. A loop that is not done keeps the iterations that ended, and of the one that did not the steps that are done; a map keeps the items
 *    that COMPLETED. One with nothing left to go on with begins anew.
 * 4. What was compensated is not done any more. What completed and was not is taken over, and may still be compensated.
 * 5. A fallback is taken over with the step that it belongs to, a compensation never is.
 */
import { findAgain, finishedIterations } from './again.ts';
import { attemptsOf } from './attempts.ts';
import type { BodiesTakenOver, StepTakenOver } from './events.ts';
import { itemOutputs } from './evolve-bodies.ts';
import type { BodyStep, RunState, Step } from './state.ts';
import { isStepOver } from './status.ts';
import { isCalledFor, ownerOf } from './step-tree.ts';

/** A step that is over, as the next try knows it; or what it keeps of a loop or a map that is not. */
export type TakenOver = Omit<StepTakenOver, 'at'> | Omit<BodiesTakenOver, 'at'>;

/**
 * First the loops and maps that go on, those around before those inside; then steps in the order of the definition; then those that may
 * have to be compensated, in the order in which they completed.
 */
export function takeOver(state: RunState): readonly TakenOver[] {
  const { again, continued, frames } = findAgain(state);
  const steps = frames.flatMap((frame) => frame.steps.filter((step) => isTakenOver(step, again)));
  const ranks = new Map(state.owed.map((path, i) => [path, i]));
  const rankOf = ({ node, path }: Step): number => (node.compensate === undefined ? -2 : (ranks.get(path) ?? -1));
  return [...continued.map(describeBodies), ...steps.toSorted((a, b) => rankOf(a) - rankOf(b)).flatMap(describe)];
}

function isTakenOver(step: Step, again: ReadonlySet<Step>): boolean {
  const owner = ownerOf(step);
  if (owner === undefined) return !again.has(step);
  return step.node.attached?.kind === 'fallback' && !again.has(owner) && isCalledFor(step);
}

function describeBodies(step: BodyStep): TakenOver {
  const { path, detail } = step;
  const { loop, map } = detail ?? {};
  const bodies = { type: 'BodiesTakenOver', path } as const;
  if (map?.items !== undefined)
    return { ...bodies, kept: { list: map.items, count: map.count, outputs: itemOutputs(map) } };
  const iterations = finishedIterations(step);
  if (iterations === 0 || loop?.last === undefined) return bodies;
  return { ...bodies, kept: { iterations, last: loop.last } };
}

function describe(step: Step): readonly TakenOver[] {
  const { status, path, detail } = step;
  if (!isStepOver(status)) return [];
  const attempts = attemptsOf(step);
  const number = detail?.takenOver?.attempts ?? attempts.length;
  const agentId = detail?.takenOver?.agentId ?? attempts.at(-1)?.agentId;
  return [
    {
      type: 'StepTakenOver',
      path,
      status,
      number,
      ...(agentId === undefined ? {} : { agentId }),
      ...(detail?.output === undefined ? {} : { output: detail.output }),
      ...(detail?.failure === undefined ? {} : { failure: detail.failure }),
      ...(detail?.skip === undefined ? {} : { reason: detail.skip.reason }),
      ...(detail === undefined || detail.branch < 0 ? {} : { branch: detail.branch }),
      ...(detail?.skip?.because === undefined ? {} : { because: detail.skip.because }),
    },
  ];
}
