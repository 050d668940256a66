/**
 * The string functions whose numbers are positions. They count characters, as `size` does: the library's count halves of those that
 * UTF-16 writes in two, and cut them apart. `split` with a limit keeps the rest in its last part, as CEL has it.
 */
import { type CelFunc, CelScalar, type CelValue, celList, celMethod } from '@bufbuild/cel';
import { YardmasterError } from '../../core/errors.ts';
import { coded } from './faults.ts';

const { STRING, INT, DYN } = CelScalar;

const HALF = /[\ud800-\udfff]/;

/** By character: cheap for the text that most is. */
function charactersOf(text: string): readonly string[] | string {
  return HALF.test(text) ? [...text] : text;
}

function charAt(text: string, index: bigint): string {
  const characters = charactersOf(text);
  return characters[inside(index, characters.length)] ?? '';
}

function substring(text: string, start: bigint, end?: bigint): string {
  const characters = charactersOf(text);
  const from = inside(start, characters.length);
  const to = end === undefined ? characters.length : inside(end, characters.length);
  if (from > to) throw new YardmasterError('BAD_EXPRESSION', `a text cannot be cut from ${from} back to ${to}`);
  const cut = characters.slice(from, to);
  return typeof cut === 'string' ? cut : cut.join('');
}

function indexOf(text: string, find: string, start?: bigint): bigint {
  const from = start === undefined ? 0 : unitOf(text, start);
  return positionOf(text, text.indexOf(find, from));
}

function lastIndexOf(text: string, find: string, start?: bigint): bigint {
  const from = start === undefined ? text.length : unitOf(text, start);
  return positionOf(text, text.lastIndexOf(find, from));
}

function split(text: string, separator: string, limit?: bigint): CelValue {
  const parts = separator === '' ? [...text] : text.split(separator);
  const most = limit === undefined ? -1 : Number(limit);
  if (most < 0 || most >= parts.length) return celList(parts);
  if (most === 0) return celList([]);
  return celList([...parts.slice(0, most - 1), parts.slice(most - 1).join(separator)]);
}

function inside(index: bigint, length: number): number {
  if (index >= 0n && index <= BigInt(length)) return Number(index);
  throw new YardmasterError('BAD_EXPRESSION', `position ${index} is outside of a text of ${length} characters`);
}

/** Where the character of that number begins, in units of UTF-16. */
function unitOf(text: string, index: bigint): number {
  const characters = charactersOf(text);
  const at = inside(index, characters.length);
  return typeof characters === 'string' ? at : characters.slice(0, at).join('').length;
}

function positionOf(text: string, unit: number): bigint {
  if (unit < 0) return -1n;
  const before = text.slice(0, unit);
  return BigInt(charactersOf(before).length);
}

export const textFunctions: readonly CelFunc[] = [
  celMethod('@charAt', STRING, [INT], STRING, function (index) {
    return coded(charAt)(this, index);
  }),
  celMethod('@substring', STRING, [INT], STRING, function (start) {
    return coded(substring)(this, start);
  }),
  celMethod('@substring', STRING, [INT, INT], STRING, function (start, end) {
    return coded(substring)(this, start, end);
  }),
  celMethod('@indexOf', STRING, [STRING], INT, function (find) {
    return coded(indexOf)(this, find);
  }),
  celMethod('@indexOf', STRING, [STRING, INT], INT, function (find, start) {
    return coded(indexOf)(this, find, start);
  }),
  celMethod('@lastIndexOf', STRING, [STRING], INT, function (find) {
    return coded(lastIndexOf)(this, find);
  }),
  celMethod('@lastIndexOf', STRING, [STRING, INT], INT, function (find, start) {
    return coded(lastIndexOf)(this, find, start);
  }),
  celMethod('@split', STRING, [STRING], DYN, function (separator) {
    return coded(split)(this, separator);
  }),
  celMethod('@split', STRING, [STRING, INT], DYN, function (separator, limit) {
    return coded(split)(this, separator, limit);
  }),
];
