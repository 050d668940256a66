/**
 * JSON <-> the bytes of a `google.protobuf.Value`, without generated code: payloads stay bytes nearly everywhere, and
 * where they are read they go straight to JSON. A property test compares it with protobuf-es.
 *
 * Invariants: 1. what `scanValue` accepts, `decodeValue` reads; 2. nesting is at most `limits.valueDepthMax`; 3. a key
 * such as `__proto__` is an own property, never a prototype.
 */
import { YardmasterError } from './errors.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { limits } from './limits.ts';

const TAG_NULL = (1 << 3) | 0;
const TAG_NUMBER = (2 << 3) | 1;
const TAG_STRING = (3 << 3) | 2;
const TAG_BOOL = (4 << 3) | 0;
const TAG_STRUCT = (5 << 3) | 2;
const TAG_LIST = (6 << 3) | 2;
const TAG_ENTRY = (1 << 3) | 2;
const TAG_KEY = (1 << 3) | 2;
const TAG_VALUE = (2 << 3) | 2;

const utf8 = new TextDecoder('utf-8', { fatal: true });
const utf8Encoder = new TextEncoder();

/** The bytes of `{}`: the input of a step without parameters. */
export const EMPTY_OBJECT_VALUE: Uint8Array = Uint8Array.of(TAG_STRUCT, 0);
/** The bytes of `null`. */
export const NULL_VALUE: Uint8Array = Uint8Array.of(TAG_NULL, 0);

/**
 * Encodes JSON. Throws INVALID_VALUE for what JSON cannot say (functions, NaN, cycles by their depth), naming the place.
 * Members that are undefined are left out, as JSON.stringify does. Numbers are doubles: whether an integer beyond 2^53
 * may lose digits is for the caller to decide.
 */
export function encodeValue(value: unknown): Uint8Array {
  const sink = new Sink();
  writeValue(sink, value, 0, '');
  return sink.finish();
}

/** Decodes the bytes of a Value. Throws INVALID_VALUE when they are not one. */
export function decodeValue(bytes: Uint8Array): JsonValue {
  const reader = new Reader(bytes);
  return reader.value(bytes.length, 0);
}

/** Checks bytes from the wire without building anything; answers the problem, or undefined when they are a Value. */
export function scanValue(bytes: Uint8Array): string | undefined {
  try {
    new Reader(bytes).skipValue(bytes.length, 0);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function invalid(fact: string): YardmasterError {
  return new YardmasterError('INVALID_VALUE', fact, {
    next: 'send plain JSON: null, booleans, numbers, text, lists, objects',
  });
}

// ---- writing

class Sink {
  private buffer = Buffer.allocUnsafe(256);
  length = 0;

  byte(value: number): void {
    this.reserve(1);
    this.buffer[this.length++] = value;
  }

  varint(value: number): void {
    this.reserve(5);
    this.putVarint(value);
  }

  private putVarint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.buffer[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
  }

  double(value: number): void {
    this.reserve(8);
    this.buffer.writeDoubleLE(value, this.length);
    this.length += 8;
  }

  text(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.varint(bytes);
    this.reserve(bytes);
    if (value.isWellFormed()) this.buffer.write(value, this.length, 'utf8');
    else utf8Encoder.encodeInto(value, this.buffer.subarray(this.length));
    this.length += bytes;
  }

  /** Writes a length-delimited part: the body first, then its length in front of it. */
  nested(write: () => void): void {
    const start = this.length;
    this.byte(0);
    write();
    const size = this.length - start - 1;
    const extra = varintSize(size) - 1;
    if (extra > 0) {
      this.reserve(extra);
      this.buffer.copyWithin(start + 1 + extra, start + 1, this.length);
    }
    this.length = start;
    // Without `reserve`: growing now would copy nothing behind `start`, and the body would be lost.
    this.putVarint(size);
    this.length = start + 1 + extra + size;
  }

  finish(): Uint8Array {
    const copy = new Uint8Array(this.length);
    copy.set(this.buffer.subarray(0, this.length));
    return copy;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + count));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest >>>= 7) size++;
  return size;
}

function writeValue(sink: Sink, value: unknown, depth: number, place: string): void {
  if (depth > limits.valueDepthMax)
    throw invalid(`Cannot encode a value nested deeper than ${limits.valueDepthMax} at "${place}"`);
  switch (typeof value) {
    case 'string':
      sink.byte(TAG_STRING);
      sink.text(value);
      return;
    case 'number':
      writeNumber(sink, value, place);
      return;
    case 'boolean':
      sink.byte(TAG_BOOL);
      sink.byte(value ? 1 : 0);
      return;
    case 'undefined':
      sink.byte(TAG_NULL);
      sink.byte(0);
      return;
    case 'object':
      writeObject(sink, value, depth, place);
      return;
    default:
      throw invalid(`Cannot encode a ${typeof value} at "${place}"`);
  }
}

function writeNumber(sink: Sink, value: number, place: string): void {
  if (!Number.isFinite(value)) throw invalid(`Cannot encode the number ${value} at "${place}"`);
  sink.byte(TAG_NUMBER);
  sink.double(value);
}

function writeObject(sink: Sink, value: object | null, depth: number, place: string): void {
  if (value === null) {
    sink.byte(TAG_NULL);
    sink.byte(0);
  } else if (Array.isArray(value)) {
    sink.byte(TAG_LIST);
    sink.nested(() => writeItems(sink, value, depth, place));
  } else if (isRecord(value)) {
    sink.byte(TAG_STRUCT);
    sink.nested(() => writeMembers(sink, value, depth, place));
  } else if ('toJSON' in value && typeof value.toJSON === 'function') {
    writeValue(sink, value.toJSON(), depth + 1, place);
  } else {
    throw invalid(`Cannot encode a ${value.constructor?.name ?? 'object'} at "${place}"`);
  }
}

function isRecord(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function writeItems(sink: Sink, items: readonly unknown[], depth: number, place: string): void {
  for (let i = 0; i < items.length; i++) {
    sink.byte(TAG_ENTRY);
    sink.nested(() => writeValue(sink, items[i], depth + 1, `${place}[${i}]`));
  }
}

function writeMembers(sink: Sink, record: Record<string, unknown>, depth: number, place: string): void {
  for (const key of Object.keys(record)) {
    const member = record[key];
    if (member === undefined) continue;
    sink.byte(TAG_ENTRY);
    sink.nested(() => {
      sink.byte(TAG_KEY);
      sink.text(key);
      sink.byte(TAG_VALUE);
      sink.nested(() => writeValue(sink, member, depth + 1, place === '' ? key : `${place}.${key}`));
    });
  }
}

// ---- reading

class Reader {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private position = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Reads a Value that ends at `end`. The last kind wins, as in protobuf; an empty Value is null. */
  value(end: number, depth: number): JsonValue {
    if (depth > limits.valueDepthMax) throw invalid(`a value is nested deeper than ${limits.valueDepthMax}`);
    let result: JsonValue = null;
    while (this.position < end) {
      const tag = this.varint(end);
      if (tag === TAG_NULL) {
        this.varint(end);
        result = null;
      } else if (tag === TAG_NUMBER) result = this.double(end);
      else if (tag === TAG_STRING) result = this.text(end);
      else if (tag === TAG_BOOL) result = this.varint(end) !== 0;
      else if (tag === TAG_STRUCT) result = this.struct(this.limit(end), depth);
      else if (tag === TAG_LIST) result = this.list(this.limit(end), depth);
      else throw invalid(`field ${tag >>> 3} with wire type ${tag & 7} is not part of a Value`);
    }
    return result;
  }

  skipValue(end: number, depth: number): void {
    if (depth > limits.valueDepthMax) throw invalid(`a value is nested deeper than ${limits.valueDepthMax}`);
    while (this.position < end) {
      const tag = this.varint(end);
      if (tag === TAG_NULL || tag === TAG_BOOL) this.varint(end);
      else if (tag === TAG_NUMBER) this.double(end);
      else if (tag === TAG_STRING) this.skipText(end);
      else if (tag === TAG_STRUCT) this.skipEntries(this.limit(end), depth);
      else if (tag === TAG_LIST) this.skipItems(this.limit(end), depth);
      else throw invalid(`field ${tag >>> 3} with wire type ${tag & 7} is not part of a Value`);
    }
  }

  private skipItems(end: number, depth: number): void {
    while (this.position < end) {
      this.expect(TAG_ENTRY, end);
      this.skipValue(this.limit(end), depth + 1);
    }
  }

  private skipEntries(end: number, depth: number): void {
    while (this.position < end) {
      this.expect(TAG_ENTRY, end);
      const entryEnd = this.limit(end);
      while (this.position < entryEnd) {
        const tag = this.varint(entryEnd);
        if (tag === TAG_KEY) this.skipText(entryEnd);
        else if (tag === TAG_VALUE) this.skipValue(this.limit(entryEnd), depth + 1);
        else throw invalid(`field ${tag >>> 3} is not part of a Struct entry`);
      }
    }
  }

  private list(end: number, depth: number): JsonValue[] {
    const items: JsonValue[] = [];
    while (this.position < end) {
      this.expect(TAG_ENTRY, end);
      items.push(this.value(this.limit(end), depth + 1));
    }
    return items;
  }

  private struct(end: number, depth: number): JsonObject {
    const members: Record<string, JsonValue> = {};
    while (this.position < end) {
      this.expect(TAG_ENTRY, end);
      this.entry(members, this.limit(end), depth);
    }
    return members;
  }

  private entry(members: Record<string, JsonValue>, end: number, depth: number): void {
    let key = '';
    let value: JsonValue = null;
    while (this.position < end) {
      const tag = this.varint(end);
      if (tag === TAG_KEY) key = this.text(end);
      else if (tag === TAG_VALUE) value = this.value(this.limit(end), depth + 1);
      else throw invalid(`field ${tag >>> 3} is not part of a Struct entry`);
    }
    if (key === '__proto__') {
      Object.defineProperty(members, key, { value, enumerable: true, configurable: true, writable: true });
    } else members[key] = value;
  }

  private expect(tag: number, end: number): void {
    const found = this.varint(end);
    if (found !== tag) throw invalid(`field ${found >>> 3} with wire type ${found & 7} stands where an entry should`);
  }

  /** Reads a length and answers where that part ends. */
  private limit(end: number): number {
    const size = this.varint(end);
    if (size > end - this.position) throw invalid('a length runs past the end of the bytes');
    return this.position + size;
  }

  private varint(end: number): number {
    let result = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.position >= end) throw invalid('the bytes end in the middle of a number');
      const byte = this.bytes[this.position++] ?? 0;
      result |= (byte & 127) << shift;
      if (byte < 128) return result >>> 0;
    }
    throw invalid('a number is longer than 32 bits');
  }

  private double(end: number): number {
    if (end - this.position < 8) throw invalid('the bytes end in the middle of a number');
    const value = this.view.getFloat64(this.position, true);
    if (!Number.isFinite(value)) throw invalid(`the number ${value} is not JSON`);
    this.position += 8;
    return value;
  }

  /** Most texts are short and ASCII, and for those the decoder costs more than a look at every byte. */
  private skipText(end: number): void {
    const stop = this.limit(end);
    let i = this.position;
    while (i < stop && (this.bytes[i] ?? 0) < 128) i++;
    if (i < stop) this.decodeText(i, stop);
    this.position = stop;
  }

  private text(end: number): string {
    const stop = this.limit(end);
    const text = this.decodeText(this.position, stop);
    this.position = stop;
    return text;
  }

  private decodeText(start: number, stop: number): string {
    try {
      return utf8.decode(this.bytes.subarray(start, stop));
    } catch {
      throw invalid('a text is not UTF-8');
    }
  }
}
