/** Worlds with schedules; they are among the seeds of sim.test.ts, too, but not in each. */
import { expect, it } from 'vitest';
import type { SimSettings } from './settings.ts';
import { simulate } from './simulate.ts';

const FIRST_SEED = 40_001;
const SEEDS = 12;

it(`ticks start one run each, overlap and pass over others as they may, in ${SEEDS} seeds with every outcome`, async () => {
  const counts = new Map<string, number>();
  const adjust = (settings: SimSettings): SimSettings => ({ ...settings, schedules: 2 });
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { invariant, message, lastLines, ticks } = await simulate(seed, { adjust });
    expect(invariant, `seed ${seed}: ${message}\n${lastLines.join('\n')}`).toBeUndefined();
    for (const [what, count] of ticks) counts.set(what, (counts.get(what) ?? 0) + count);
  }
  expect(counts.get('STARTED')).toBeGreaterThan(SEEDS);
  expect([...counts.keys()].toSorted()).toEqual(['FAILED', 'MISSED', 'PASSED_OVER', 'SKIPPED', 'STARTED']);
});
