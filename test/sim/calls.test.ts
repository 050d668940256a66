/** Worlds whose handlers call other agents; they are among the seeds of sim.test.ts, too, but not in each. */
import { expect, it } from 'vitest';
import type { SimSettings } from './settings.ts';
import { simulate } from './simulate.ts';

const FIRST_SEED = 60_001;
const SEEDS = 4;

it(`a key of a step is one call, and none stays open that no step waits for, in ${SEEDS} seeds`, async () => {
  let count = 0;
  const adjust = (settings: SimSettings): SimSettings => ({ ...settings, calls: 0.3 });
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { invariant, message, lastLines, calls } = await simulate(seed, { adjust });
    expect(invariant, `seed ${seed}: ${message}\n${lastLines.join('\n')}`).toBeUndefined();
    count += calls;
  }
  expect(count).toBeGreaterThan(SEEDS * 10);
});
