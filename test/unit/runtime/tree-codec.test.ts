import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeTree, encodeTree as encodeWithin } from '../../../src/control-plane/runtime/tree-codec.ts';

function encodeTree(tree: unknown): Uint8Array {
  const bytes = encodeWithin(tree);
  if (bytes === undefined) throw new Error('it is too large');
  return bytes;
}

const leaf = fc.oneof(
  fc.constantFrom(
    undefined,
    null,
    true,
    false,
    -0,
    0,
    4_294_967_295,
    4_294_967_296,
    Number.NEGATIVE_INFINITY,
    '__proto__',
  ),
  fc.double({ noNaN: true }),
  fc.integer(),
  fc.string({ unit: 'binary' }),
  fc.uint8Array({ maxLength: 9 }),
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie('tree')),
    fc.dictionary(fc.oneof(fc.constant('__proto__'), fc.string()), tie('tree'), { noNullPrototype: true }),
    fc.array(fc.tuple(fc.oneof(fc.nat(), fc.string()), tie('tree'))).map((entries) => new Map(entries)),
  ),
}));

it('reads what was written, whatever it was', () => {
  fc.assert(
    fc.property(tree, (value) => {
      expect(decodeTree(encodeTree(value))).toStrictEqual(value);
    }),
  );
});

it('keeps holes of a list, at its end as well', () => {
  const list: unknown[] = [];
  list[2] = 'c';
  list.length = 5;
  const read = decodeTree(encodeTree([list, [undefined]])) as unknown[][];
  expect(read[0]).toHaveLength(5);
  expect(Object.keys(read[0] ?? [])).toEqual(['2']);
  expect(Object.keys(read[1] ?? [])).toEqual(['0']);
});

it('writes a text and the keys of an object once', () => {
  const item = (at: number) => ({ instanceId: '01k5x9q4d7m8n2p3r6s7t8v9w0', startedAt: at, failure: undefined });
  const one = encodeTree([item(1)]).length;
  expect(encodeTree([item(1), item(2)]).length).toBeLessThan(one + 10);
});

it('stops at its bound', () => {
  const whole = { list: Array.from({ length: 100 }, (_, i) => `text ${i}`), bytes: new Uint8Array(5_000) };
  const { length } = encodeTree(whole);
  expect(encodeWithin(whole, length)).toHaveLength(length);
  expect(encodeWithin(whole, length - 1)).toBeUndefined();
});

it('refuses what is no plain value', () => {
  expect(() => encodeTree({ a: new Date() })).toThrow(TypeError);
  expect(() => encodeTree([() => 1])).toThrow(TypeError);
  expect(() => encodeTree(Object.create(null))).toThrow(TypeError);
});

it('throws on bytes that are cut or changed, or reads something else, but asks for no memory', () => {
  const bytes = encodeTree({ steps: [{ path: 'a', output: Uint8Array.of(1, 2) }, new Map([[1, 'b']])] });
  for (let length = 0; length < bytes.length; length++) expect(() => decodeTree(bytes.subarray(0, length))).toThrow();
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = byte;
      try {
        decodeTree(damaged);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});
