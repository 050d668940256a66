/** How much may be on its way to one instance, and what makes room. */
import { beforeEach, expect, test } from 'vitest';
import type { SessionPeer } from '../../../src/control-plane/registry/frames.ts';
import {
  createInstance,
  type HeldAttempt,
  hasRoom,
  type Instance,
} from '../../../src/control-plane/registry/instance.ts';
import { standingText } from '../../../src/control-plane/registry/operations.ts';
import { Feeding, weightOf } from '../../../src/control-plane/runtime/feeding.ts';
import { limits } from '../../../src/core/limits.ts';

const MAX = limits.aheadBytesMax;

let told: string[];
let instance: Instance;
let feeding: Feeding;
/** What the stream of the instance has queued. */
let queuedBytes: number;
let isFull: boolean;

beforeEach(() => {
  told = [];
  queuedBytes = 0;
  isFull = false;
  instance = createInstance({ namespace: 'default', agentId: 'a', instanceId: 'i', now: 0, wall: 0 });
  instance.status = 'READY';
  // Of a stream only its queue is looked at.
  instance.peer = {
    get queuedBytes() {
      return queuedBytes;
    },
    get isFull() {
      return isFull;
    },
  } as unknown as SessionPeer;
  feeding = new Feeding({
    fleet: { instances: new Map([['i', instance]]) },
    scheduler: {
      apply: (change) => void (change.type === 'instanceChanged' && told.push(change.offer.accepts ? 'open' : 'full')),
    },
    onRoom: () => void told.push('room'),
  });
});

function lease(id: string, bytes: number): HeldAttempt {
  const held = { attemptId: id, bytes, isSent: false, isFenced: false } as HeldAttempt;
  instance.held.set(id, held);
  feeding.leased(instance, bytes);
  return held;
}

test('it is full as soon as more than the limit was leased, and says so', () => {
  lease('a', MAX);
  expect([hasRoom(instance), told]).toEqual([true, []]);
  lease('b', 1);
  expect([hasRoom(instance), told]).toEqual([false, ['full']]);
  expect(standingText(instance)).toContain('on its way to it already');
});

test('what its connection has taken does not count, however much it was', () => {
  for (let i = 0; i < 100; i++) {
    lease(`a${i}`, MAX / 2).isSent = true;
    feeding.look();
  }
  expect(told).toEqual([]);
});

test('what has left and stands in the queue of its stream counts until that has come down', () => {
  const both = [lease('a', MAX), lease('b', MAX)];
  for (const held of both) held.isSent = true;
  queuedBytes = 2 * MAX;
  feeding.look();
  expect(told).toEqual(['full']);
  queuedBytes = MAX;
  feeding.look();
  expect(told).toEqual(['full', 'open', 'room']);
});

test('a queue that was full gets nothing until its connection has taken most of it, though it is below the limit before', () => {
  for (const held of [lease('a', MAX), lease('b', MAX)]) held.isSent = true;
  [queuedBytes, isFull] = [2 * MAX, true];
  feeding.look();
  queuedBytes = MAX / 2;
  feeding.look();
  expect(told).toEqual(['full']);
  [queuedBytes, isFull] = [MAX / 5, false];
  feeding.judge(instance);
  expect(told).toEqual(['full', 'open', 'room']);
});

test('a lease that was undone, or ended before it left, makes room', () => {
  lease('a', MAX);
  const ended = lease('b', MAX);
  instance.held.delete('a');
  feeding.look();
  expect(told).toEqual(['full', 'open', 'room']);
  lease('c', 1);
  ended.isFenced = true;
  feeding.look();
  expect(told).toEqual(['full', 'open', 'room', 'full', 'open', 'room']);
});

test('nothing is said of an instance that has left', () => {
  lease('a', 2 * MAX);
  feeding = new Feeding({
    fleet: { instances: new Map() },
    scheduler: { apply: () => void told.push('wrong') },
    onRoom: () => void told.push('wrong'),
  });
  instance.held.delete('a');
  feeding.judge(instance);
  expect(told).toEqual(['full']);
});

test('a value that travels through BlobService weighs nothing, and one that travels inline what it has', () => {
  const blob = (size: number) => ({ kind: 'blob', blobId: 'b', size }) as const;
  const none = weightOf({ kind: 'inline', bytes: new Uint8Array() }, undefined, undefined);
  expect(weightOf(blob(limits.inlineWireBytesMax + 1), undefined, undefined)).toBe(none);
  expect(weightOf(blob(limits.inlineWireBytesMax), undefined, undefined)).toBe(none + limits.inlineWireBytesMax);
  expect(weightOf(blob(1), new Uint8Array(7), { a: 1 })).toBe(none + 1 + 7 + 7);
});
