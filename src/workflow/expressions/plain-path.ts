/**
 * The expressions that most workflows consist of, `params.a.b` and `steps.x.output.rows[0]`, read and walked without
 * CEL: a hundred times cheaper to read, and the value is handed on without being converted.
 */
import type { JsonValue } from '../../core/json.ts';
import { extendPath, type Key, kindOfJson, member, missingData } from './navigate.ts';

const ROOTS = ['params', 'result', 'output', 'last', 'item', 'steps'] as const;
type Root = (typeof ROOTS)[number];

export interface PlainPath {
  readonly root: Root;
  readonly keys: readonly PathKey[];
}

export interface PathKey {
  readonly key: Key;
  /** Of the key in the expression's text. */
  readonly offset: number;
}

const ROOT = new RegExp(`(?:${ROOTS.join('|')})(?![\\w(])`, 'y');
const LINK = /\.([A-Za-z_]\w*)|\["([^"\\]*)"\]|\['([^'\\]*)'\]|\[(\d{1,9})\]/y;
/** CEL refuses these as field names; its parser says so better. */
const RESERVED = new Set(
  'as break const continue else false for function if import in let loop namespace null package return true var void while'.split(
    ' ',
  ),
);

/** Undefined when the text is more than a plain path (or none): CEL reads it then. */
export function readPlainPath(source: string): PlainPath | undefined {
  ROOT.lastIndex = 0;
  const word = ROOT.exec(source)?.[0];
  const root = ROOTS.find((known) => known === word);
  if (root === undefined) return undefined;
  const keys: PathKey[] = [];
  for (let at = root.length; at < source.length; at = LINK.lastIndex) {
    LINK.lastIndex = at;
    const match = LINK.exec(source);
    if (match === null) return undefined;
    const [, field, double, single, index] = match;
    if (field !== undefined && (RESERVED.has(field) || source[LINK.lastIndex] === '(')) return undefined;
    const key = index === undefined ? (field ?? double ?? single ?? '') : Number(index);
    keys.push({ key, offset: at + (field === undefined && index === undefined ? 2 : 1) });
  }
  return { root, keys };
}

/** The value at `keys` below `value`, which stands at `path`. Throws MISSING_DATA naming the path. */
export function walk(value: JsonValue, path: string, keys: readonly PathKey[]): JsonValue {
  let current = value;
  let here = path;
  for (const { key } of keys) {
    const next = member(current, key);
    if (next === undefined) throw missingData(here, key, kindOfJson(current));
    current = next;
    here = extendPath(here, key);
  }
  return current;
}
