import { expect, test } from 'vitest';
import { DurationSample } from '../../../src/control-plane/runtime/duration-sample.ts';

function sampleOf(...durations: number[]): DurationSample {
  const sample = new DurationSample();
  for (const ms of durations) sample.add(ms);
  return sample;
}

test('says nothing before it knows something', () => {
  const sample = sampleOf();
  expect([sample.median(), sample.remaining(0), sample.longest(), sample.count]).toEqual([undefined, undefined, 0, 0]);
});

test('what is usual is the one in the middle, which one that took for ever does not move', () => {
  expect(sampleOf(5, 1, 3).median()).toBe(3);
  expect(sampleOf(4, 1, 3, 1_000_000).median()).toBe(3);
  expect(sampleOf(5, 1, 3).longest()).toBe(5);
});

test('what is left is that of those that took longer, and never negative', () => {
  const sample = sampleOf(10, 20, 30, 40);
  expect([0, 9, 10, 25, 39].map((elapsed) => sample.remaining(elapsed))).toEqual([20, 11, 20, 5, 1]);
  expect(sample.remaining(40)).toBeUndefined();
});

test('keeps the last sixteen', () => {
  const sample = sampleOf(...Array.from({ length: 16 }, () => 1_000));
  expect([sample.isFull, sample.median()]).toEqual([true, 1_000]);
  for (let i = 0; i < 16; i++) sample.add(10);
  expect([sample.count, sample.median(), sample.longest()]).toEqual([16, 10, 10]);
});
