import { describe, expect, it } from 'vitest';
import type { InstanceOffer, StepClass } from '../../../src/control-plane/scheduler/types.ts';
import { classOf, Yard } from './yard.ts';

const load = (version: string, concurrency = 0) => ({ name: 'load', version, concurrency });

describe('who can take a step', () => {
  const cases: readonly [string, Partial<StepClass>, Partial<InstanceOffer>, boolean][] = [
    ['any version for an empty range', {}, { capabilities: [load('')] }, true],
    ['a version inside the range', { versionRange: '^1.2' }, { capabilities: [load('1.4.0')] }, true],
    ['no version outside the range', { versionRange: '^2.0' }, { capabilities: [load('1.4.0')] }, false],
    ['no unversioned capability for a range', { versionRange: '^1' }, { capabilities: [load('')] }, false],
    ['an unversioned capability as 0.0.0', { versionRange: '<1' }, { capabilities: [load('')] }, true],
    ['no prerelease for a range of releases', { versionRange: '^1' }, { capabilities: [load('1.1.0-rc.1')] }, false],
    [
      'a prerelease for a range that names one',
      { versionRange: '^1.1.0-rc' },
      { capabilities: [load('1.1.0-rc.1')] },
      true,
    ],
    ['nothing for a range that is none', { versionRange: 'one or two' }, { capabilities: [load('1.0.0')] }, false],
    [
      'the version that suits, among several',
      { versionRange: '^2' },
      { capabilities: [load('1.0.0'), load('2.1.0')] },
      true,
    ],
    ['the named agent', { agentId: 'loader' }, {}, true],
    ['no other agent', { agentId: 'extractor' }, {}, false],
    ['no other capability', { capability: 'extract' }, {}, false],
    ['all labels asked for', { labels: { region: 'eu' } }, { labels: { region: 'eu', disk: 'ssd' } }, true],
    ['no other label value', { labels: { region: 'eu' } }, { labels: { region: 'us' } }, false],
    ['no missing label', { labels: { region: 'eu' } }, {}, false],
    ['nothing while it does not accept', {}, { accepts: false }, false],
    ['nothing with no slots', {}, { slots: 0 }, false],
  ];

  it.each(cases)('takes %s', (_, wanted, offered, isTaken) => {
    for (const isInstanceFirst of [true, false]) {
      const yard = new Yard();
      if (isInstanceFirst) yard.instance('i1', offered);
      yard.queue('r1/a', {}, classOf(wanted));
      if (!isInstanceFirst) yard.instance('i1', offered);
      expect(yard.assigned()).toEqual(isTaken ? ['r1/a -> i1'] : []);
    }
  });

  it('follows an offer that changes', () => {
    const yard = new Yard();
    yard.instance('i1', { capabilities: [] });
    yard.queue('r1/a');
    expect(yard.assigned()).toEqual([]);
    yard.instance('i1');
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
  });
});

describe('slots', () => {
  it('fills every slot and no more, and gives a freed one to the next step', () => {
    const yard = new Yard();
    yard.instance('i1', { slots: 2 });
    for (const path of ['a', 'b', 'c']) yard.queue(`r1/${path}`);
    expect(yard.assigned()).toEqual(['r1/a -> i1', 'r1/b -> i1']);
    yard.freed('i1');
    expect(yard.assigned()).toEqual(['r1/c -> i1']);
  });

  it('keeps to the concurrency of a capability while other capabilities use the rest', () => {
    const yard = new Yard();
    yard.instance('i1', { slots: 3, capabilities: [load('', 1), { name: 'extract', version: '', concurrency: 0 }] });
    for (const path of ['a', 'b']) yard.queue(`r1/${path}`);
    for (const path of ['c', 'd', 'e']) yard.queue(`r1/${path}`, {}, classOf({ capability: 'extract' }));
    expect(yard.assigned()).toHaveLength(3);
    yard.freed('i1', 'load');
    expect(yard.assigned()).toHaveLength(1);
    expect(yard.scheduler.waiting()).toBe(1);
  });

  it('stops at lowered slots until enough are freed', () => {
    const yard = new Yard();
    yard.instance('i1', { slots: 3 });
    for (let n = 0; n < 5; n += 1) yard.queue(`r1/${n}`);
    expect(yard.assigned()).toHaveLength(3);
    yard.instance('i1', { slots: 1 });
    yard.freed('i1');
    yard.freed('i1');
    expect(yard.assigned()).toEqual([]);
    yard.freed('i1');
    expect(yard.assigned()).toHaveLength(1);
  });

  it('goes on after a pause', () => {
    const yard = new Yard();
    yard.instance('i1', { slots: 0 });
    yard.queue('r1/a');
    expect(yard.assigned()).toEqual([]);
    yard.instance('i1', { slots: 1 });
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
  });

  it('counts attempts that it did not assign', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.taken('i1');
    yard.queue('r1/a');
    expect(yard.assigned()).toEqual([]);
    yard.freed('i1');
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
  });

  it('does not gain a slot from one that is freed twice', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.freed('i1');
    for (const path of ['a', 'b']) yard.queue(`r1/${path}`);
    expect(yard.assigned()).toHaveLength(1);
  });

  it('keeps what an instance is busy with when its offer changes shape', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.queue('r1/a');
    yard.assign();
    yard.instance('i1', { capabilities: [load('2.0.0')] });
    yard.queue('r1/b');
    expect(yard.assigned()).toEqual([]);
    yard.freed('i1');
    expect(yard.assigned()).toEqual(['r1/b -> i1']);
  });

  it('assigns nothing to an instance that is gone, and starts empty when it comes anew', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.queue('r1/a');
    yard.assign();
    yard.gone('i1');
    yard.queue('r1/b');
    yard.freed('i1');
    expect(yard.assigned()).toEqual([]);
    yard.instance('i1');
    expect(yard.assigned()).toEqual(['r1/b -> i1']);
  });
});

describe('the choice among instances', () => {
  it('spreads steps evenly over equal instances', () => {
    const yard = new Yard();
    for (const id of ['i1', 'i2', 'i3']) yard.instance(id, { slots: 4 });
    for (let n = 0; n < 6; n += 1) yard.queue(`r1/${n}`);
    const ids = yard.assign().map(({ instanceId }) => instanceId);
    for (const id of ['i1', 'i2', 'i3']) expect(ids.filter((each) => each === id)).toHaveLength(2);
  });

  it('gives one step to each of many instances with one slot, in any order of freeing', () => {
    const yard = new Yard();
    const ids = Array.from({ length: 7 }, (_, n) => `i${n}`);
    for (const id of ids) yard.instance(id);
    for (const freed of [ids, [...ids].reverse(), ['i3', 'i0', 'i6', 'i1', 'i5', 'i2', 'i4']]) {
      for (let n = 0; n < 9; n += 1) yard.queue(`r1/${n}`);
      expect(
        yard
          .assign()
          .map(({ instanceId }) => instanceId)
          .sort(),
      ).toEqual(ids);
      for (let n = 0; n < 9; n += 1) yard.remove(`r1/${n}`);
      for (const id of freed) yard.freed(id);
    }
  });

  it('takes turns between idle instances that finish before the next step comes', () => {
    const yard = new Yard();
    const used = new Set<string>();
    for (const id of ['i1', 'i2', 'i3']) yard.instance(id, { slots: 4 });
    for (let n = 0; n < 6; n += 1) {
      yard.queue(`r1/${n}`);
      for (const { instanceId } of yard.assign()) {
        used.add(instanceId);
        yard.freed(instanceId);
      }
    }
    expect(used.size).toBe(3);
  });

  it('fills instances in proportion to their slots', () => {
    const yard = new Yard();
    yard.instance('small', { slots: 2 });
    yard.instance('large', { slots: 8 });
    for (let n = 0; n < 5; n += 1) yard.queue(`r1/${n}`);
    const ids = yard.assign().map(({ instanceId }) => instanceId);
    expect(ids.filter((id) => id === 'small')).toHaveLength(1);
  });

  it('prefers the instance that reports less load', () => {
    const yard = new Yard();
    yard.instance('hot', { slots: 4, load: 0.9 });
    yard.instance('cool', { slots: 4, load: 0.1 });
    yard.queue('r1/a');
    expect(yard.assigned()).toEqual(['r1/a -> cool']);
  });

  it('compares a bounded number of a thousand free instances', () => {
    const yard = new Yard();
    for (let n = 0; n < 1_000; n += 1) yard.instance(`i${n}`, { slots: 2 });
    yard.queue('r1/a');
    yard.assign();
    yard.queue('r1/b');
    yard.work.steps = 0;
    expect(yard.assign()).toHaveLength(1);
    expect(yard.work.steps).toBeLessThan(40);
  });
});
