/**
 * Operators that treat numbers as a reader of JSON expects: data are doubles, literals are integers, and the two mix.
 * `/` on data never truncates. What is not a number, text or list goes to the library (timestamps, durations, bytes).
 */
import { type CelValue, celList, isCelList, isCelMap } from '@bufbuild/cel';
import { YardmasterError } from '../../core/errors.ts';
import { refuseLongText, spendOnItems, spendOnText } from './meter.ts';
import { kindOf } from './navigate.ts';
import { callStandard } from './standard.ts';

const INT_MAX = 2n ** 63n - 1n;
const INT_MIN = -(2n ** 63n);

interface Arithmetic {
  /** What people read: "cannot add a number and a string". */
  readonly verb: string;
  readonly onInts: (left: bigint, right: bigint) => bigint;
  readonly onDoubles: (left: number, right: number) => number;
}

const arithmetic: Readonly<Record<string, Arithmetic>> = {
  '_+_': { verb: 'add', onInts: (a, b) => a + b, onDoubles: (a, b) => a + b },
  '_-_': { verb: 'subtract', onInts: (a, b) => a - b, onDoubles: (a, b) => a - b },
  '_*_': { verb: 'multiply', onInts: (a, b) => a * b, onDoubles: (a, b) => a * b },
  '_/_': { verb: 'divide', onInts: (a, b) => a / notZero(b), onDoubles: (a, b) => a / notZero(b) },
  '_%_': { verb: 'take the remainder of', onInts: (a, b) => a % notZero(b), onDoubles: (a, b) => a % notZero(b) },
};

const comparisons: Readonly<Record<string, (left: Ordered, right: Ordered) => boolean>> = {
  '_<_': (a, b) => a < b,
  '_<=_': (a, b) => a <= b,
  '_>_': (a, b) => a > b,
  '_>=_': (a, b) => a >= b,
};

type Ordered = number | bigint | string | boolean;
type Operator = (left: CelValue, right: CelValue) => CelValue;

/** Every binary operator by CEL's name for it. */
export const operators: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ...Object.entries(arithmetic).map(([name, rule]): [string, Operator] => [name, (a, b) => compute(name, rule, a, b)]),
  ...Object.entries(comparisons).map(([name, test]): [string, Operator] => [name, (a, b) => order(name, test, a, b)]),
  ['_==_', isEqual],
  ['_!=_', (a, b) => !isEqual(a, b)],
  ['@in', isIn],
]);

function compute(name: string, rule: Arithmetic, left: CelValue, right: CelValue): CelValue {
  if (typeof left === 'bigint' && typeof right === 'bigint') return inRange(rule.onInts(left, right));
  if (isNumber(left) && isNumber(right)) return rule.onDoubles(Number(left), Number(right));
  if (name === '_+_') {
    if (typeof left === 'string' && typeof right === 'string') return joinTexts(left, right);
    if (isCelList(left) && isCelList(right)) return joinLists([left, right]);
  }
  const result = callStandard(name, [left, right]);
  if (result !== undefined) return result;
  throw mismatch(rule.verb, left, right);
}

function joinTexts(left: string, right: string): string {
  refuseLongText(left.length + right.length);
  spendOnText(left.length + right.length);
  return left + right;
}

function joinLists(lists: readonly (CelValue & Iterable<CelValue> & { readonly size: number })[]): CelValue {
  spendOnItems(lists.reduce((sum, list) => sum + list.size, 0));
  return celList(lists.flatMap((list) => [...list]));
}

function order(name: string, test: (a: Ordered, b: Ordered) => boolean, left: CelValue, right: CelValue): boolean {
  if (isNumber(left) && isNumber(right)) return test(left, right);
  if (typeof left === 'string' && typeof right === 'string') {
    spendOnText(Math.min(left.length, right.length));
    return test(left, right);
  }
  const result = callStandard(name, [left, right]);
  if (typeof result === 'boolean') return result;
  throw mismatch('compare', left, right);
}

export function isEqual(left: CelValue, right: CelValue): boolean {
  if (isScalar(left) || isScalar(right)) {
    if (typeof left === 'string' && typeof right === 'string') spendOnText(Math.min(left.length, right.length));
    // biome-ignore lint/suspicious/noDoubleEquals: an integer equals the double of the same value.
    return isNumber(left) && isNumber(right) ? left == right : left === right;
  }
  if (isCelList(left) && isCelList(right)) return listsEqual([...left], [...right]);
  if (isCelMap(left) && isCelMap(right)) return mapsEqual(new Map(left), new Map(right));
  return callStandard('_==_', [left, right]) === true;
}

function listsEqual(left: readonly CelValue[], right: readonly CelValue[]): boolean {
  spendOnItems(left.length);
  if (left.length !== right.length) return false;
  return left.every((item, i) => isEqual(item, right[i] ?? null));
}

function mapsEqual(left: ReadonlyMap<unknown, CelValue>, right: ReadonlyMap<unknown, CelValue>): boolean {
  spendOnItems(left.size);
  if (left.size !== right.size) return false;
  for (const [key, value] of left) {
    const other = right.get(key);
    if (other === undefined || !isEqual(value, other)) return false;
  }
  return true;
}

function isIn(item: CelValue, container: CelValue): boolean {
  if (isCelList(container)) {
    spendOnItems(container.size);
    for (const member of container) if (isEqual(member, item)) return true;
    return false;
  }
  if (isCelMap(container)) return isKey(item) && container.get(item) !== undefined;
  throw new YardmasterError('BAD_EXPRESSION', `"in" needs a list or an object on its right, not ${kindOf(container)}`);
}

/** `-x`. */
export function negate(value: CelValue): CelValue {
  if (typeof value === 'number') return -value;
  if (typeof value === 'bigint') return inRange(-value);
  throw new YardmasterError('BAD_EXPRESSION', `cannot negate ${kindOf(value)}`);
}

/** Number of characters, items or members; a double, so that `size(x) / 2` does not truncate. */
export function sizeOf(value: CelValue): number {
  if (typeof value === 'string') {
    spendOnText(value.length);
    return [...value].length;
  }
  if (isCelList(value) || isCelMap(value)) return value.size;
  const size = callStandard('size', [value]);
  if (isNumber(size)) return Number(size);
  throw new YardmasterError('BAD_EXPRESSION', `${kindOf(value)} has no size`);
}

/** A whole double as the integer that string functions want; anything else as it is. */
export function wholeAsInt(value: CelValue): CelValue {
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
}

function isNumber(value: CelValue | undefined): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function isKey(value: CelValue): value is string | boolean | bigint | number {
  return typeof value !== 'object';
}

function isScalar(value: CelValue): boolean {
  return value === null || typeof value !== 'object';
}

function notZero<N extends number | bigint>(value: N): N {
  if (Number(value) === 0) throw new YardmasterError('BAD_EXPRESSION', 'division by zero');
  return value;
}

function inRange(value: bigint): bigint {
  if (value <= INT_MAX && value >= INT_MIN) return value;
  throw new YardmasterError('BAD_EXPRESSION', `the integer ${value} is beyond 64 bits`);
}

function mismatch(verb: string, left: CelValue, right: CelValue): YardmasterError {
  const texts = typeof left === 'string' || typeof right === 'string';
  const next = texts && verb === 'add' ? { next: 'string(x) around the part that is not text' } : {};
  return new YardmasterError('BAD_EXPRESSION', `cannot ${verb} ${kindOf(left)} and ${kindOf(right)}`, next);
}
