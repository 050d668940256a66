import { expect, test } from 'vitest';
import { HangWatch } from '../../../src/agent-sdk/hang-watch.ts';

const look = (watch: HangWatch, from: number, to: number): string[] => {
  const seen: string[] = [];
  for (let now = from; now <= to; now += HangWatch.intervalMs) {
    for (const step of watch.look(now)) if (step.type === 'hung') seen.push(`hung at ${now}`);
  }
  return seen;
};

test('a thread that answers is never hung', () => {
  const watch = new HangWatch(0);
  for (let now = 0; now < 600_000; now += HangWatch.intervalMs) {
    expect(watch.look(now).map((step) => step.type)).toEqual(['ping']);
    expect(watch.answer(now + 100)).toBe(false);
  }
});

test('60 s without an answer count as hung, once, until the next answer', () => {
  const watch = new HangWatch(0);
  expect(look(watch, 0, 120_000)).toEqual(['hung at 60000']);
  expect(watch.answer(121_000)).toBe(true);
  expect(watch.answer(121_001)).toBe(false);
  expect(look(watch, 125_000, 185_000)).toEqual(['hung at 185000']);
});

test('when this thread stood still, the other one had no chance to answer', () => {
  const watch = new HangWatch(0);
  watch.look(0);
  expect(watch.look(300_000).map((step) => step.type)).toEqual(['ping']);
});
