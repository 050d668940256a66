import { expect, test } from 'vitest';
import { createUlid, createUlidAfter } from '../../../src/core/ids.ts';
import { type Random, seededRandom } from '../../../src/core/random.ts';

const filled = (byte: number): Random => ({ ...seededRandom(1), bytes: (size) => new Uint8Array(size).fill(byte) });

test('ids of one millisecond grow, and ids of another time are left as they are', () => {
  const random = seededRandom(1);
  let last = '';
  for (let i = 0; i < 1_000; i++) {
    const next = createUlidAfter(last, 1_700_000_000_000.5, random);
    expect(next > last).toBe(true);
    expect(next).toHaveLength(26);
    last = next;
  }
  // The clock was set back: the id says the time all the same.
  const earlier = createUlidAfter(last, 1_600_000_000_000, random);
  expect(earlier.slice(0, 10)).toBe(createUlid(1_600_000_000_000, random).slice(0, 10));
});

test('carries over digits, and gives up on the order when a millisecond is full', () => {
  const time = createUlid(5, filled(0)).slice(0, 10);
  expect(createUlidAfter(`${time}${'0'.repeat(14)}1z`, 5, filled(0))).toBe(`${time}${'0'.repeat(14)}20`);
  expect(createUlidAfter(`${time}${'z'.repeat(16)}`, 5, filled(0))).toBe(`${time}${'0'.repeat(16)}`);
});
