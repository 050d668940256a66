import { describe, expect, test } from 'vitest';
import { WorkflowQueue } from '../../../src/control-plane/runtime/workflow-queue.ts';
import type { WorkflowConcurrency } from '../../../src/workflow/compiled.ts';

const two: WorkflowConcurrency = { limit: 2, overflow: 'queue' };

function queueOf(...waiting: readonly string[]): WorkflowQueue {
  const queue = new WorkflowQueue('default', 'etl');
  for (const runId of waiting) queue.wait(runId, 'normal');
  return queue;
}

function takeAll(queue: WorkflowQueue, concurrency: WorkflowConcurrency | undefined): readonly string[] {
  const taken: string[] = [];
  for (let next = queue.next(concurrency); next !== undefined; next = queue.next(concurrency)) taken.push(next);
  return taken;
}

describe('turns', () => {
  test('go to the more urgent, then to who came first', () => {
    const queue = queueOf('b', 'a');
    queue.wait('d', 'critical');
    queue.wait('c', 'low');
    queue.wait('e', 'high');
    expect(takeAll(queue, undefined)).toEqual(['d', 'e', 'a', 'b', 'c']);
  });

  test('are given as long as there is room, and a place counts from the moment it is given', () => {
    const queue = queueOf('a', 'b', 'c');
    expect(takeAll(queue, two)).toEqual(['a', 'b']);
    expect(queue.active).toBe(2);
    queue.start('a');
    queue.start('b');
    expect(takeAll(queue, two)).toEqual([]);
    queue.remove('a');
    expect(takeAll(queue, two)).toEqual(['c']);
  });

  test('come back to a run that could not be started, before those behind it', () => {
    const queue = queueOf('a', 'b', 'c');
    expect(queue.next({ ...two, limit: 1 })).toBe('a');
    queue.wait('a', 'normal');
    expect(queue.next({ ...two, limit: 1 })).toBe('a');
  });

  test('are checked again at the start: what was promised may be taken by a run that did not end after all', () => {
    const queue = queueOf('b');
    expect(queue.next({ ...two, limit: 1 })).toBe('b');
    queue.start('a');
    expect(queue.mayStart('b', { ...two, limit: 1 })).toBe(false);
    expect(queue.mayStart('b', two)).toBe(true);
    expect(queue.mayStart('c', two)).toBe(false);
  });
});

test('a run knows its position among all that wait', () => {
  const queue = queueOf('a', 'b', 'c');
  queue.wait('d', 'high');
  queue.start('x');
  const place = (runId: string, priority: 'normal' | 'high') => queue.placeOf(runId, priority, two);
  expect(place('d', 'high')).toEqual({ position: 1, waiting: 4, active: 1, limit: 2 });
  expect(place('c', 'normal')).toEqual({ position: 4, waiting: 4, active: 1, limit: 2 });
  queue.remove('a');
  expect(place('c', 'normal')?.position).toBe(3);
  expect(place('a', 'normal')).toBeUndefined();
  expect(place('x', 'normal')).toBeUndefined();
});

describe('cancelOldest', () => {
  const one: WorkflowConcurrency = { limit: 1, overflow: 'cancelOldest' };

  test('names as many of the oldest as the newest one needs, each once', () => {
    const queue = queueOf();
    queue.start('a');
    queue.start('b');
    expect(queue.inTheWay(one)).toEqual([]);
    queue.wait('c', 'normal');
    expect(queue.inTheWay({ ...one, limit: 2 })).toEqual(['a']);
    expect(queue.inTheWay({ ...one, limit: 2 })).toEqual([]);
    expect(queue.inTheWay(one)).toEqual(['b']);
  });

  test('names those that wait behind one that is ending already, and never the newest', () => {
    const queue = queueOf();
    queue.start('a');
    queue.wait('b', 'low');
    expect(queue.inTheWay(one)).toEqual(['a']);
    queue.wait('c', 'critical');
    queue.wait('d', 'normal');
    expect(queue.inTheWay(one)).toEqual(['b', 'c']);
    queue.remove('a');
    // Those that are about to end are passed over.
    expect(takeAll(queue, one)).toEqual(['d']);
  });
});

test('a guest takes no place, is not among those that make room, and knows its host', () => {
  const queue = queueOf('d', 'e');
  queue.start('a');
  queue.start('b', 'a');
  queue.start('c', 'a');
  expect([queue.active, queue.hostOf('a'), queue.hostOf('b'), queue.hostOf('d')]).toEqual([1, 'a', 'a', undefined]);
  expect(queue.inTheWay({ limit: 1, overflow: 'cancelOldest' })).toEqual(['a', 'd']);
  expect(queue.guestsOf('a')).toEqual(['b', 'c']);
  queue.remove('b');
  expect(queue.guestsOf('a')).toEqual(['c']);
  queue.remove('d');
  queue.remove('e');
  queue.remove('a');
  expect(queue.isEmpty).toBe(false);
  queue.remove('c');
  expect(queue.isEmpty).toBe(true);
});
