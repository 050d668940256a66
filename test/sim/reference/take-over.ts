/** What another try of a run takes over from the run before: by the ends there, and by what the documents say of each kind. */
import { runsBodies } from '../../../src/workflow/definition.ts';
import type { RunFacts, SeenEnd } from './facts.ts';
import { hasBegunBodies, type KeptBodies, keptItems, keptIterations } from './kept-bodies.ts';
import { Frame, type Node, type Outline, type Place } from './outline.ts';

/** By path. A path that is in `open` may be taken over or not. */
export interface TakeOver {
  readonly ends: ReadonlyMap<string, SeenEnd>;
  readonly open: ReadonlySet<string>;
  /** Loops and maps that are not done and go on with what ended in them. */
  readonly bodies: ReadonlyMap<string, KeptBodies>;
}

export function takeOverOf(outline: Outline, before: RunFacts): TakeOver {
  const taking = new Taking(outline, before, new Frame(outline.body));
  taking.take(outline.body);
  return taking;
}

/** The steps of one frame: those outside of loops and maps, or those of an iteration that was cut short. */
class Taking implements TakeOver {
  readonly ends = new Map<string, SeenEnd>();
  readonly open = new Set<string>();
  readonly bodies = new Map<string, KeptBodies>();
  private readonly outline: Outline;
  private readonly before: RunFacts;
  private readonly frame: Frame;
  /** Everything in the frame is done. */
  private isWhole = true;

  constructor(outline: Outline, before: RunFacts, frame: Frame) {
    this.outline = outline;
    this.before = before;
    this.frame = frame;
  }

  take(nodes: readonly Node[]): void {
    this.takeSiblings(this.frame.placesOf(nodes));
  }

  /** Siblings: whoever comes after a step that starts again does so, too. */
  private takeSiblings(places: readonly Place[]): void {
    let waiting = [...places];
    for (let howMany = -1; howMany !== waiting.length; ) {
      howMany = waiting.length;
      waiting = waiting.filter((place) => !this.tryToTake(place));
    }
    if (waiting.length > 0) this.isWhole = false;
    for (const place of waiting) {
      // A block that did not complete opens again, and keeps the children that are done; unless it comes after what starts again.
      // One that was itself undone begins anew, and so does everything in it.
      if (this.isAfter(place) || this.wasUndone(place) || this.isUndoneWithin(place)) continue;
      if (!isCleanup(place)) this.reopen(place);
      else
        for (const child of this.childrenOf(place))
          if (this.endOf(child)?.reason === 'RUN_ON') this.open.add(child.path);
    }
  }

  private tryToTake(place: Place): boolean {
    const end = this.endOf(place);
    if (end === undefined || this.isAfter(place)) return false;
    // `runOn` skips only what is cleanup: what it skipped is done all the same.
    const isDone = (end.status === 'COMPLETED' || end.reason === 'WHEN') && !isCleanup(place);
    if ((!isDone && end.reason !== 'RUN_ON') || this.isUndone(place)) return false;
    this.takeWhole(place);
    return true;
  }

  private takeWhole(place: Place): void {
    const end = this.endOf(place);
    if (end !== undefined) this.ends.set(place.path, end);
    else this.open.add(place.path);
    for (const child of this.childrenOf(place)) this.takeWhole(child);
    const fallback = place.node.fallback && this.frame.attached(place.node.fallback);
    const helped = fallback && this.endOf(fallback);
    if (fallback !== undefined && helped !== undefined) this.ends.set(fallback.path, helped);
  }

  private reopen(place: Place): void {
    const { step, lists } = place.node;
    const facts = this.before.steps.get(place.path);
    if (!runsBodies(step)) return this.takeSiblings(this.childrenOf(place));
    if (facts === undefined) return;
    if (step.type === 'map') {
      const [tops = []] = lists;
      const items = keptItems(step, facts, (number) =>
        this.before.steps.get(`${place.path}/${number}/${tops[0]?.step.id}`),
      );
      if (items !== undefined) this.bodies.set(place.path, items);
    } else if (step.type === 'loop') {
      const number = keptIterations(facts).length + 1;
      const frame = new Frame(lists.flat(), `${place.path}/${number}/`, { place, number });
      const inside = new Taking(this.outline, this.before, frame);
      inside.take(lists.flat());
      this.goOn(place, step.maxIterations, inside, number);
    }
  }

  /** A loop goes on after the iterations that ended, and in the one that did not. */
  private goOn(place: Place, most: number, inside: Taking, number: number): void {
    const facts = this.before.steps.get(place.path);
    const iterations = facts === undefined ? [] : keptIterations(facts);
    const goesOn = inside.goesOn();
    if (iterations.length >= most || (iterations.length === 0 && !goesOn)) return;
    this.bodies.set(place.path, { iterations, cut: goesOn ? number : undefined, items: [], list: undefined });
    if (!goesOn) return;
    for (const [path, end] of inside.ends) this.ends.set(path, end);
    for (const path of inside.open) this.open.add(path);
    for (const [path, bodies] of inside.bodies) this.bodies.set(path, bodies);
  }

  /** With nothing left to do in it, or nothing done, an iteration begins anew. */
  private goesOn(): boolean {
    const hasKept = this.ends.size > 0 || this.open.size > 0;
    const hasBegun = [...this.frame.places.values()].some(
      (place) => runsBodies(place.node.step) && hasBegunBodies(this.before.steps.get(place.path)),
    );
    return !this.isWhole && (hasKept || hasBegun);
  }

  private isAfter({ node }: Place): boolean {
    return node.step.dependencies.some((id) => !this.ends.has(this.frame.places.get(id)?.path ?? ''));
  }

  /** An agent had its compensation. */
  private wasUndone({ node }: Place): boolean {
    const facts = node.compensation && this.before.steps.get(this.frame.attached(node.compensation).path);
    return facts !== undefined && facts.attempts.length > 0;
  }

  /** What was undone is not done any more, and neither is a block with that in it. */
  private isUndone(place: Place): boolean {
    const isChildUndone = this.childrenOf(place).some((child) => this.isUndone(child));
    return isChildUndone || this.wasUndone(place) || this.isUndoneWithin(place);
  }

  /** Of a loop or a map: something in one of its iterations or items was undone. */
  private isUndoneWithin({ node, path }: Place): boolean {
    if (!runsBodies(node.step)) return false;
    const ids = this.outline.compensations;
    return [...this.before.steps].some(
      ([at, { attempts }]) =>
        at.startsWith(`${path}/`) && ids.has(at.slice(at.lastIndexOf('/') + 1)) && attempts.length > 0,
    );
  }

  private endOf({ path }: Place): SeenEnd | undefined {
    return this.before.steps.get(path)?.end;
  }

  private childrenOf({ node }: Place): readonly Place[] {
    return runsBodies(node.step) ? [] : this.frame.placesOf(node.lists.flat());
  }
}

function isCleanup({ node }: Place): boolean {
  return node.isFinally || (node.step.runOn ?? 'success') !== 'success';
}
