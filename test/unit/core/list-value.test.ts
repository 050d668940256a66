/** Lists are cut and joined as bytes; what comes out is what decoding and encoding would give. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { joinList, readList } from '../../../src/core/list-value.ts';
import { decodeValue, encodeValue } from '../../../src/core/value.ts';

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

function itemsOf(bytes: Uint8Array): readonly unknown[] | undefined {
  const list = readList(bytes);
  return list === undefined ? undefined : Array.from({ length: list.length }, (_, i) => decodeValue(list.item(i)));
}

test('every item of a list is the value that stands there', () => {
  fc.assert(
    fc.property(fc.array(json, { maxLength: 30 }), (list) => {
      expect(itemsOf(encodeValue(list))).toEqual(list);
    }),
  );
});

test('joined values are the list of them, byte for byte', () => {
  fc.assert(
    fc.property(fc.array(json, { maxLength: 30 }), (list) => {
      expect(joinList(list.map(encodeValue))).toEqual(encodeValue(list));
    }),
  );
  const large = ['x'.repeat(70_000), null, 'y'.repeat(200)];
  expect(joinList(large.map(encodeValue))).toEqual(encodeValue(large));
});

test('what is no list is none', () => {
  fc.assert(
    fc.property(
      json.filter((value) => !Array.isArray(value)),
      (value) => {
        expect(readList(encodeValue(value))).toBeUndefined();
      },
    ),
  );
  expect(readList(new Uint8Array())).toBeUndefined();
});

describe('a list as other encoders may write it', () => {
  test('in two parts, or after another kind: the last one counts, as for whoever decodes it', () => {
    const [first, second, number] = [encodeValue([1, 2]), encodeValue([3]), encodeValue(7)];
    for (const parts of [
      [first, second],
      [number, second],
      [first, number],
    ]) {
      const bytes = Buffer.concat(parts);
      const value = decodeValue(bytes);
      expect(itemsOf(bytes)).toEqual(Array.isArray(value) ? value : undefined);
    }
  });

  test('an item without a kind is null', () => {
    // A list (tag 50) of two entries (tag 10), both empty.
    expect(itemsOf(Uint8Array.of(50, 4, 10, 0, 10, 0))).toEqual([null, null]);
  });

  test('that is cut short is refused', () => {
    for (const bytes of [[50], [50, 5, 10], [50, 2, 10, 9], [50, 2, 18, 0], [50, 255, 255, 255, 255, 255, 1]])
      expect(() => readList(Uint8Array.from(bytes))).toThrow();
  });
});
