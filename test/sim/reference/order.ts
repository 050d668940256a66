/** When a step starts, when it is skipped instead, and what stops it. */
import { anySkip, type Context, continues, hasPolicy, isFailed } from './context.ts';
import type { End, Moment } from './facts.ts';
import { countItems, itemsOf } from './items.ts';
import type { Place } from './outline.ts';

/** Undefined: it starts. `blocked`: something that it depends on has not ended. */
export type Gate = undefined | 'blocked' | readonly End[];

export function gateOf(run: Context, place: Place, { position, at }: Moment): Gate {
  const { step } = place.node;
  if (place.belongs?.as === 'fallback' && !hasFallenBack(run, place.belongs.to, position)) return 'blocked';
  if (isLeftOut(run, place.belongs?.to ?? place)) return [{ status: 'SKIPPED', reason: 'BRANCH' }];
  const dependencies = step.dependencies.map((id) => place.frame.places.get(id));
  const ends = dependencies.map((dependency) => dependency && run.endBefore(dependency, position));
  if (ends.includes(undefined)) return 'blocked';
  const isWell = ends.every((end, i) => isSatisfied(dependencies[i], end));
  const runOn = step.runOn ?? 'success';
  if (runOn === 'success' && !isWell) return [{ status: 'SKIPPED', reason: 'DEPENDENCY' }];
  if (runOn === 'failure' && !ends.some(isFailed)) return [isWell ? { status: 'SKIPPED', reason: 'RUN_ON' } : anySkip];
  if (step.when === undefined) return undefined;
  const answer = run.read('cel', step.when, place, 'when', at);
  if (!answer.ok) return [{ status: 'FAILED', code: answer.code }];
  return answer.value === false ? [{ status: 'SKIPPED', reason: 'WHEN' }] : undefined;
}

function hasFallenBack(run: Context, owner: Place, position: number): boolean {
  const fellBack = run.of(owner)?.fellBack;
  return fellBack !== undefined && fellBack.position < position;
}

/** What depends on it may run. */
function isSatisfied(place: Place | undefined, end: End | undefined): boolean {
  if (place === undefined || end === undefined) return false;
  if (end.status === 'SKIPPED') return end.reason === 'WHEN' || end.reason === 'RUN_ON' || end.reason === 'BRANCH';
  return end.status === 'COMPLETED' || (isFailed(end) && continues(place));
}

/** It stands in a branch that does not run. */
function isLeftOut(run: Context, { around, node }: Place): boolean {
  if (around === undefined || around.node.lists.length < 2) return false;
  const branch = run.of(around)?.branch;
  return branch !== undefined && around.node.lists[branch]?.includes(node) !== true;
}

/** `may`: the documents leave open whether it, or when. */
export type Stop = 'no' | 'may' | 'yes';

/** Whether something had stopped the step before `moment`. */
export function stopOf(run: Context, place: Place, moment: Moment): Stop {
  const { ending, cancels } = run.facts;
  let stop: Stop = 'no';
  // Of cleanup: steps of `finally`, and those that run on failure or always. Within a block it is open whether they may go on.
  let isCleanup = place.node.isFinally;
  let isOpen = false;
  for (let at: Place | undefined = place; at !== undefined; at = at.around) {
    const here = at === place ? 'no' : stopWithin(run, at, moment);
    if (here !== 'no') stop = stop === 'yes' || (here === 'yes' && !isCleanup) ? 'yes' : 'may';
    // A fallback is of cleanup when its owner is.
    const { step } = (at.belongs?.to ?? at).node;
    if (at.node.isFinally || (step.runOn ?? 'success') === 'success') continue;
    isCleanup = true;
    isOpen = at.around !== undefined;
  }
  if (ending === undefined || ending.position >= moment.position) return stop;
  if (!isCleanup) return 'yes';
  const isOver = run.hasCome(moment.at, ending.at + run.cleanupTimeoutMs);
  const isKilled = cancels.some(({ position }) => position > ending.position && position < moment.position);
  return stop === 'no' && (isOpen || isOver || isKilled) ? 'may' : stop;
}

/** Whether a block had stopped what is in it. */
function stopWithin(run: Context, block: Place, moment: Moment): Stop {
  const { step, lists } = block.node;
  const started = run.of(block)?.started;
  if (step.type === 'parallel' || step.type === 'map') {
    const children = step.type === 'map' ? itemsOf(run, block) : block.frame.placesOf(lists.flat());
    const all = step.type === 'map' ? countItems(run, block) : children.length;
    const ends = children.map((child) => run.endBefore(child, moment.position));
    if (step.quorum === undefined) {
      const hasFailed = ends.some((end, i) => isFailed(end) && !continues(children[i] ?? block));
      if (step.onFailure === 'failFast' && hasFailed) return 'yes';
      // What fails inside of a child fails the child: it is open which of the two moments counts.
      const isDoomed = run
        .all()
        .some((inner) => failsChildOf(inner, block) && isFailed(run.endBefore(inner, moment.position)));
      if (step.onFailure === 'failFast' && isDoomed) return 'may';
    } else {
      const completed = ends.filter((end) => end?.status === 'COMPLETED').length;
      const lost = ends.filter((end) => end !== undefined && end.status !== 'COMPLETED').length;
      if (completed >= step.quorum || all - lost < step.quorum) return 'yes';
    }
  }
  const total = step.totalTimeoutMs ?? 0;
  return total > 0 && started !== undefined && run.hasCome(moment.at, started.at + total) ? 'may' : 'no';
}

/** Nothing between it and the block handles its failure. */
function failsChildOf(place: Place, block: Place): boolean {
  if (place.belongs !== undefined) return false;
  for (let at: Place = place; at.around !== undefined && !continues(at); at = at.around) {
    if (at.around === block) return true;
    if (hasPolicy(at.around) || at.around.node.fallback !== undefined) return false;
  }
  return false;
}
