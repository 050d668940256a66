/** What an attempt uses: summed up by name, within bounds. */
import { expect, test } from 'vitest';
import { UsageTotals } from '../../../src/agent-sdk/usage.ts';
import { limits } from '../../../src/core/limits.ts';

const counters = (howMany: number) => Object.fromEntries(Array.from({ length: howMany }, (_, i) => [`c${i}`, 1]));

test('sums up by name', () => {
  const totals = new UsageTotals('a');
  totals.add({ tokens: 12, seconds: 0.5 });
  expect(totals.add({ tokens: 3 })).toEqual({ tokens: 15, seconds: 0.5 });
});

test(`${limits.usageCountersMax} names are kept, and one more is refused with all that came with it`, () => {
  const totals = new UsageTotals('a');
  expect(Object.keys(totals.add(counters(limits.usageCountersMax)))).toHaveLength(limits.usageCountersMax);
  expect(() => totals.add({ c0: 1, more: 1 })).toThrow(expect.objectContaining({ code: 'LIMIT' }));
  expect(totals.add({ c0: 1 })).toMatchObject({ c0: 2 });
});

test(`a name has at most ${limits.usageNameCharsMax} characters, and a counter is a number from 0 on`, () => {
  const totals = new UsageTotals('a');
  expect(totals.add({ ['n'.repeat(limits.usageNameCharsMax)]: 1 })).toBeDefined();
  const wrong = [{ ['n'.repeat(limits.usageNameCharsMax + 1)]: 1 }, { '': 1 }, { n: -1 }, { n: Number.NaN }];
  for (const counters of wrong)
    expect(() => totals.add(counters)).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }));
});
