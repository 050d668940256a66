/** What another try of a run takes over from the run before: by the ends there, and by what the documents say of each kind. */
import { runsBodies } from '../../../src/workflow/definition.ts';
import type { RunFacts, SeenEnd } from './facts.ts';
import { Frame, type Node, type Outline, type Place } from './outline.ts';

/** By path. A path that is in `open` may be taken over or not. */
export interface TakeOver {
  readonly ends: ReadonlyMap<string, SeenEnd>;
  readonly open: ReadonlySet<string>;
  /** Blocks that are not done, and open again with the children that are. */
  readonly reopened: readonly Place[];
}

export function takeOverOf({ body }: Outline, before: RunFacts): TakeOver {
  const frame = new Frame(body);
  const ends = new Map<string, SeenEnd>();
  const open = new Set<string>();
  const reopened: Place[] = [];
  const endOf = ({ path }: Place): SeenEnd | undefined => before.steps.get(path)?.end;
  const childrenOf = ({ node }: Place): readonly Place[] =>
    runsBodies(node.step) ? [] : frame.placesOf(node.lists.flat());

  const takeWhole = (place: Place): void => {
    const end = endOf(place);
    if (end !== undefined) ends.set(place.path, end);
    else open.add(place.path);
    for (const child of childrenOf(place)) takeWhole(child);
    const fallback = place.node.fallback && place.frame.attached(place.node.fallback);
    const helped = fallback && endOf(fallback);
    if (fallback !== undefined && helped !== undefined) ends.set(fallback.path, helped);
  };
  /** An agent had its compensation. */
  const wasUndone = ({ node }: Place): boolean => {
    const facts = node.compensation && before.steps.get(frame.attached(node.compensation).path);
    return facts !== undefined && facts.attempts.length > 0;
  };
  /** What was undone is not done any more, and neither is a block with that in it. */
  const isUndone = (place: Place): boolean =>
    wasUndone(place) || childrenOf(place).some(isUndone) || isUndoneWithin(place, before);
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
      // One that was itself undone begins anew, and so does everything in it.
      if (place.node.step.dependencies.some(isAgain) || wasUndone(place)) continue;
      if (!isCleanup(place)) {
        reopened.push(place);
        take(childrenOf(place));
      } else for (const child of childrenOf(place)) if (endOf(child)?.reason === 'RUN_ON') open.add(child.path);
    }
  };
  const tryToTake = (place: Place): boolean => {
    const end = endOf(place);
    if (end === undefined || place.node.step.dependencies.some(isAgain)) return false;
    // `runOn` skips only what is cleanup: what it skipped is done all the same.
    const isDone = (end.status === 'COMPLETED' || end.reason === 'WHEN') && !isCleanup(place);
    if ((!isDone && end.reason !== 'RUN_ON') || isUndone(place)) return false;
    takeWhole(place);
    return true;
  };
  take(frame.placesOf(body));
  return { ends, open, reopened };
}

/** Of a loop or a map: something in one of its iterations or items was undone. */
function isUndoneWithin({ node, path }: Place, { steps }: RunFacts): boolean {
  if (!runsBodies(node.step)) return false;
  const ids = compensationsIn(node);
  return [...steps].some(
    ([at, { attempts }]) =>
      at.startsWith(`${path}/`) && ids.has(at.slice(at.lastIndexOf('/') + 1)) && attempts.length > 0,
  );
}

function compensationsIn({ lists }: Node): ReadonlySet<string> {
  const own = lists
    .flat()
    .flatMap((child) => [
      ...(child.compensation === undefined ? [] : [child.compensation.step.id]),
      ...compensationsIn(child),
    ]);
  return new Set(own);
}

function isCleanup({ node }: Place): boolean {
  return node.isFinally || (node.step.runOn ?? 'success') !== 'success';
}
