/**
 * JSON to CEL and back. Containers are wrapped level by level when they are looked into, and unwrapped to the very
 * object they came from, so reading one field of a large output costs one level.
 */
import {
  type CelInput,
  type CelList,
  type CelMap,
  type CelValue,
  celList,
  celMap,
  isCelList,
  isCelMap,
  isCelUint,
} from '@bufbuild/cel';
import { YardmasterError } from '../../core/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/json.ts';
import { limits } from '../../core/limits.ts';
import { textOfStandard } from './standard.ts';

/** Stands for a missing link inside `has` and `default`; rewriting keeps it away from every other function. */
export const MISSING: CelMap = celMap(new Map());

const sources = new WeakMap<object, JsonValue>();
/** A list is wrapped once, however often a loop comes back to it. */
const boundLists = new WeakMap<object, CelList>();

/** The CEL form of a JSON value. */
export function bind(value: JsonValue): CelValue {
  if (typeof value !== 'object' || value === null) return value;
  const bound = isJsonObject(value) ? celMap(new JsonMap(value)) : bindList(value);
  sources.set(bound, value);
  return bound;
}

function bindList(value: readonly JsonValue[]): CelList {
  const known = boundLists.get(value);
  if (known !== undefined) return known;
  const bound = celList(value.map(bind));
  boundLists.set(value, bound);
  return bound;
}

/** A record as CEL wants it; own members only, so prototype names are plain data. */
class JsonMap implements ReadonlyMap<string, CelValue> {
  readonly #source: JsonObject;

  constructor(source: JsonObject) {
    this.#source = source;
  }
  get size(): number {
    return Object.keys(this.#source).length;
  }
  get(key: string): CelValue | undefined {
    const value = Object.hasOwn(this.#source, key) ? this.#source[key] : undefined;
    return value === undefined ? undefined : bind(value);
  }
  has(key: string): boolean {
    return this.get(key) !== undefined;
  }
  keys(): MapIterator<string> {
    return new Set(Object.keys(this.#source)).keys();
  }
  values(): MapIterator<CelValue> {
    return this.#bound().values();
  }
  entries(): MapIterator<[string, CelValue]> {
    return this.#bound().entries();
  }
  forEach(visit: (value: CelValue, key: string, map: ReadonlyMap<string, CelValue>) => void): void {
    this.#bound().forEach(visit);
  }
  [Symbol.iterator](): MapIterator<[string, CelValue]> {
    return this.entries();
  }
  #bound(): Map<string, CelValue> {
    return new Map(Object.entries(this.#source).map(([key, value]) => [key, bind(value)]));
  }
}

/** A list that a loop fills; only the loop itself sees it grow. */
const growing = new WeakMap<object, CelInput[]>();

export function createGrowingList(): CelList {
  const items: CelInput[] = [];
  const list = celList(items);
  growing.set(list, items);
  return list;
}

export function append(list: CelValue, item: CelValue): CelValue {
  const items = typeof list === 'object' && list !== null ? growing.get(list) : undefined;
  if (items === undefined) throw new YardmasterError('INTERNAL', 'append to a list that no loop owns');
  items.push(item);
  return list;
}

/** What is left of a result's size while it is turned into JSON. */
interface Room {
  chars: number;
}

/** The JSON form of a CEL value. Throws BAD_EXPRESSION for what JSON cannot hold, LIMIT beyond the size limit. */
export function unbind(value: CelValue): JsonValue {
  return toJson(value, { chars: limits.expressionResultCharsMax }, 0);
}

function toJson(value: CelValue, room: Room, depth: number): JsonValue {
  take(room, typeof value === 'string' ? value.length : 2);
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return finite(value);
    case 'bigint':
      return whole(value);
    case 'object':
      return value === null ? null : containerToJson(value, room, depth);
  }
}

function containerToJson(value: CelValue & object, room: Room, depth: number): JsonValue {
  const source = sources.get(value);
  if (source !== undefined) return measured(source, room);
  if (depth >= limits.valueDepthMax) throw new YardmasterError('LIMIT', `nested deeper than ${limits.valueDepthMax}`);
  if (isCelList(value)) return Array.from(value, (item) => toJson(item, room, depth + 1));
  if (isCelMap(value)) {
    const members = Array.from(value, ([key, item]): [string, JsonValue] => {
      const name = isCelUint(key) ? String(key.value) : String(key);
      take(room, name.length);
      return [name, toJson(item, room, depth + 1)];
    });
    return Object.fromEntries(members);
  }
  if (isCelUint(value)) return whole(value.value);
  const text = textOfStandard(value);
  if (text === undefined) throw new YardmasterError('BAD_EXPRESSION', 'the result is not a JSON value');
  return text;
}

/** Stored data is JSON already; only its size counts, so that a loop cannot multiply it without end. */
function measured(source: JsonValue, room: Room): JsonValue {
  const pending: JsonValue[] = [source];
  for (let item = pending.pop(); item !== undefined; item = pending.pop()) {
    take(room, typeof item === 'string' ? item.length : 2);
    if (typeof item !== 'object' || item === null) continue;
    if (isJsonObject(item)) for (const key of Object.keys(item)) take(room, key.length);
    for (const member of Object.values(item)) pending.push(member);
  }
  return source;
}

function take(room: Room, chars: number): void {
  room.chars -= chars;
  if (room.chars < 0)
    throw new YardmasterError('LIMIT', `the result is larger than ${limits.expressionResultCharsMax} characters`);
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new YardmasterError('BAD_EXPRESSION', `the result is ${value}, which is not a JSON number`);
}

function whole(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new YardmasterError('BAD_EXPRESSION', `the result ${value} is beyond 2^53; use double()`);
}
