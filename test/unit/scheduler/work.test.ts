import { describe, expect, it } from 'vitest';
import { classOf, Yard } from './yard.ts';

/** Elementary operations per cycle of "slot freed, next step assigned, another one queued". */
function workPerCycle(waiting: number, fill: (yard: Yard, waiting: number) => void): number {
  const yard = new Yard();
  for (const id of ['i1', 'i2']) yard.instance(id, { slots: 4 });
  for (let n = 0; n < 8; n += 1) yard.queue(`busy/${n}`);
  expect(yard.assign()).toHaveLength(8);
  fill(yard, waiting);
  const cycles = 1_000;
  yard.work.steps = 0;
  for (let n = 0; n < cycles; n += 1) {
    yard.freed(n % 2 === 0 ? 'i1' : 'i2');
    if (yard.assign().length !== 1) throw new Error('not one assignment');
    yard.queue(`r${n % 1_000}/again${n}`);
  }
  expect(yard.scheduler.waiting()).toBe(waiting);
  return yard.work.steps / cycles;
}

const runsOf100 = (yard: Yard, waiting: number): void => {
  for (let n = 0; n < waiting; n += 1) yard.queue(`r${Math.floor(n / 100)}/${n % 100}`);
};

const priorities = ['critical', 'high', 'normal', 'low'] as const;
const mixed = (yard: Yard, waiting: number): void => {
  for (let n = 0; n < waiting; n += 1) {
    yard.queue(`m${n % 997}/${n}`, { priority: priorities[n % 4] ?? 'normal', queuedAt: n });
  }
};

const oneRun = (yard: Yard, waiting: number): void => {
  for (let n = 0; n < waiting; n += 1) yard.queue(`wide/${n}`);
};

describe('the work of one assignment', () => {
  it.each([
    ['in runs of 100', runsOf100],
    ['of all priorities', mixed],
    ['in one run', oneRun],
  ] as const)('does not grow with the steps that wait, %s', (_, fill) => {
    const perCycle = [1, 1_000, 100_000].map((waiting) => workPerCycle(waiting, fill));
    const [, thousand = 0, hundredThousand = 0] = perCycle;
    expect(Math.max(...perCycle)).toBeLessThan(20);
    expect(hundredThousand).toBeLessThanOrEqual(thousand * 1.2);
  });

  it('is nothing while no instance is free or no step waits', () => {
    const yard = new Yard();
    yard.instance('i1');
    runsOf100(yard, 10_000);
    yard.assign();
    yard.work.steps = 0;
    expect(yard.assign()).toEqual([]);
    expect(yard.work.steps).toBe(0);
  });

  it('stays small when 10,000 steps wait that avoid the one free instance', () => {
    const yard = new Yard();
    yard.instance('failing', { slots: 100 });
    yard.instance('other');
    yard.taken('other');
    for (let n = 0; n < 10_000; n += 1) yard.queue(`r${n % 100}/${n}`, { avoid: ['failing'] });
    yard.assign();
    yard.work.steps = 0;
    yard.freed('other');
    expect(yard.assigned()).toEqual(['r0/0 -> other']);
    expect(yard.work.steps).toBeLessThan(30);
  });

  it('does not grow with the classes that came and went', () => {
    const yard = new Yard();
    yard.instance('i1', { labels: { region: 'eu' } });
    for (let n = 0; n < 2_000; n += 1) {
      yard.queue(`r${n}/a`, {}, classOf({ versionRange: `>=0.0.${n}` }));
      if (yard.assign().length !== 1) throw new Error('not one assignment');
      yard.freed('i1');
    }
    yard.work.steps = 0;
    yard.instance('i1', { labels: { region: 'us' } });
    expect(yard.work.steps).toBeLessThan(600);
  });
});
