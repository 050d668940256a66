import { expect } from 'vitest';
import type { ScenarioReport } from '../../chaos/scenarios/scenario.ts';

/** Prints the figures, too: they are what one wants to see of a run on another machine. */
export function expectWhole(report: ScenarioReport): void {
  console.log(JSON.stringify(report.figures));
  expect(report.violations).toEqual([]);
}
