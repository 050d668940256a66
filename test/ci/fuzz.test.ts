import { expect, test } from 'vitest';
import { fuzz } from '../fuzz/fuzz.ts';

const INPUTS = 2_000;

test('odd, broken and hostile bytes harm neither the control plane nor the agent beside, and cost no memory', {
  timeout: 300_000,
}, async () => {
  const report = await fuzz(Math.floor(Date.now() / 1_000), INPUTS);
  console.log(JSON.stringify(report));
  expect(report.violations).toEqual([]);
  expect(report.healthyRuns).toBeGreaterThan(50);
  // Refusals, ends and streams that were left: it came further than the first message.
  expect(Object.keys(report.answers)).toEqual(expect.arrayContaining(['0', '3', '9', 'open']));
});
