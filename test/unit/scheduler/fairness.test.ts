import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classOf, Yard } from './yard.ts';

/** Names of those that still had work when each was served, and how far their counts drifted apart. */
function widestGap(order: readonly string[], sizes: ReadonlyMap<string, number>): number {
  const served = new Map([...sizes.keys()].map((name) => [name, 0]));
  let widest = 0;
  for (const name of order) {
    served.set(name, (served.get(name) ?? 0) + 1);
    const open = [...served].filter(([each, count]) => count < (sizes.get(each) ?? 0)).map(([, count]) => count);
    if (open.length > 1) widest = Math.max(widest, Math.max(...open) - Math.min(...open));
  }
  return widest;
}

const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 8 });

describe('fairness', () => {
  it('keeps runs that wait for one slot within one step of each other', () => {
    fc.assert(
      fc.property(sizes, (counts) => {
        const yard = new Yard();
        yard.instance('i1');
        const runs = new Map(counts.map((count, at) => [`r${at}`, count]));
        for (const [run, count] of runs) for (let n = 0; n < count; n += 1) yard.queue(`${run}/${n}`);
        const order = yard.drain('i1').map((name) => name.split('/')[0] ?? '');
        expect(order).toHaveLength(counts.reduce((sum, count) => sum + count, 0));
        expect(widestGap(order, runs)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('keeps namespaces within one step of each other, however many runs each has', () => {
    fc.assert(
      fc.property(sizes, (counts) => {
        const yard = new Yard();
        const names = new Map(counts.map((count, at) => [`n${at}`, count]));
        for (const [namespace, count] of names) {
          yard.instance(`in-${namespace}`, { namespace, slots: 100 });
          for (let n = 0; n < count; n += 1) yard.queue(`${namespace}-${n}/a`, {}, classOf({ namespace }));
        }
        const order: string[] = [];
        for (let next = yard.assign(1); next.length > 0; next = yard.assign(1)) {
          order.push(next[0]?.instanceId.slice(3) ?? '');
        }
        expect(widestGap(order, names)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('lets a new namespace in at once, without making up for the time it was away', () => {
    const yard = new Yard();
    for (const namespace of ['old', 'new']) yard.instance(`in-${namespace}`, { namespace, slots: 1_000 });
    for (let n = 0; n < 300; n += 1) yard.queue(`r1/${n}`, {}, classOf({ namespace: 'old' }));
    yard.assign(100);
    for (let n = 0; n < 300; n += 1) yard.queue(`r2/${n}`, {}, classOf({ namespace: 'new' }));
    const ids = yard.assign(20).map(({ instanceId }) => instanceId);
    expect(ids.filter((id) => id === 'in-new')).toHaveLength(10);
  });

  it('serves a low step at last although normal ones come faster than they are served', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 6 }), (backlog, perSecond) => {
        const yard = new Yard();
        yard.instance('i1');
        for (let n = 0; n < backlog; n += 1) yard.queue(`before/${n}`);
        yard.queue('low/a', { priority: 'low', queuedAt: 0 });
        const order: string[] = [];
        for (let second = 1; !order.includes('low/a'); second += 1) {
          for (let n = 0; n < perSecond; n += 1) yard.queue(`r${second}/${n}`, { queuedAt: second * 1_000 });
          order.push(...yard.drain('i1', 1));
          expect(second).toBeLessThan(1 + backlog + 61 * perSecond);
        }
        // All that was queued within a minute of it may go first, nothing later.
        expect(order.length).toBeLessThanOrEqual(1 + backlog + 60 * perSecond);
      }),
      { numRuns: 30 },
    );
  });
});
