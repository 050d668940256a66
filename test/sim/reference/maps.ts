/** How a map ends by its items, and which of them begin when. */
import { isDeepStrictEqual } from 'node:util';
import type { MapStepDefinition } from '../../../src/workflow/definition.ts';
import { failuresOf, natural } from './blocks.ts';
import { plain, show } from './compare.ts';
import type { Context } from './context.ts';
import type { End, ItemFacts, Moment, StepFacts } from './facts.ts';
import { itemsOf, listOf } from './items.ts';
import { interrupted } from './leaves.ts';
import { stopOf } from './order.ts';
import type { Place } from './outline.ts';

const AT_ONCE = 100;

export function mapEnds(
  run: Context,
  place: Place,
  step: MapStepDefinition,
  facts: StepFacts,
  end: Moment,
): readonly End[] {
  const list = listOf(run, place);
  if (!list.ok) return [{ status: 'FAILED', code: list.code }];
  if (facts.started === undefined) return [];
  if (facts.list !== undefined && !isDeepStrictEqual(plain(facts.list), plain([...list.value])))
    run.fault(place, `its items are ${show(facts.list)} instead of ${show(list.value)}`);
  const count = list.value.length;
  checkStarts(run, place, step, facts, { started: facts.started, end, count });
  const tops = itemsOf(run, place);
  for (const top of tops)
    if (run.endBefore(top, end.position) === undefined) run.fault(place, `it ends before ${top.path}`);
  const stops = interrupted(run, place, facts, end);
  if (step.quorum !== undefined) {
    const ends = tops.flatMap((top) => run.endBefore(top, end.position) ?? []);
    const completed = ends.filter(({ status }) => status === 'COMPLETED').length;
    if (completed >= step.quorum) return [...natural(run, place, facts, end), ...stops];
    const isLost = count - (ends.length - completed) < step.quorum;
    return isLost ? [{ status: 'FAILED', code: 'QUORUM_NOT_REACHED' }, ...stops] : stops;
  }
  const failures = step.onFailure === 'continue' ? [] : failuresOf(run, tops, end);
  // Only the first failure of `failFast`, or whoever stops the map, leaves items out. What was stopped may have failed before.
  if (tops.length < count && (step.onFailure !== 'failFast' || failures.length === 0))
    return stops.length === 0 ? [] : [...failures, ...stops];
  if (failures.length > 0) return [...failures, ...stops];
  const wasStopped = tops.some((top) => run.endBefore(top, end.position)?.status === 'CANCELLED');
  return wasStopped ? stops : [...natural(run, place, facts, end), ...stops];
}

interface Span {
  readonly started: Moment;
  readonly end: Moment;
  readonly count: number;
}

/** In the order of the list, no more at once than it says, and each as soon as there is room. */
function checkStarts(run: Context, map: Place, step: MapStepDefinition, facts: StepFacts, span: Span): void {
  const atOnce = step.concurrency ?? AT_ONCE;
  const kept = facts.goesOn?.items ?? new Set();
  const items = facts.items.slice(kept.size);
  const numbers = Array.from({ length: span.count }, (_, number) => number).filter((number) => !kept.has(number));
  for (const [i, item] of items.entries()) {
    const { number } = item;
    if (number !== numbers[i]) run.fault(map, `item ${number} begins instead of ${numbers[i]}, of ${span.count}`);
    const beside = items.slice(0, i).filter((other) => (other.ended?.position ?? Infinity) > item.started.position);
    if (beside.length >= atOnce) run.fault(map, `item ${number} begins beside ${beside.length}, at most ${atOnce}`);
    const [top] = run.body(map, number);
    if (top !== undefined && stopOf(run, top, item.started) === 'yes')
      run.fault(map, `item ${number} begins when it was stopped`);
    if (top !== undefined) checkItemEnd(run, map, top, item);
  }
  // While a run is paused nothing begins.
  if (run.facts.isPausedOnce) return;
  const ends = items.flatMap(({ ended }) => ended ?? []).toSorted((left, right) => left.position - right.position);
  for (const [i, number] of numbers.entries()) {
    const due = i < atOnce ? span.started : ends[i - atOnce];
    if (due === undefined) return;
    const [top] = run.body(map, number);
    // Whatever stops it may do so in the decision that gives it room.
    const isStopped = top === undefined || stopOf(run, top, { position: due.position + 1, at: due.at }) !== 'no';
    const begun = items.find((item) => item.number === number);
    if (isStopped || due.position >= span.end.position) return;
    if (begun?.started.at !== due.at)
      run.fault(map, `item ${number} does not begin when there is room, at ${due.position}`);
  }
}

/** In the decision that ends its step; later only where what a block gives is made of values that have to be read first. */
function checkItemEnd(run: Context, map: Place, top: Place, { number, ended }: ItemFacts): void {
  const end = run.endBefore(top, Number.POSITIVE_INFINITY);
  if (ended === undefined) return;
  if (end === undefined || end.position > ended.position) return run.fault(map, `item ${number} ends before its step`);
  const isMade = end.status === 'COMPLETED' && top.node.lists.length > 0;
  if (end.at !== ended.at && !isMade) run.fault(map, `item ${number} does not end with its step`);
}
