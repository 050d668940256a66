/** When the queue of a stream has room again, when its agent is behind, and when that has gone on for too long. */
import { beforeEach, expect, test } from 'vitest';
import { QueuePressure } from '../../../src/control-plane/transport/queue-pressure.ts';
import { limits, times } from '../../../src/core/limits.ts';
import { HandClock } from '../../integration/transport/rig.ts';

const HIGH = limits.aheadBytesMax;
const turn = (): Promise<void> => new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

let clock: HandClock;
let told: string[];
let pressure: QueuePressure;

beforeEach(() => {
  clock = new HandClock();
  told = [];
  pressure = new QueuePressure({
    clock,
    onRoom: () => void told.push('room'),
    onChange: (isBehind) => void told.push(isBehind ? 'behind' : 'caught up'),
    onStuck: () => void told.push('stuck'),
  });
});

test('a burst is nothing to tell of; when three quarters of it are gone there is room again', async () => {
  for (const bytes of [HIGH, HIGH * 9, HIGH / 2, HIGH / 4 + 1, HIGH / 4, HIGH / 2, HIGH]) {
    pressure.measure(bytes);
    await turn();
  }
  expect(told).toEqual(['room']);
});

test('what empties and fills within one turn is not told', async () => {
  pressure.measure(HIGH + 1);
  pressure.measure(0);
  pressure.measure(HIGH + 1);
  await turn();
  expect(told).toEqual([]);
});

test('an agent whose queue does not come down for a while is behind, until it has', async () => {
  pressure.measure(HIGH + 1);
  clock.advance(times.behindMs - 1);
  pressure.measure(HIGH);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(told).toEqual(['behind']);
  pressure.measure(0);
  await turn();
  expect(told).toEqual(['behind', 'caught up', 'room']);
  expect(clock.waiting).toBe(0);
});

test('it is stuck when it was high for so long without a pause', async () => {
  pressure.measure(HIGH + 1);
  clock.advance(times.behindMs);
  clock.advance(times.overloadMs - times.behindMs - 1);
  pressure.measure(0);
  await turn();
  pressure.measure(HIGH + 1);
  clock.advance(times.behindMs);
  clock.advance(times.overloadMs - times.behindMs - 1);
  expect(told).toEqual(['behind', 'caught up', 'room', 'behind']);
  clock.advance(1);
  expect(told.at(-1)).toBe('stuck');
});

test('nothing is told of a stream that ends, and its timer goes with it', async () => {
  pressure.measure(HIGH + 1);
  pressure.measure(0);
  pressure.measure(HIGH + 1);
  pressure.end();
  await turn();
  expect(told).toEqual([]);
  expect(clock.waiting).toBe(0);
});
