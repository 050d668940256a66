/**
 * Messages as trees of fields on the wire, drawn from descriptors: well formed or nearly so. They are not made by a library, which
 * would refuse what is meant here: two members of a oneof, a field of another type, one that is there twice, numbers nobody knows.
 */
import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { deepValue } from '../integration/transport/deep-value.ts';
import type { Dice } from '../sim/dice.ts';
import { oddDouble, oddInteger, oddText } from './odd-values.ts';

const DEPTH_MAX = 6;
/** Messages within one: steps have steps have steps. */
const NESTED_MAX = 200;
const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

export interface WireField {
  readonly number: number;
  readonly type: number;
  /** With its length, where the type has one. */
  readonly bytes: Buffer;
}

export interface DrawOptions {
  readonly dice: Dice;
  /** Texts that mean something to the other side. */
  readonly known: readonly string[];
}

interface Drawing extends DrawOptions {
  nested: number;
}

/** The bytes of a message of this kind, in which something may be odd. */
export function drawMessage(desc: DescMessage, options: DrawOptions): Buffer {
  return draw(desc, { ...options, nested: 0 }, 0);
}

function draw(desc: DescMessage, options: Drawing, depth: number): Buffer {
  const { dice } = options;
  let fields = desc.fields.flatMap((field) => drawField(field, options, depth));
  // Of a oneof, most of the time one member.
  for (const oneof of desc.oneofs) {
    if (dice.chance(0.1)) continue;
    const members = new Set(oneof.fields.map(({ number }) => number));
    const kept = dice.pick([...members]);
    fields = fields.filter(({ number }) => !members.has(number) || number === kept);
    const member = oneof.fields.find(({ number }) => number === kept);
    if (member !== undefined && !fields.some(({ number }) => number === kept)) {
      fields.push(...drawOne(member, options, depth));
    }
  }
  if (dice.chance(0.15)) fields = disturb(fields, dice);
  return Buffer.concat(fields.map(encodeField));
}

function drawField(field: DescField, options: Drawing, depth: number): readonly WireField[] {
  const { dice } = options;
  if (depth > DEPTH_MAX || !dice.chance(0.65)) return [];
  if (field.fieldKind !== 'list' && field.fieldKind !== 'map') return drawOne(field, options, depth);
  const count = dice.chance(0.02) ? dice.pick([200, 2_000]) : dice.int(0, 3);
  const shallow = count > 10 ? DEPTH_MAX : depth;
  return Array.from({ length: count }, () => drawOne(field, options, shallow)).flat();
}

function drawOne(field: DescField, options: Drawing, depth: number): readonly WireField[] {
  const { number } = field;
  if (field.fieldKind === 'map') {
    const key = scalar(1, field.mapKey, options);
    const value =
      field.mapKind === 'scalar'
        ? scalar(2, field.scalar, options)
        : length(2, field.mapKind === 'message' ? nested(field.message, options, depth) : Buffer.alloc(0));
    return [length(number, Buffer.concat([encodeField(key), encodeField(value)]))];
  }
  if (field.message !== undefined) return [length(number, nested(field.message, options, depth))];
  if (field.enum !== undefined) return [{ number, type: VARINT, bytes: varint(enumNumber(field.enum, options.dice)) }];
  return field.scalar === undefined ? [] : [scalar(number, field.scalar, options)];
}

function nested(desc: DescMessage, options: Drawing, depth: number): Buffer {
  const { dice } = options;
  if (desc.typeName === 'google.protobuf.Value' && dice.chance(0.05)) {
    return deep(dice.pick([15, 31, 32, 33, 49, 50, 100, 2_000]));
  }
  options.nested += 1;
  if (depth >= DEPTH_MAX || options.nested > NESTED_MAX) return Buffer.alloc(0);
  return draw(desc, options, depth + 1);
}

const made = new Map<number, Buffer>();

/** Made once for each depth: the deepest takes a while. */
function deep(depth: number): Buffer {
  const bytes = made.get(depth) ?? Buffer.from(deepValue(depth));
  made.set(depth, bytes);
  return bytes;
}

function enumNumber(desc: DescEnum, dice: Dice): bigint {
  return dice.chance(0.85) ? BigInt(dice.pick(desc.values).number) : oddInteger(dice);
}

function scalar(number: number, type: ScalarType, { dice, known }: DrawOptions): WireField {
  switch (type) {
    case ScalarType.STRING:
      return length(number, oddText(dice, known));
    case ScalarType.BYTES:
      return length(number, Buffer.from(dice.random.bytes(dice.pick([0, 1, 32, 1_000]))));
    case ScalarType.DOUBLE: {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(oddDouble(dice));
      return { number, type: FIXED64, bytes };
    }
    case ScalarType.FLOAT:
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return { number, type: FIXED32, bytes: Buffer.from(dice.random.bytes(4)) };
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return { number, type: FIXED64, bytes: Buffer.from(dice.random.bytes(8)) };
    default:
      return { number, type: VARINT, bytes: varint(oddInteger(dice)) };
  }
}

function disturb(fields: readonly WireField[], dice: Dice): WireField[] {
  const field = fields.length === 0 ? undefined : dice.pick(fields);
  const without = fields.filter((other) => other !== field);
  if (field === undefined) return [length(dice.pick([1, 15, 1_000, 2 ** 29 - 1]), Buffer.from('?'))];
  return dice.pick<() => WireField[]>([
    () => [...fields, field],
    () => [...without, { ...field, number: dice.pick([16, 99, 19_000, 2 ** 29 - 1]) }],
    () => [...without, { ...field, type: dice.int(0, 7) }],
    () => [field, ...without],
    () => without,
    () => [...fields, length(field.number, varint(oddInteger(dice)))],
    () => [...fields, length(field.number, Buffer.alloc(0))],
  ])();
}

function length(number: number, bytes: Buffer): WireField {
  return { number, type: LENGTH, bytes: Buffer.concat([varint(BigInt(bytes.length)), bytes]) };
}

function encodeField({ number, type, bytes }: WireField): Buffer {
  return Buffer.concat([varint((BigInt(number) << 3n) | BigInt(type)), bytes]);
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
