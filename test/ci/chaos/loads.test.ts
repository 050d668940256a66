/** Many agents, and agents that do not behave, with the times of the product. */
import { test } from 'vitest';
import { flood } from '../../chaos/scenarios/flood.ts';
import { fleetReturns } from '../../chaos/scenarios/return.ts';
import { PRODUCT_TIMES } from '../../chaos/scenarios/scenario.ts';
import { stalledReaders } from '../../chaos/scenarios/stalled-readers.ts';
import { expectWhole } from './expect-whole.ts';

test('1,000 agents are back in ten seconds after a cut and after a restart of the control plane', async () => {
  expectWhole(await fleetReturns({ ...PRODUCT_TIMES, agents: 1_000, processes: 4, boundMs: 10_000 }));
});

test('agents that take work and do not read cost bounded memory, and the others go on', async () => {
  expectWhole(await stalledReaders());
});

test('agents that flood their stream and watchers that do not read cost bounded memory, and the others go on', async () => {
  expectWhole(await flood({ seconds: 4 }));
});
