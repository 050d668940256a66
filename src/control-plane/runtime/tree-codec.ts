/**
 * A tree of plain values (objects, lists, maps, texts, numbers, bytes) <-> bytes, without a schema: what is read back is equal to
 * what was written, with absent and undefined members, holes of lists and keys such as `__proto__` as they were. A text, and the
 * keys of an object, are written once and later named by their number. Independent of the version of Node.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { TreeSink } from './tree-sink.ts';

const UNDEFINED = 0;
const NULL = 1;
const FALSE = 2;
const TRUE = 3;
const INTEGER = 4;
const DOUBLE = 5;
const TEXT = 6;
const KNOWN_TEXT = 7;
const BYTES = 8;
const LIST = 9;
const HOLE = 10;
const MAP = 11;
const OBJECT = 12;
const KNOWN_OBJECT = 13;

const UINT32_MAX = 0xffff_ffff;

/** Undefined when it takes more than `bytesMax`. Throws TypeError for what is no plain value. */
export function encodeTree(tree: unknown, bytesMax = Number.POSITIVE_INFINITY): Uint8Array | undefined {
  const sink = new TreeSink(bytesMax);
  new TreeWriter(sink).write(tree);
  return sink.isFull ? undefined : sink.finish();
}

/** Throws what a reader throws, and RangeError. Bytes in it are views into `bytes`. */
export function decodeTree(bytes: Uint8Array): unknown {
  return new TreeReader(bytes).readAll();
}

/** Keys that came in this order, and those that may follow. */
interface Shape {
  number: number | undefined;
  readonly next: Map<string, Shape>;
}

class TreeWriter {
  readonly #sink: TreeSink;
  readonly #texts = new Map<string, number>();
  readonly #shapes: Shape = { number: undefined, next: new Map() };
  #shapeCount = 0;

  constructor(sink: TreeSink) {
    this.#sink = sink;
  }

  write(value: unknown): void {
    const sink = this.#sink;
    if (sink.isFull) return;
    if (value === undefined) sink.uint32(UNDEFINED);
    else if (value === null) sink.uint32(NULL);
    else if (typeof value === 'boolean') sink.uint32(value ? TRUE : FALSE);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'string') this.#text(value);
    else if (typeof value !== 'object') throw new TypeError(`a ${typeof value} is no plain value`);
    else this.#compound(value);
  }

  #compound(value: object): void {
    if (value instanceof Uint8Array) {
      this.#sink.uint32(BYTES);
      this.#sink.bytes(value);
    } else if (Array.isArray(value)) this.#list(value);
    else if (value instanceof Map) this.#map(value);
    else this.#object(value);
  }

  #number(value: number): void {
    const isInteger = Number.isInteger(value) && value >= 0 && value <= UINT32_MAX && !Object.is(value, -0);
    this.#sink.uint32(isInteger ? INTEGER : DOUBLE);
    if (isInteger) this.#sink.uint32(value);
    else this.#sink.double(value);
  }

  #text(text: string): void {
    const number = this.#texts.get(text);
    this.#sink.uint32(number === undefined ? TEXT : KNOWN_TEXT);
    if (number !== undefined) return this.#sink.uint32(number);
    this.#texts.set(text, this.#texts.size);
    this.#sink.text(text);
  }

  #list(list: readonly unknown[]): void {
    this.#sink.uint32(LIST);
    this.#sink.uint32(list.length);
    for (let i = 0; i < list.length; i++) {
      if (i in list) this.write(list[i]);
      else this.#sink.uint32(HOLE);
    }
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    this.#sink.uint32(MAP);
    this.#sink.uint32(map.size);
    for (const [key, value] of map) {
      this.write(key);
      this.write(value);
    }
  }

  #object(object: object): void {
    const prototype: unknown = Object.getPrototypeOf(object);
    if (prototype !== Object.prototype) throw new TypeError('an object of a class is no plain value');
    const keys = Object.keys(object);
    const shape = this.#shapeOf(keys);
    if (shape.number !== undefined) {
      this.#sink.uint32(KNOWN_OBJECT);
      this.#sink.uint32(shape.number);
    } else {
      shape.number = this.#shapeCount++;
      this.#sink.uint32(OBJECT);
      this.#sink.uint32(keys.length);
      for (const key of keys) this.#sink.text(key);
    }
    for (const value of Object.values(object)) this.write(value);
  }

  #shapeOf(keys: readonly string[]): Shape {
    let shape = this.#shapes;
    for (const key of keys) {
      let next = shape.next.get(key);
      if (next === undefined) {
        next = { number: undefined, next: new Map() };
        shape.next.set(key, next);
      }
      shape = next;
    }
    return shape;
  }
}

class TreeReader {
  readonly #reader: BinaryReader;
  readonly #texts: string[] = [];
  readonly #shapes: (readonly string[])[] = [];

  constructor(bytes: Uint8Array) {
    this.#reader = new BinaryReader(bytes);
  }

  readAll(): unknown {
    const value = this.#read(this.#reader.uint32());
    if (this.#reader.pos !== this.#reader.len) throw new RangeError('something follows the tree');
    return value;
  }

  #read(tag: number): unknown {
    const reader = this.#reader;
    switch (tag) {
      case UNDEFINED:
        return undefined;
      case NULL:
        return null;
      case FALSE:
        return false;
      case TRUE:
        return true;
      case INTEGER:
        return reader.uint32();
      case DOUBLE:
        return reader.double();
      case TEXT:
        return this.#newText();
      case KNOWN_TEXT:
        return must(this.#texts[reader.uint32()]);
      case BYTES:
        return reader.bytes();
      case LIST:
        return this.#list();
      case MAP:
        return this.#map();
      case OBJECT:
        return this.#object(this.#newShape());
      case KNOWN_OBJECT:
        return this.#object(must(this.#shapes[reader.uint32()]));
      default:
        throw new RangeError(`tag ${tag} is unknown`);
    }
  }

  #newText(): string {
    const text = this.#reader.string(true);
    this.#texts.push(text);
    return text;
  }

  #newShape(): readonly string[] {
    const keys = Array.from({ length: this.#size() }, () => this.#reader.string(true));
    this.#shapes.push(keys);
    return keys;
  }

  #list(): unknown[] {
    const size = this.#size();
    const list: unknown[] = [];
    for (let i = 0; i < size; i++) {
      const tag = this.#reader.uint32();
      if (tag === HOLE) list.length = i + 1;
      else list[i] = this.#read(tag);
    }
    return list;
  }

  #map(): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    for (let rest = this.#size(); rest > 0; rest--) {
      const key = this.#read(this.#reader.uint32());
      map.set(key, this.#read(this.#reader.uint32()));
    }
    return map;
  }

  #object(keys: readonly string[]): object {
    const object: Record<string, unknown> = {};
    for (const key of keys) {
      const value = this.#read(this.#reader.uint32());
      if (key !== '__proto__') object[key] = value;
      else Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
    }
    return object;
  }

  /** Each member takes a byte at least: what is damaged asks for no memory. */
  #size(): number {
    const size = this.#reader.uint32();
    if (size > this.#reader.len - this.#reader.pos) throw new RangeError('it is cut short');
    return size;
  }
}

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new RangeError('it names what it has not said');
  return value;
}
