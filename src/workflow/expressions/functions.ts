/**
 * The functions that rewritten trees call. Their names begin with `@`, which nobody can write, so data and people
 * never reach them directly.
 */
import {
  type CelEnv,
  type CelFunc,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celMethod,
  isCelList,
  isCelMap,
} from '@bufbuild/cel';
import { YardmasterError } from '../../core/errors.ts';
import { coded } from './faults.ts';
import { refuseLongText, spend, spendOnItems, spendOnText } from './meter.ts';
import { type Key, kindOf, missingData } from './navigate.ts';
import { negate, operators, sizeOf, wholeAsInt } from './operators.ts';
import { standardFunctions } from './standard.ts';
import { textFunctions } from './text-functions.ts';
import { append, createGrowingList, MISSING } from './values.ts';

const { DYN, STRING } = CelScalar;

const ours: readonly CelFunc[] = [
  ...Array.from(operators, ([name, apply]) => celFunc(ownName(name), [DYN, DYN], DYN, coded(counted(apply)))),
  celFunc('@negate', [DYN], DYN, coded(negate)),
  celFunc('@size', [DYN], DYN, coded(sizeOf)),
  celFunc('@get', [DYN, DYN, STRING], DYN, coded(get)),
  celFunc('@maybe', [DYN, DYN], DYN, coded(maybe)),
  celFunc('@present', [DYN], DYN, (value) => value !== MISSING),
  celFunc('@list', [], DYN, createGrowingList),
  celFunc('@append', [DYN, DYN], DYN, coded(append)),
  celFunc('@weigh', [DYN], DYN, coded(weigh)),
  celFunc(
    '@weighWhole',
    [DYN],
    DYN,
    coded((value) => weigh(wholeAsInt(value))),
  ),
  celMethod('@replace', STRING, [STRING, STRING], STRING, function (find, replacement) {
    return coded(replaceAll)(this, find, replacement);
  }),
  celMethod('@join', DYN, [STRING], STRING, function (separator) {
    return coded(join)(this, separator);
  }),
];

/** The one environment in which everything is planned. */
export const environment: CelEnv = celEnv({ funcs: [...standardFunctions, ...textFunctions, ...ours] });

/** Our name for one of CEL's operators: `_+_` -> `@_+_`; `@in` -> `@@in`. */
export function ownName(operator: string): string {
  return `@${operator}`;
}

function counted(apply: (left: CelValue, right: CelValue) => CelValue): (left: CelValue, right: CelValue) => CelValue {
  return (left, right) => {
    spend(1);
    return apply(left, right);
  };
}

function get(value: CelValue, key: CelValue, path: string): CelValue {
  const found = lookUp(value, key);
  if (found !== undefined) return found;
  throw missingData(path, readableKey(key), kindOf(value));
}

function maybe(value: CelValue, key: CelValue): CelValue {
  const found = lookUp(value, key);
  // Not `??`: null is a value.
  return found === undefined ? MISSING : found;
}

function lookUp(value: CelValue, key: CelValue): CelValue | undefined {
  spend(1);
  if (value === MISSING) return undefined;
  if (isCelMap(value)) return isMapKey(key) ? value.get(key) : undefined;
  if (!isCelList(value) || typeof key === 'string') return undefined;
  const index = typeof key === 'bigint' ? Number(key) : key;
  if (typeof index === 'number' && Number.isSafeInteger(index)) return value.get(index);
  throw new YardmasterError('BAD_EXPRESSION', `a list is indexed by a whole number, not by ${describe(key)}`);
}

function isMapKey(key: CelValue): key is string | boolean | number | bigint {
  return typeof key !== 'object';
}

function describe(key: CelValue): string {
  return typeof key === 'number' ? String(key) : kindOf(key);
}

function readableKey(key: CelValue): Key {
  return typeof key === 'bigint' || typeof key === 'number' ? Number(key) : String(key);
}

/** Charges for what the library's function is about to read. */
function weigh(value: CelValue): CelValue {
  if (typeof value === 'string') spendOnText(value.length);
  else if (isCelList(value) || isCelMap(value)) spendOnItems(value.size);
  else spend(1);
  return value;
}

function replaceAll(text: string, find: string, replacement: string): string {
  spendOnText(text.length);
  const parts = text.split(find);
  refuseLongText(text.length + (parts.length - 1) * replacement.length);
  return parts.join(replacement);
}

function join(list: CelValue, separator: string): string {
  if (!isCelList(list)) throw new YardmasterError('BAD_EXPRESSION', `join works on a list, not on ${kindOf(list)}`);
  spendOnItems(list.size);
  const parts: string[] = [];
  let length = 0;
  for (const item of list) {
    if (typeof item !== 'string') throw new YardmasterError('BAD_EXPRESSION', `join needs text, found ${kindOf(item)}`);
    length += item.length + separator.length;
    refuseLongText(length);
    parts.push(item);
  }
  spendOnText(length);
  return parts.join(separator);
}
