import { expect, test } from 'vitest';
import { runChaos } from '../../chaos/world/chaos.ts';

test('half a minute of faults on every wire and in every process: all runs end, nothing runs twice, histories agree', {
  timeout: 600_000,
}, async () => {
  const seed = Math.floor(Date.now() / 1_000);
  const report = await runChaos({ seed, minutes: 0.5, agents: 4, beatIntervalMs: 1_000, lossWindowMs: 6_000 });
  const { plan: _, ...figures } = report;
  console.log(JSON.stringify(figures));
  expect(report.violations).toEqual([]);
  expect(report.completed).toBeGreaterThan(5);
  // They were not quiet seconds.
  expect(Object.keys(report.faults).length).toBeGreaterThan(5);
});
