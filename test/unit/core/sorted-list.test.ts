import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareText, SortedList } from '../../../src/core/sorted-list.ts';

const text = fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'c', 'd', 'e') });
const change = fc.record({ adds: fc.boolean(), item: text });

test('is a sorted array without equal items, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const list = new SortedList<string>(compareText);
      const model = new Set<string>();
      for (const { adds, item } of changes) {
        expect(adds ? list.add(item) : list.delete(item)).toBe(adds !== model.has(item));
        if (adds) model.add(item);
        else model.delete(item);
      }
      const sorted = [...model].sort();
      expect([...list]).toEqual(sorted);
      expect([list.size, list.first, list.last]).toEqual([sorted.length, sorted[0], sorted.at(-1)]);
      for (const item of sorted) expect([list.has(item), list.rankOf(item)]).toEqual([true, sorted.indexOf(item)]);
      expect([list.has('zz'), list.rankOf('zz')]).toEqual([false, -1]);
    }),
  );
});

test('keeps its order over many chunks, from both ends and in the middle', () => {
  const numbers = (left: number, right: number): number => left - right;
  const list = new SortedList<number>(numbers);
  for (let i = 0; i < 5_000; i++) list.add(i * 2);
  for (let i = 4_999; i >= 0; i--) list.add(i * 2 + 1);
  expect([...list]).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
  expect(list.rankOf(7_777)).toBe(7_777);
  for (let i = 0; i < 10_000; i++) if (i % 3 !== 0) expect(list.delete(i)).toBe(true);
  expect(list.rankOf(9_999)).toBe(3_333);
  while (list.first !== undefined) list.delete(list.first);
  expect(list.size).toBe(0);
  expect(list.add(1)).toBe(true);
});
