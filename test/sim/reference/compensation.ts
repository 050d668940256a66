/** What is undone at the end of a run that did not complete: everything that completed, the last first, one after the other. */
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import type { Context } from './context.ts';
import type { Moment, StepFacts } from './facts.ts';
import type { Frame, Outline, Place } from './outline.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** Compensations that must run, in their order; `undefined` when the run is not to be undone. */
function owed(run: Context): readonly Place[] {
  const { ending, isTriedAgain } = run.facts;
  if (ending === undefined || ending.outcome === 'COMPLETED' || isTriedAgain) return [];
  const done = run.all().flatMap((place) => {
    const { compensation } = place.node;
    const end = compensation && run.endBefore(place, NEVER);
    if (compensation === undefined || end?.status !== 'COMPLETED' || run.of(place)?.isPast === true) return [];
    return [{ helper: place.frame.attached(compensation), position: end.position }];
  });
  return done.toSorted((left, right) => right.position - left.position).map(({ helper }) => helper);
}

/** It has an end: it ran, or must have. */
export function isCompensationCalled(run: Context, place: Place): boolean {
  return run.of(place) !== undefined || (owed(run).includes(place) && !isCutShort(run));
}

/** Something ended the cleanup before all was done: a cancel in it, or its timeout. */
function isCutShort(run: Context): boolean {
  const { ending, end, cancels } = run.facts;
  if (ending === undefined) return false;
  if (cancels.some(({ position }) => position > ending.position)) return true;
  return end !== undefined && run.hasCome(end.at, ending.at + run.cleanupTimeoutMs);
}

export function checkCompensations(
  run: Context,
  { retries = 0 }: WorkflowDefinition,
  outline: Outline,
  root: Frame,
): void {
  const order = owed(run);
  for (const place of run.all())
    if (place.belongs?.as === 'compensation' && run.of(place) !== undefined && !order.includes(place))
      run.fault(place, 'there is nothing for it to undo');
  const bodyEnd = Math.max(...root.placesOf(outline.body).map((place) => run.of(place)?.end?.position ?? 0));
  let before: { readonly path: string; readonly position: number } = { path: 'the body', position: bodyEnd };
  let left: Place | undefined;
  for (const place of order) {
    const facts = run.of(place);
    const begun = facts && beginOf(facts);
    if (begun === undefined) {
      left ??= place;
      continue;
    }
    if (left !== undefined) run.fault(place, `it runs, and ${left.path} before it does not`);
    if (begun.position < before.position) run.fault(place, `it runs before ${before.path} is over`);
    before = { path: place.path, position: facts?.end?.position ?? NEVER };
  }
  const isTold = run.facts.cleanupFailures.includes('NOT_COMPENSATED');
  if (left !== undefined && !isTold) run.fault(left, 'it does not run, and nobody is told');
  if (isTold && order.every((place) => run.endBefore(place, NEVER)?.status === 'COMPLETED'))
    run.faultOfRun('it says NOT_COMPENSATED, and all is undone');
  // It might have been tried again: `finally` of the try may have run before.
  if (run.facts.ending?.outcome === 'FAILED' && run.facts.try <= retries) return;
  for (const place of root.placesOf(outline.cleanup)) {
    const { started } = run.of(place) ?? {};
    if (started !== undefined && order.length > 0 && started.position < before.position)
      run.fault(place, `it starts before ${before.path} is over`);
  }
}

/** Undefined: its turn never came. */
function beginOf({ started, end }: StepFacts): Moment | undefined {
  return started ?? (end?.status === 'SKIPPED' && end.reason !== 'WHEN' ? undefined : end);
}
