/**
 * The steps of a run by their paths, in the order in which the server lists them: behind a loop or a map the steps of what runs in it.
 * Finding, adding and dropping cost the same however many there are.
 */
import { limits } from '../core/limits.ts';
import type { StepView } from './views.ts';

/** The steps of one iteration or one item, in the order of their first events. */
type Body = Map<string, StepView>;

const NONE: ReadonlySet<string> = new Set();

export class LiveSteps {
  private readonly outside: Body = new Map();
  /** By the path of the loop or the map, and the prefix of the steps. */
  private readonly bodies = new Map<string, Map<string, Body>>();

  constructor(steps: readonly StepView[]) {
    for (const step of steps) this.set(step);
  }

  get(path: string): StepView | undefined {
    return this.bodyOf(path)?.get(path);
  }

  set(step: StepView): void {
    const body = this.bodyOf(step.path) ?? this.open(prefixOf(step.path));
    if (body.has(step.path) || (step.fallbackOf ?? step.compensates) === undefined) body.set(step.path, step);
    else addBehind(body, step);
  }

  remove(path: string): void {
    this.bodyOf(path)?.delete(path);
  }

  /** The iteration or the item whose steps begin with `prefix` is over, with everything in it. */
  drop(prefix: string): void {
    const inside = this.bodies.get(ownerOf(prefix));
    for (const path of inside?.get(prefix)?.keys() ?? []) this.dropInside(path);
    inside?.delete(prefix);
  }

  /** Everything that a loop or a map runs, but for the iterations whose steps begin with one of `kept`. */
  dropInside(path: string, kept: ReadonlySet<string> = NONE): void {
    const inside = this.bodies.get(path);
    for (const inner of inside?.keys() ?? []) if (!kept.has(inner)) this.drop(inner);
    if (inside?.size === 0) this.bodies.delete(path);
  }

  /** A loop or a map that runs something. */
  hasInside(path: string): boolean {
    return (this.bodies.get(path)?.size ?? 0) > 0;
  }

  /** Those of one iteration or item; '': those outside of all. */
  of(prefix: string): readonly StepView[] {
    return [...(this.bodyOf(prefix)?.values() ?? [])];
  }

  /** Those outside of loops and maps. */
  outermost(): Iterable<StepView> {
    return this.outside.values();
  }

  /** As the server lists them: of a map the items that have run longest. */
  list(): readonly StepView[] {
    return this.collect(this.outside, []);
  }

  private collect(body: Body, into: StepView[]): StepView[] {
    for (const step of body.values()) {
      into.push(step);
      let room = step.kind === 'MAP' ? limits.mapItemsShown : Number.POSITIVE_INFINITY;
      for (const inside of this.bodies.get(step.path)?.values() ?? []) {
        if (room-- === 0) break;
        this.collect(inside, into);
      }
    }
    return into;
  }

  private bodyOf(path: string): Body | undefined {
    const prefix = prefixOf(path);
    return prefix === '' ? this.outside : this.bodies.get(ownerOf(prefix))?.get(prefix);
  }

  private open(prefix: string): Body {
    const owner = ownerOf(prefix);
    const made: Body = new Map();
    const inside = this.bodies.get(owner);
    if (inside === undefined) this.bodies.set(owner, new Map([[prefix, made]]));
    else inside.set(prefix, made);
    return made;
  }
}

/** What belongs to a step stands behind it, a compensation behind the fallback. */
function addBehind(body: Body, step: StepView): void {
  const owner = step.fallbackOf ?? step.compensates;
  const all = [...body.values()];
  const isBefore = ({ path, fallbackOf }: StepView): boolean =>
    path === owner || (step.compensates !== undefined && fallbackOf === owner);
  const at = all.findLastIndex(isBefore);
  body.clear();
  for (const each of all.toSpliced(at < 0 ? all.length : at + 1, 0, step)) body.set(each.path, each);
}

/** `poll/3/check` stands in `poll/3/`. */
function prefixOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** `poll/3/` is a body of `poll`. */
function ownerOf(prefix: string): string {
  return prefix.split('/').slice(0, -2).join('/');
}
