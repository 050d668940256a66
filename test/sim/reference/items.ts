/** The list of a map and the steps of its items. */
import type { JsonValue } from '../../../src/core/json.ts';
import type { Context } from './context.ts';
import { Unknown, type Value } from './expressions.ts';
import type { StepFacts } from './facts.ts';
import type { Place } from './outline.ts';

const ITEMS_MAX = 10_000;
const LIST_BYTES_MAX = 1_048_576;

export type List =
  | { readonly ok: true; readonly value: readonly JsonValue[] }
  | { readonly ok: false; readonly code: string };

/** What its items are, evaluated once, when it starts, and kept when another try goes on with it. Throws Unknown. */
export function listOf(run: Context, map: Place): List {
  const { step } = map.node;
  if (step.type !== 'map') throw new Unknown();
  const facts = run.of(map);
  if (facts?.goesOn?.list !== undefined) return { ok: true, value: facts.goesOn.list };
  const read: Value = run.read('cel', step.items, map, 'items', facts?.started?.at ?? facts?.end?.at ?? 0);
  if (!read.ok) return read;
  if (!Array.isArray(read.value)) return { ok: false, code: 'NOT_A_LIST' };
  if (read.value.length > ITEMS_MAX) return { ok: false, code: 'TOO_MANY_ITEMS' };
  if (Buffer.byteLength(JSON.stringify(read.value)) > LIST_BYTES_MAX) return { ok: false, code: 'LIMIT' };
  return { ok: true, value: read.value };
}

/** The same, or what was recorded where nobody knows. */
export function knownList(run: Context, map: Place): readonly JsonValue[] {
  const recorded = run.of(map)?.list;
  try {
    const list = listOf(run, map);
    if (list.ok) return list.value;
  } catch (error) {
    if (!(error instanceof Unknown) || !Array.isArray(recorded)) throw error;
    return recorded;
  }
  throw new Unknown();
}

/** What an expression in it sees as `item`. */
export function itemAt(run: Context, map: Place, index: number): JsonValue {
  const item = knownList(run, map)[index];
  if (item === undefined) throw new Unknown();
  return item;
}

export function countItems(run: Context, map: Place): number {
  return knownList(run, map).length;
}

/** What is done with the items that began, in the order in which they did. */
export function itemsOf(run: Context, map: Place): readonly Place[] {
  return (run.of(map)?.items ?? []).flatMap(({ number }) => run.body(map, number));
}

/** What they gave, in the order of the list: null where one did not complete, or never began. */
export function listOutput(run: Context, map: Place, facts: StepFacts): JsonValue {
  return knownList(run, map).map((_, index) => {
    const item = facts.items.find(({ number }) => number === index);
    const [top] = item === undefined ? [] : run.body(map, index);
    if (top === undefined || run.endBefore(top, Number.POSITIVE_INFINITY)?.status !== 'COMPLETED') return null;
    try {
      return run.output(top);
    } catch (error) {
      if (error instanceof Unknown && item?.output !== undefined) return item.output;
      throw error;
    }
  });
}
