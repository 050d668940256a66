import { expect, it } from 'vitest';
import { createUlid, firstUlidAt } from '../../../src/core/ids.ts';
import { seededRandom } from '../../../src/core/random.ts';

const NOW = 1_764_000_000_000;

it('the first ULID of a moment is above all that were made before it, and not above those made in it', () => {
  const random = seededRandom(1);
  const first = firstUlidAt(NOW);
  for (let i = 0; i < 100; i++) {
    expect(createUlid(NOW - 1, random) < first).toBe(true);
    expect(createUlid(NOW + 0.9, random) >= first).toBe(true);
  }
});

it('times that no ULID has are the ends of those that one can have', () => {
  expect(firstUlidAt(-1)).toBe('0'.repeat(26));
  expect(firstUlidAt(2 ** 60)).toBe(`7zzzzzzzzz${'0'.repeat(16)}`);
});
