/** Worlds with schedules; they are among the seeds of sim.test.ts, too, but not in each. */
import { expect, it } from 'vitest';
import type { SimSettings } from './settings.ts';
import { simulate } from './simulate.ts';

const FIRST_SEED = 40_001;
const SEEDS = 8;

it(`ticks start one run each, overlap and pass over others as they may, in ${SEEDS} seeds`, async () => {
  const counts = new Map<string, number>();
  const adjust = (settings: SimSettings): SimSettings => ({ ...settings, schedules: 2 });
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { invariant, message, lastLines, ticks } = await simulate(seed, { adjust });
    expect(invariant, `seed ${seed}: ${message}\n${lastLines.join('\n')}`).toBeUndefined();
    for (const [what, count] of ticks) counts.set(what, (counts.get(what) ?? 0) + count);
  }
  expect(counts.get('STARTED')).toBeGreaterThan(SEEDS);
  // Worlds in which nothing is skipped and nothing passed over show nothing.
  expect([...counts.keys()]).toEqual(expect.arrayContaining(['PASSED_OVER', 'SKIPPED']));
});
