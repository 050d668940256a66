import { expect, test } from 'vitest';
import { killControlPlane } from '../chaos/kill-control-plane.ts';

test('kill -9 of the control plane under load loses nothing acknowledged and runs no step again', {
  timeout: 120_000,
}, async () => {
  const report = await killControlPlane(3, 7);
  expect(report.lost).toEqual([]);
  expect(report.notCompleted).toEqual([]);
  expect(report.executedAgain).toEqual([]);
  expect(report.acknowledged).toBeGreaterThan(10);
  expect(report.executions).toBeGreaterThanOrEqual(report.acknowledged * 6);
});
