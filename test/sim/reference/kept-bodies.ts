/** What another try keeps of loops and maps that did not complete: iterations that ended and items that COMPLETED. */
import type { JsonValue } from '../../../src/core/json.ts';
import type { MapStepDefinition } from '../../../src/workflow/definition.ts';
import { blankStep, type ItemFacts, type IterationFacts, type StepFacts } from './facts.ts';

export interface KeptBodies {
  readonly iterations: readonly IterationFacts[];
  /** The iteration that was cut short and goes on; undefined: the next one begins from its beginning. */
  readonly cut: number | undefined;
  readonly items: readonly ItemFacts[];
  /** Of a map. */
  readonly list: readonly JsonValue[] | undefined;
}

export function keptIterations({ iterations }: StepFacts): readonly IterationFacts[] {
  return iterations.filter(({ ended }) => ended !== undefined);
}

/** Undefined: the map has no list, or all that it needs, and begins anew. */
export function keptItems(
  { quorum }: MapStepDefinition,
  { list, items }: StepFacts,
  topOf: (number: number) => StepFacts | undefined,
): KeptBodies | undefined {
  if (!Array.isArray(list)) return undefined;
  const completed = items.filter(({ number }) => topOf(number)?.end?.status === 'COMPLETED');
  if (completed.length >= (quorum ?? list.length)) return undefined;
  return { iterations: [], cut: undefined, items: completed, list };
}

export function hasBegunBodies(facts: StepFacts | undefined): boolean {
  return facts?.started !== undefined || facts?.goesOn !== undefined;
}

export type Bodies = ReadonlyMap<string, KeptBodies>;

/** It stands in an iteration or an item that is kept. */
export function isInKept(path: string, bodies: Bodies): boolean {
  return [...bodies].some(([owner, { iterations, items }]) =>
    [...iterations, ...items].some(({ number }) => path.startsWith(`${owner}/${number}/`)),
  );
}

/** Puts what loops and maps keep in front of what they did in this try. */
export function keepBodies(steps: Map<string, StepFacts>, bodies: Bodies): void {
  for (const [path, { iterations, cut, items, list }] of bodies) {
    const facts = steps.get(path) ?? blankStep(path);
    steps.set(path, {
      ...facts,
      list: facts.list ?? (list && [...list]),
      iterations: [...iterations, ...facts.iterations],
      items: [...items, ...facts.items],
      goesOn: { iterations: iterations.length, cut, items: new Set(items.map(({ number }) => number)), list },
    });
  }
}
