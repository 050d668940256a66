/**
 * An expression read once: what it names, and how it will be evaluated. Knows nothing of a particular workflow, so the
 * same text in the same place is prepared once for all of them.
 */
import { limits } from '../../core/limits.ts';
import { badExpression, parseTree } from './parse.ts';
import { type PlainPath, readPlainPath } from './plain-path.ts';
import { noStepField, rewrite, STEP_FIELDS, type StepReference } from './rewrite.ts';
import type { Tree } from './tree.ts';

/** Where an expression stands, which decides what it may name. */
export type Spot =
  | 'input'
  | 'concurrencyKey'
  | 'when'
  | 'if'
  | 'switch'
  | 'set'
  | 'while'
  | 'until'
  | 'items'
  | 'output'
  | 'assert'
  | 'runOutput';

/** Whether it stands in (or belongs to) a loop, whose `iteration` and `last` it may name then, or in a map with `item` and `index`. */
export type Around = 'nothing' | 'loop' | 'map' | 'both';

/** What stands around what is inside of a loop or a map. */
export function within(around: Around, body: 'loop' | 'map'): Around {
  return around === 'nothing' || around === body ? body : 'both';
}

export interface Prepared {
  readonly source: string;
  readonly steps: readonly StepReference[];
  readonly readsParams: boolean;
  readonly readsLast: boolean;
  readonly readsItem: boolean;
  readonly roots: ReadonlySet<string>;
  readonly form: { readonly kind: 'path'; readonly path: PlainPath } | { readonly kind: 'tree'; readonly tree: Tree };
  offsetOf(id: bigint): number;
}

const COMMON = ['params', 'steps', 'run', 'workflow', 'now'];
const NAMES_IN: Readonly<Record<Around, readonly string[]>> = {
  nothing: [],
  loop: ['iteration', 'last'],
  map: ['item', 'index'],
  both: ['iteration', 'last', 'item', 'index'],
};
const visibleAt: Readonly<Record<Spot, ReadonlySet<string>>> = {
  input: new Set(COMMON),
  concurrencyKey: new Set(COMMON),
  when: new Set(COMMON),
  if: new Set(COMMON),
  switch: new Set(COMMON),
  set: new Set(COMMON),
  while: new Set(COMMON),
  until: new Set(COMMON),
  items: new Set(COMMON),
  runOutput: new Set(COMMON),
  output: new Set([...COMMON, 'result']),
  assert: new Set([...COMMON, 'result', 'output']),
};

function visible(spot: Spot, around: Around): ReadonlySet<string> {
  return around === 'nothing' ? visibleAt[spot] : new Set([...visibleAt[spot], ...NAMES_IN[around]]);
}

const cache = new Map<string, Prepared>();

/** Throws BAD_EXPRESSION or UNKNOWN_STEP with `meta.offset` and `meta.length` within `source`. */
export function prepare(source: string, spot: Spot, around: Around): Prepared {
  const key = `${spot} ${around} ${source}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const names = visible(spot, around);
  const prepared = preparePath(source, names) ?? prepareTree(source, names);
  if (cache.size >= limits.preparedExpressionsMax) cache.delete(cache.keys().next().value ?? '');
  cache.set(key, prepared);
  return prepared;
}

function preparePath(source: string, names: ReadonlySet<string>): Prepared | undefined {
  const path = source.length > limits.expressionCharsMax ? undefined : readPlainPath(source);
  if (path === undefined || !names.has(path.root)) return undefined;
  const steps = path.root === 'steps' ? stepOf(path) : [];
  if (steps === undefined) return undefined;
  const roots = new Set(path.root === 'steps' ? [] : [path.root]);
  return {
    source,
    steps,
    roots,
    readsParams: path.root === 'params',
    readsLast: path.root === 'last',
    readsItem: path.root === 'item',
    form: { kind: 'path', path },
    offsetOf: () => 0,
  };
}

function stepOf(path: PlainPath): readonly StepReference[] | undefined {
  const [id, field] = path.keys;
  if (id === undefined || typeof id.key === 'number') return undefined;
  if (field === undefined) return [{ id: id.key, field: undefined, offset: id.offset }];
  if (typeof field.key === 'number') return undefined;
  if (!STEP_FIELDS.some((known) => known === field.key)) {
    const [fact, , hint] = noStepField(field.key);
    throw badExpression(fact, field.offset, field.key.length, hint);
  }
  return [{ id: id.key, field: field.key, offset: id.offset }];
}

function prepareTree(source: string, names: ReadonlySet<string>): Prepared {
  const parsed = parseTree(source);
  const { tree, steps, roots } = rewrite(source, parsed, names);
  return {
    source,
    steps,
    roots,
    readsParams: roots.has('params'),
    readsLast: roots.has('last'),
    readsItem: roots.has('item'),
    form: { kind: 'tree', tree },
    offsetOf: parsed.offsetOf,
  };
}
