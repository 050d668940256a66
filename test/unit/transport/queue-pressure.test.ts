/** When the queue of a stream is too full for new work, and when that has gone on for too long. */
import { beforeEach, expect, test } from 'vitest';
import { QueuePressure } from '../../../src/control-plane/transport/queue-pressure.ts';
import { limits, times } from '../../../src/core/limits.ts';
import { HandClock } from '../../integration/transport/rig.ts';

const FULL = limits.streamQueueBytesMax;
const turn = (): Promise<void> => new Promise((resolve) => queueMicrotask(() => queueMicrotask(resolve)));

let clock: HandClock;
let told: string[];
let pressure: QueuePressure;

beforeEach(() => {
  clock = new HandClock();
  told = [];
  pressure = new QueuePressure({
    clock,
    onChange: (isHigh) => void told.push(isHigh ? 'high' : 'low'),
    onStuck: () => void told.push('stuck'),
  });
});

test('it is high above a half and low again below an eighth, and nothing is told between the two', async () => {
  for (const bytes of [FULL / 2, FULL / 2 + 1, FULL / 4, FULL / 2 + 1, FULL / 8, FULL / 4, FULL]) {
    pressure.measure(bytes);
    await turn();
  }
  expect(told).toEqual(['high', 'low', 'high']);
});

test('what fills and empties within one turn is not told', async () => {
  pressure.measure(FULL);
  pressure.measure(0);
  await turn();
  expect(told).toEqual([]);
});

test('it is stuck when it was high for so long without a pause', async () => {
  pressure.measure(FULL);
  await turn();
  clock.advance(times.overloadMs - 1);
  pressure.measure(0);
  await turn();
  pressure.measure(FULL);
  await turn();
  clock.advance(times.overloadMs - 1);
  expect(told).toEqual(['high', 'low', 'high']);
  clock.advance(1);
  expect(told.at(-1)).toBe('stuck');
});

test('nothing is told of a stream that ends, and its timer goes with it', async () => {
  pressure.measure(FULL);
  pressure.end();
  await turn();
  expect(told).toEqual([]);
  expect(clock.waiting).toBe(0);
});
