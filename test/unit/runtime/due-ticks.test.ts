import { expect, it } from 'vitest';
import { type DueTicks, dueTicks } from '../../../src/control-plane/runtime/due-ticks.ts';
import type { ScheduleSpec } from '../../../src/control-plane/store/index.ts';
import { aSchedule } from '../../contract/store/rows.ts';

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 30, 12);

/** Of a schedule that ticks at every full hour and saw everything until `seenAt`, in hours from noon. */
function due(spec: Partial<ScheduleSpec>, seenAt: number, now: number): DueTicks {
  const hourly = { ...aSchedule('a').spec, cron: '0 * * * *', timezone: 'UTC', ...spec };
  const { start, missed, newest } = dueTicks({ spec: hourly, seenAt: NOON + seenAt * HOUR }, NOON + now * HOUR);
  return { start: start.map(hours), missed, newest: newest === undefined ? undefined : hours(newest) };
}

const hours = (at: number): number => (at - NOON) / HOUR;

it('starts what is on time, however it catches up', () => {
  for (const catchUp of ['none', 'one', 'all'] as const)
    expect(due({ catchUp }, 0, 1 + 59 / 3_600)).toEqual({ start: [1], missed: 0, newest: 1 });
});

it('nothing is due before the next tick, nor at one that was seen', () => {
  expect(due({}, 0, 0.99)).toEqual({ start: [], missed: 0, newest: undefined });
  expect(due({}, 1, 1)).toEqual({ start: [], missed: 0, newest: undefined });
});

it('makes up for none, the newest, or all of the missed ticks', () => {
  expect(due({ catchUp: 'none' }, 0, 3.5)).toEqual({ start: [], missed: 3, newest: 3 });
  expect(due({ catchUp: 'one' }, 0, 3.5)).toEqual({ start: [3], missed: 2, newest: 3 });
  expect(due({ catchUp: 'all' }, 0, 3.5)).toEqual({ start: [1, 2, 3], missed: 0, newest: 3 });
});

it('takes the tick that is on time for the one that is made up for', () => {
  expect(due({ catchUp: 'one' }, 0, 3)).toEqual({ start: [3], missed: 2, newest: 3 });
  expect(due({ catchUp: 'none' }, 0, 3)).toEqual({ start: [3], missed: 2, newest: 3 });
});

it('does not look back beyond the window, nor at more than 100 ticks', () => {
  expect(due({ catchUp: 'all', catchUpWindowMs: 2 * HOUR }, 0, 5.5)).toEqual({ start: [4, 5], missed: 3, newest: 5 });
  expect(due({ catchUp: 'one', catchUpWindowMs: HOUR / 4 }, 0, 5.5)).toEqual({ start: [], missed: 5, newest: 5 });
  const { start } = due({ catchUp: 'all', catchUpWindowMs: 1_000 * HOUR }, 0, 500.5);
  expect([start.length, start[0], start.at(-1)]).toEqual([100, 401, 500]);
});

it('starts each of a few ticks that a stall held up', () => {
  expect(due({ cron: '* * * * * *' }, 0, 3 / 3_600).start.map((tick) => Math.round(tick * 3_600))).toEqual([1, 2, 3]);
});
