/** Schedules on a real file: after a crash and after a stop every tick has its run, and only one. */
import { expect, test } from 'vitest';
import type { RunningControlPlane } from '../../../src/control-plane/runtime/assembly.ts';
import type { ScheduleSpec } from '../../../src/control-plane/store/index.ts';
import { aSchedule } from '../../contract/store/rows.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { Disk, Machine } from './sqlite-machine.ts';

const TEN_SECONDS: ScheduleSpec = {
  ...aSchedule('a').spec,
  workflow: 'Flow',
  cron: '*/10 * * * * *',
  timezone: 'UTC',
  overlap: 'allow',
  catchUp: 'all',
};

/** Seconds of the ticks that have a run, one for each run, oldest first. */
async function ticksOf(controlPlane: RunningControlPlane): Promise<readonly number[]> {
  const { runs } = await controlPlane.listRuns({
    namespace: 'default',
    labels: { schedule: 'a' },
    before: '',
    limit: 500,
  });
  const ticks = runs.map(({ labels }) => (Date.parse(labels['scheduled-at'] ?? '') - Date.UTC(2026, 0, 1)) / 1_000);
  return ticks.toSorted((left, right) => left - right);
}

const every10 = (count: number): number[] => Array.from({ length: count }, (_, index) => (index + 1) * 10);

test('after a crash and after a stop every tick has one run', async () => {
  using disk = new Disk();
  const machine = new Machine(disk);
  const first = await machine.start();
  const { definition } = flow([step('a')]);
  await first.registerWorkflow({ namespace: 'default', definition, validateOnly: false });
  await first.schedules.put({ namespace: 'default', name: 'a', spec: TEN_SECONDS });
  await machine.clock.advance('25s');
  expect(await ticksOf(first)).toEqual(every10(2));
  await machine.crash();
  await machine.clock.advance('90s');
  const second = await machine.start();
  expect(await ticksOf(second)).toEqual(every10(11));
  await machine.clock.advance('5s');
  expect(await ticksOf(second)).toEqual(every10(12));
  await machine.stop();
  await machine.clock.advance('95s');
  const third = await machine.start();
  expect(await ticksOf(third)).toEqual(every10(21));
  expect((await third.schedules.get('default', 'a')).row).toMatchObject({
    spec: TEN_SECONDS,
    lastTick: { outcome: 'STARTED', at: Date.UTC(2026, 0, 1, 0, 3, 30) },
  });
  await machine.stop();
});
