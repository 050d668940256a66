/** Concurrency keys in the index: who holds a key holds up neither a class nor what has another key. */
import { describe, expect, test } from 'vitest';
import { classOf, Yard } from './yard.ts';

const key = (name: string, limit = 1) => ({ key: { name, limit } });

class KeyYard extends Yard {
  free(instanceId: string, name: string): void {
    this.scheduler.apply({ type: 'slotFreed', instanceId, capability: 'load', key: name });
  }

  take(instanceId: string, name: string): void {
    this.scheduler.apply({ type: 'slotTaken', instanceId, capability: 'load', key: name });
  }

  keyOf(runId: string, path: string) {
    return this.scheduler.explain(runId, path, this.now).key;
  }
}

function yardWith(slots = 4): KeyYard {
  const yard = new KeyYard();
  yard.instance('i1', { slots });
  return yard;
}

describe('one attempt of a key at a time', () => {
  test('goes to the one that has waited longest, over all runs and classes', () => {
    const yard = yardWith();
    const other = classOf({ labels: { gpu: 'yes' } });
    yard.instance('i2', { labels: { gpu: 'yes' } });
    yard.queue('r1/a', { ...key('db'), queuedAt: 2 });
    yard.queue('r2/a', { ...key('db'), queuedAt: 1 });
    yard.queue('r3/a', { ...key('db'), queuedAt: 3 }, other);
    yard.queue('r4/free');
    const first = yard.assign();
    expect(first.map(({ step, key: taken }) => `${step.runId} ${taken ?? 'none'}`).sort()).toEqual([
      'r2 db',
      'r4 none',
    ]);
    expect(yard.assigned()).toEqual([]);
    expect(yard.keyOf('r1', 'a')).toEqual({ name: 'db', limit: 1, running: 1 });
    const holder = first.find(({ step }) => step.runId === 'r2')?.instanceId ?? '';
    yard.free(holder, 'db');
    expect(yard.assign()).toHaveLength(1);
    expect(yard.scheduler.waiting()).toBe(1);
  });

  test('lets a step wait, which is known to wait', () => {
    const yard = yardWith();
    yard.queue('r1/a', key('db'));
    yard.queue('r2/a', key('db'));
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
    const isWaiting = (runId: string): boolean => yard.scheduler.isWaiting(runId, 'a');
    expect([isWaiting('r1'), isWaiting('r2')]).toEqual([false, true]);
    yard.free('i1', 'db');
    expect(isWaiting('r2')).toBe(true);
    expect(yard.assigned()).toEqual(['r2/a -> i1']);
    expect(isWaiting('r2')).toBe(false);
  });

  test('is not held by a step that no agent can take', () => {
    const yard = yardWith();
    yard.queue('r1/a', { ...key('db'), queuedAt: 1 }, classOf({ capability: 'nobody' }));
    yard.queue('r2/a', { ...key('db'), queuedAt: 2 });
    expect(yard.assigned()).toEqual(['r2/a -> i1']);
    // Now it does wait for the key.
    expect(yard.keyOf('r1', 'a')).toEqual({ name: 'db', limit: 1, running: 1 });
    yard.free('i1', 'db');
    expect(yard.keyOf('r1', 'a')).toBeUndefined();
  });

  test('is freed with the instance that is gone', () => {
    const yard = yardWith();
    yard.queue('r1/a', key('db'));
    yard.queue('r2/a', key('db'));
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
    yard.gone('i1');
    yard.instance('i2');
    expect(yard.assigned()).toEqual(['r2/a -> i2']);
  });

  test('is taken by what was found leased', () => {
    const yard = yardWith();
    yard.take('i1', 'db');
    yard.queue('r1/a', key('db'));
    expect(yard.assigned()).toEqual([]);
    yard.free('i1', 'other');
    expect(yard.assigned()).toEqual([]);
    yard.free('i1', 'db');
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
  });

  test('is another one in another namespace', () => {
    const yard = yardWith();
    yard.instance('i2', { namespace: 'other' });
    yard.queue('r1/a', key('db'));
    yard.queue('r2/a', key('db'), classOf({ namespace: 'other' }));
    expect(yard.assign()).toHaveLength(2);
  });
});

test('a key with a limit lets so many run, and a step of a lower limit waits for its own', () => {
  const yard = yardWith(10);
  for (let i = 0; i < 5; i++) yard.queue(`r${i}/a`, { ...key('db', 3), queuedAt: i });
  yard.queue('r9/a', { ...key('db', 1), queuedAt: 9 });
  expect(yard.assigned().map((line) => line.slice(0, 2))).toEqual(['r0', 'r1', 'r2']);
  yard.free('i1', 'db');
  expect(yard.assigned()).toEqual(['r3/a -> i1']);
  for (let i = 0; i < 3; i++) yard.free('i1', 'db');
  expect(yard.assigned()).toEqual(['r4/a -> i1']);
  expect(yard.keyOf('r9', 'a')).toEqual({ name: 'db', limit: 1, running: 1 });
  yard.free('i1', 'db');
  expect(yard.assigned()).toEqual(['r9/a -> i1']);
});

test('a step that is taken out lets the next one in, offered or not', () => {
  const yard = yardWith();
  for (const run of ['r1', 'r2', 'r3']) yard.queue(`${run}/a`, key('db'));
  yard.remove('r2/a');
  yard.scheduler.apply({ type: 'runRemoved', runId: 'r1' });
  expect(yard.scheduler.waiting()).toBe(1);
  expect(yard.assigned()).toEqual(['r3/a -> i1']);
  expect(yard.scheduler.waiting()).toBe(0);
  expect(yard.scheduler.classes()).toEqual([]);
});

test('what waits for a key is counted among the waiting steps of its class', () => {
  const yard = yardWith();
  yard.queue('r1/a', key('db'));
  yard.queue('r2/a', key('db'));
  const waiting = yard.scheduler.classes().reduce((sum, each) => sum + each.waiting, 0);
  expect([yard.scheduler.waiting(), waiting]).toEqual([2, 2]);
});

test('100,000 steps of one key cost an assignment no more than a few', () => {
  const workPerCycle = (steps: number): number => {
    const yard = yardWith();
    for (let i = 0; i < steps; i++) yard.queue(`r${i}/a`, { ...key('db'), queuedAt: i });
    expect(yard.assign()).toHaveLength(1);
    yard.work.steps = 0;
    for (let i = 0; i < 1_000; i++) {
      yard.free('i1', 'db');
      if (yard.assign().length !== 1) throw new Error('not one assignment');
      yard.queue(`again${i}/a`, { ...key('db'), queuedAt: steps + i });
    }
    return yard.work.steps / 1_000;
  };
  expect(workPerCycle(100_000)).toBeLessThanOrEqual(workPerCycle(10) * 1.1);
});
