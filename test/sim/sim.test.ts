/** A short set of seeds in `npm test`; `.ci/run` simulates 1,000 (test/ci/sim.test.ts). */
import { describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';

const FIRST_SEED = 10_001;
const SEEDS = 25;

describe('the simulator', () => {
  it(`keeps every invariant in ${SEEDS} seeds, and replays each byte for byte`, async () => {
    let executions = 0;
    const compared = { ends: 0, exact: 0 };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const first = await simulate(seed);
      const again = `npm run sim -- --seed ${seed} --trace`;
      expect(first.invariant, `${again}\n${first.message}\n${first.lastLines.join('\n')}`).toBeUndefined();
      const second = await simulate(seed);
      expect({ digest: second.digest, lines: second.lines }, again).toEqual({
        digest: first.digest,
        lines: first.lines,
      });
      executions += first.executions;
      compared.ends += first.compared.ends;
      compared.exact += first.compared.exact;
    }
    // A world in which nothing happens breaks nothing.
    expect(executions).toBeGreaterThan(SEEDS * 10);
    // A reference that leaves everything open agrees with everything.
    expect(compared.exact).toBeGreaterThan(compared.ends * 0.7);
  });
});
