/** What another try of a run takes over from the run before: by the ends there, and by what the documents say of each kind. */
import { runsBodies } from '../../../src/workflow/definition.ts';
import type { RunFacts, SeenEnd } from './facts.ts';
import { Frame, type Outline, type Place } from './outline.ts';

/** By path. A path that is in `open` may be taken over or not. */
export interface TakeOver {
  readonly ends: ReadonlyMap<string, SeenEnd>;
  readonly open: ReadonlySet<string>;
}

export function takeOverOf({ body }: Outline, before: RunFacts): TakeOver {
  const frame = new Frame(body);
  const ends = new Map<string, SeenEnd>();
  const open = new Set<string>();
  const endOf = ({ path }: Place): SeenEnd | undefined => before.steps.get(path)?.end;
  const childrenOf = ({ node }: Place): readonly Place[] =>
    runsBodies(node.step) ? [] : frame.placesOf(node.lists.flat());

  const takeWhole = (place: Place): void => {
    const end = endOf(place);
    if (end !== undefined) ends.set(place.path, end);
    else open.add(place.path);
    for (const child of childrenOf(place)) takeWhole(child);
  };
  const isAgain = (id: string): boolean => !ends.has(frame.places.get(id)?.path ?? '');

  /** Siblings: whoever comes after a step that starts again does so, too. */
  const take = (places: readonly Place[]): void => {
    let waiting = [...places];
    for (let howMany = -1; howMany !== waiting.length; ) {
      howMany = waiting.length;
      waiting = waiting.filter((place) => !tryToTake(place));
    }
    for (const place of waiting) {
      // A block that did not complete opens again, and keeps the children that are done; unless it comes after what starts again.
      if (place.node.step.dependencies.some(isAgain)) continue;
      if (!isCleanup(place)) take(childrenOf(place));
      else for (const child of childrenOf(place)) if (endOf(child)?.reason === 'RUN_ON') open.add(child.path);
    }
  };
  const tryToTake = (place: Place): boolean => {
    const end = endOf(place);
    if (end === undefined || place.node.step.dependencies.some(isAgain)) return false;
    // `runOn` skips only what is cleanup: what it skipped is done all the same.
    const isDone = (end.status === 'COMPLETED' || end.reason === 'WHEN') && !isCleanup(place);
    if (!isDone && end.reason !== 'RUN_ON') return false;
    takeWhole(place);
    return true;
  };
  take(frame.placesOf(body));
  return { ends, open };
}

function isCleanup({ node }: Place): boolean {
  return node.isFinally || (node.step.runOn ?? 'success') !== 'success';
}
