/** What `npm run chaos -- --scenario NAME` knows, with the times and numbers of the product. */
import { blackHole } from './black-hole.ts';
import { cut } from './cut.ts';
import { flood } from './flood.ts';
import { freeze } from './freeze.ts';
import { fleetReturns } from './return.ts';
import { PRODUCT_TIMES, type ScenarioReport } from './scenario.ts';
import { stalledReaders } from './stalled-readers.ts';
import { wires } from './wires.ts';

export const scenarios: Readonly<Record<string, () => Promise<ScenarioReport>>> = {
  cut: () => cut({ ...PRODUCT_TIMES, cutMs: 20_000 }),
  'black-hole': () => blackHole(PRODUCT_TIMES),
  freeze: () => freeze({ ...PRODUCT_TIMES, stallMs: 20_000 }),
  wires: () => wires({ ...PRODUCT_TIMES, faultMs: 4_000 }),
  return: () => fleetReturns({ ...PRODUCT_TIMES, agents: 1_000, processes: 4, boundMs: 10_000 }),
  'stalled-readers': () => stalledReaders(),
  flood: () => flood({ seconds: 10 }),
};
