/** With shorter windows than the product has; `npm run chaos -- --scenario NAME` shows the same with its own. */
import { expect, test } from 'vitest';
import { blackHole } from '../../chaos/scenarios/black-hole.ts';
import { cut } from '../../chaos/scenarios/cut.ts';
import { flood } from '../../chaos/scenarios/flood.ts';
import { fleetReturns } from '../../chaos/scenarios/return.ts';
import { PRODUCT_TIMES, type ScenarioReport } from '../../chaos/scenarios/scenario.ts';
import { stalledReaders } from '../../chaos/scenarios/stalled-readers.ts';

const SHORT = { beatIntervalMs: 1_500, lossWindowMs: 9_000 };

function expectWhole(report: ScenarioReport): void {
  console.log(JSON.stringify(report.figures));
  expect(report.violations).toEqual([]);
}

test('after a cut of two thirds of the window no step that is not idempotent runs again', async () => {
  expectWhole(await cut({ ...SHORT, cutMs: 6_000 }));
});

test('a black hole is found after three beats; idempotent work moves then, other work after the window', async () => {
  expectWhole(await blackHole(SHORT));
});

test('1,000 agents are back in ten seconds after a cut and after a restart of the control plane', async () => {
  expectWhole(await fleetReturns({ ...PRODUCT_TIMES, agents: 1_000, processes: 4, boundMs: 10_000 }));
});

test('agents that take work and do not read cost bounded memory, and the others go on', async () => {
  expectWhole(await stalledReaders());
});

test('agents that flood their stream and watchers that do not read cost bounded memory, and the others go on', async () => {
  expectWhole(await flood({ seconds: 4 }));
});
