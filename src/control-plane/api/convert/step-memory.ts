/** What a watch remembers of the steps of a run between their events. It goes with the body that they stand in. */
import type { Failure } from '../../engine/events.ts';

export interface StepMemory {
  try: number;
  failure: Failure | undefined;
  /** Its fallback works for it, or did: why. */
  fellBack: Failure | undefined;
  /** Who has, or had, each attempt. */
  readonly holders: Map<number, { readonly agentId: string; readonly instanceId: string }>;
}

interface Body {
  readonly steps: Map<string, StepMemory>;
  /** Prefixes of the bodies in it. */
  readonly inner: Set<string>;
}

export class StepMemories {
  private readonly bodies = new Map<string, Body>();

  /** What is remembered of the step; made when first asked for. */
  of(path: string): StepMemory {
    const { steps } = this.body(prefixOf(path));
    const known = steps.get(path);
    if (known !== undefined) return known;
    const made: StepMemory = { try: 1, failure: undefined, fellBack: undefined, holders: new Map() };
    steps.set(path, made);
    return made;
  }

  /** The body whose steps begin with `prefix` is over, with everything in it. */
  drop(prefix: string): void {
    for (const inner of this.bodies.get(prefix)?.inner ?? []) this.drop(inner);
    this.bodies.delete(prefix);
    this.bodies.get(outside(prefix))?.inner.delete(prefix);
  }

  /** Another try of the run begins: a step outside of all bodies starts again, and what it ran is gone. */
  startAgain(path: string): void {
    const outermost = this.bodies.get('');
    outermost?.steps.delete(path);
    for (const inner of [...(outermost?.inner ?? [])]) if (inner.startsWith(`${path}/`)) this.drop(inner);
  }

  private body(prefix: string): Body {
    const known = this.bodies.get(prefix);
    if (known !== undefined) return known;
    const made: Body = { steps: new Map(), inner: new Set() };
    this.bodies.set(prefix, made);
    if (prefix !== '') this.body(outside(prefix)).inner.add(prefix);
    return made;
  }
}

/** `poll/3/check` stands in `poll/3/`. */
function prefixOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/') + 1);
}

/** `each/2/poll/3/` is a body within `each/2/`. */
function outside(prefix: string): string {
  const owner = prefix.split('/').slice(0, -2).join('/');
  return prefixOf(owner);
}
