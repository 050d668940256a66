/** Until when an attempt may run whose instance may not have heard that it is over. */
import { expect, test } from 'vitest';
import type { BeatFrame } from '../../../src/control-plane/registry/frames.ts';
import { createInstance, type HeldAttempt, type Instance } from '../../../src/control-plane/registry/instance.ts';
import { Unheard } from '../../../src/control-plane/registry/unheard.ts';

const WINDOW = 30_000;
const over = Number.NEGATIVE_INFINITY;

/** An instance that was heard last at `lastFrameAt`, and holds attempt x, which we ended. */
function world({ lastFrameAt = 0, isConnected = true, lossWindowMs = 0 } = {}) {
  const instance: Instance = createInstance({ namespace: 'default', agentId: 'a', instanceId: 'i', now: 0, wall: 1 });
  const held: HeldAttempt = {
    attemptId: 'x',
    runId: 'run',
    path: 'x',
    number: 1,
    capability: 'x',
    idempotent: false,
    lossWindowMs,
    acceptUntil: 0,
    heardAt: 0,
    stop: undefined,
    isSent: true,
    isFenced: true,
    checkpointAt: 0,
  };
  instance.held.set('x', held);
  instance.connectedAt = 1;
  instance.lastFrameAt = lastFrameAt;
  if (isConnected) instance.peer = { remote: 'r', send: () => {}, encode: () => new Uint8Array(), end: () => {} };
  const unheard = new Unheard({
    instances: new Map([['i', instance]]),
    beatIntervalMs: 5_000,
    lossWindowMs: WINDOW,
    startedAt: 1_000,
  });
  const until = (at: number, instanceId = 'i'): number =>
    unheard.until({ attemptId: 'x', instanceId, lossWindowMs: 0 }, at);
  /** A beat that says which ack was heard. */
  const beat = (number: number, acked: number, at: number): void => {
    const frame: BeatFrame = { type: 'beat', number, load: 0, loopLagMs: 0, holds: { acked, count: 1, digest: 0 } };
    instance.sync.judge(frame, instance.held.values(), at);
    instance.lastFrameAt = at;
  };
  return { instance, held, until, beat, unheard };
}

test('beats that do not hear our acks prove nothing: a network that is silent in one direction swallows the stop, too', () => {
  const { instance, held, until, beat } = world({ lastFrameAt: 2_000 });
  beat(1, 0, 2_000);
  held.stopSent = instance.sync.stopSent(3_000);
  for (let number = 2; number <= 6; number++) beat(number, 1, number * 5_000);
  expect(until(30_000)).toBe(33_000);
  expect(until(14_000)).toBe(19_000);
});

test('a beat that heard an ack from after the stop proves that it was read: the grace counts from the stop', () => {
  const { instance, held, until, beat } = world();
  beat(1, 0, 2_000);
  held.stopSent = instance.sync.stopSent(3_000);
  beat(2, 1, 7_000);
  expect(until(13_000)).toBe(18_000);
  beat(3, 2, 12_000);
  expect(until(13_000)).toBe(13_000);
});

test('a stop that was read late has its grace from then', () => {
  const { instance, held, until, beat } = world();
  held.stopSent = instance.sync.stopSent(3_000);
  beat(1, 0, 14_000);
  beat(2, 1, 19_000);
  expect(until(20_000)).toBe(29_000);
});

test('a stop on a stream that has ended is read by nobody: its own clock ends the attempt', () => {
  const { instance, held, until } = world({ lastFrameAt: 2_000, isConnected: false });
  held.stopSent = instance.sync.stopSent(3_000);
  expect(until(20_000)).toBe(2_000 + WINDOW);
  const own = world({ lastFrameAt: 2_000, isConnected: false, lossWindowMs: 60_000 });
  expect(own.until(20_000)).toBe(62_000);
});

test('a stop that has not left yet is asked for again', () => {
  expect(world().until(20_000)).toBe(25_000);
  expect(world({ lastFrameAt: 4_000, isConnected: false }).until(20_000)).toBe(34_000);
});

test('an instance that said Hello without the attempt does not run it; one that nobody has seen since the start may', () => {
  const known = world();
  known.instance.held.delete('x');
  expect(known.until(20_000)).toBe(over);
  known.instance.connectedAt = 0;
  known.instance.lastFrameAt = 1_500;
  expect(known.until(20_000)).toBe(31_500);
  expect(known.until(20_000, 'another')).toBe(31_000);
});

test('of a run, everything counts that is held, was ended and must not run twice', () => {
  const { held, unheard } = world();
  expect(unheard.untilOfRun('run', 20_000)).toBe(25_000);
  expect(unheard.untilOfRun('another', 20_000)).toBe(over);
  held.isFenced = false;
  expect(unheard.untilOfRun('run', 20_000)).toBe(over);
});
