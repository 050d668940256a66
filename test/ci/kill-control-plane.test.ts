import { expect, test } from 'vitest';
import { killControlPlane } from '../chaos/kill-control-plane.ts';

test('50 times kill -9 of the control plane under load', { timeout: 900_000 }, async () => {
  const report = await killControlPlane(50, Math.floor(Date.now() / 1_000));
  console.log(JSON.stringify(report));
  expect(report.lost).toEqual([]);
  expect(report.notCompleted).toEqual([]);
  expect(report.executedAgain).toEqual([]);
  expect(report.heldOverKills).toBeGreaterThan(0);
});
