/**
 * Lists among the bytes of a `google.protobuf.Value`, cut into their items and put together from them without reading the items:
 * a list of 10,000 costs a look at each length, and one item is read when it is needed.
 */
import { decodeValue, encodeValue } from './value.ts';

const TAG_LIST = (6 << 3) | 2;
const TAG_ENTRY = (1 << 3) | 2;

export interface ListValue {
  readonly length: number;
  /** The bytes of one item, which is a Value; a view into those of the list. */
  item(index: number): Uint8Array;
}

/** Undefined: the value is no list. `bytes` are those of a Value; throws INVALID_VALUE or RangeError for others. */
export function readList(bytes: Uint8Array): ListValue | undefined {
  if (bytes[0] !== TAG_LIST) return Array.isArray(decodeValue(bytes)) ? readList(plain(bytes)) : undefined;
  const cursor = { at: 1 };
  const end = readEnd(bytes, cursor);
  // Other encoders may say a list in parts, or more than one kind, of which the last one counts.
  if (end !== bytes.length) return readList(plain(bytes));
  const bounds: number[] = [];
  while (cursor.at < end) {
    if (bytes[cursor.at++] !== TAG_ENTRY) throw new RangeError('a list holds something that is no item');
    const stop = readEnd(bytes, cursor);
    bounds.push(cursor.at, stop);
    cursor.at = stop;
  }
  const at = Uint32Array.from(bounds);
  return {
    length: at.length / 2,
    item: (index) => bytes.subarray(at[index * 2], at[index * 2 + 1]),
  };
}

/** As we encode it. */
function plain(bytes: Uint8Array): Uint8Array {
  return encodeValue(decodeValue(bytes));
}

/** The Value that is the list of `items`, each the bytes of a Value. */
export function joinList(items: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const item of items) length += 1 + varintSize(item.length) + item.length;
  const bytes = new Uint8Array(1 + varintSize(length) + length);
  bytes[0] = TAG_LIST;
  let at = putVarint(bytes, 1, length);
  for (const item of items) {
    bytes[at] = TAG_ENTRY;
    at = putVarint(bytes, at + 1, item.length);
    bytes.set(item, at);
    at += item.length;
  }
  return bytes;
}

/** Reads a length at the cursor and answers where that part ends. */
function readEnd(bytes: Uint8Array, cursor: { at: number }): number {
  let length = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[cursor.at++];
    if (byte === undefined || shift > 28) throw new RangeError('a list is cut short');
    length |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  const end = cursor.at + (length >>> 0);
  if (end > bytes.length) throw new RangeError('a list is cut short');
  return end;
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest >>>= 7) size++;
  return size;
}

/** Answers the place behind it. */
function putVarint(bytes: Uint8Array, start: number, value: number): number {
  let at = start;
  let rest = value;
  while (rest > 127) {
    bytes[at++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
