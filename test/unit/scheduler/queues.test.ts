import { describe, expect, it } from 'vitest';
import { classOf, Yard } from './yard.ts';

const minute = 60_000;

describe('the order of waiting steps', () => {
  it('serves the steps of one run in the order in which they were queued', () => {
    const yard = new Yard();
    yard.instance('i1');
    for (const path of ['a', 'b', 'c']) yard.queue(`r1/${path}`);
    expect(yard.drain('i1')).toEqual(['r1/a', 'r1/b', 'r1/c']);
  });

  it('lets the runs of one priority take turns, however many steps each has', () => {
    const yard = new Yard();
    yard.instance('i1');
    for (const name of ['r1/a', 'r1/b', 'r1/c', 'r2/a', 'r3/a', 'r3/b']) yard.queue(name);
    expect(yard.drain('i1')).toEqual(['r1/a', 'r2/a', 'r3/a', 'r1/b', 'r3/b', 'r1/c']);
  });

  it('keeps the turn of a run that always has just one step waiting', () => {
    const yard = new Yard();
    yard.instance('i1');
    for (let n = 0; n < 10; n += 1) yard.queue(`wide/${n}`);
    yard.queue('chain/0');
    const order: string[] = [];
    for (let n = 1; n <= 6; n += 1) {
      const [name = ''] = yard.drain('i1', 1);
      order.push(name);
      if (name.startsWith('chain/')) yard.queue(`chain/${n}`);
    }
    expect(order.filter((name) => name.startsWith('chain/'))).toHaveLength(3);
  });

  it('serves the more urgent priority first when all were queued at once', () => {
    const yard = new Yard();
    yard.instance('i1');
    for (const priority of ['low', 'normal', 'high', 'critical'] as const) yard.queue(`${priority}/a`, { priority });
    expect(yard.drain('i1')).toEqual(['critical/a', 'high/a', 'normal/a', 'low/a']);
  });

  it('serves a low step before a normal one that was queued more than a minute later', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.queue('low/a', { priority: 'low', queuedAt: 0 });
    yard.queue('young/a', { queuedAt: minute - 1 });
    yard.queue('young/b', { queuedAt: minute + 1 });
    expect(yard.drain('i1')).toEqual(['young/a', 'low/a', 'young/b']);
  });

  it('holds a critical step back from a normal one that has waited ten minutes longer', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.queue('critical/a', { priority: 'critical', queuedAt: 10 * minute + 1 });
    yard.queue('old/a', { queuedAt: 0 });
    expect(yard.drain('i1')).toEqual(['old/a', 'critical/a']);
  });

  it('gives runs equal turns across classes that share an instance', () => {
    const yard = new Yard();
    yard.instance('i1', {
      capabilities: [
        { name: 'load', version: '', concurrency: 0 },
        { name: 'extract', version: '', concurrency: 0 },
      ],
    });
    for (const run of ['r1', 'r2', 'r3']) for (let n = 0; n < 20; n += 1) yard.queue(`${run}/${n}`);
    for (let n = 0; n < 20; n += 1) yard.queue(`r4/${n}`, {}, classOf({ capability: 'extract' }));
    const first = yard.drain('i1', 20).map((name) => name.split('/')[0]);
    for (const run of ['r1', 'r2', 'r3', 'r4']) expect(first.filter((each) => each === run)).toHaveLength(5);
  });

  it('shares a small batch equally between namespaces', () => {
    const yard = new Yard();
    for (const namespace of ['a', 'b']) yard.instance(`in-${namespace}`, { namespace, slots: 100 });
    for (let n = 0; n < 50; n += 1) yard.queue(`a1/${n}`, {}, classOf({ namespace: 'a' }));
    for (let n = 0; n < 50; n += 1) yard.queue(`b1/${n}`, {}, classOf({ namespace: 'b' }));
    const instances = yard.assign(10).map(({ instanceId }) => instanceId);
    expect(instances.filter((id) => id === 'in-a')).toHaveLength(5);
    expect(instances.filter((id) => id === 'in-b')).toHaveLength(5);
  });

  it('never hands work of one namespace to an instance of another', () => {
    const yard = new Yard();
    yard.instance('i1', { namespace: 'other' });
    yard.queue('r1/a');
    expect(yard.assigned()).toEqual([]);
  });

  it('hands back the step as it was queued', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.queue('r1/a', { priority: 'high', queuedAt: 1_764_000_000_123, avoid: ['i9'] });
    const [assignment] = yard.assign();
    expect(assignment).toEqual({
      step: {
        runId: 'r1',
        path: 'a',
        classKey: '["default","load","",""]',
        priority: 'high',
        queuedAt: 1_764_000_000_123,
        avoid: ['i9'],
      },
      capability: 'load',
      capabilityVersion: '1.4.0',
      instanceId: 'i1',
      agentId: 'loader',
    });
  });
});

describe('removing waiting steps', () => {
  it('never assigns a removed step, and the others keep their order', () => {
    const yard = new Yard();
    yard.instance('i1');
    for (const path of ['a', 'b', 'c', 'd']) yard.queue(`r1/${path}`);
    yard.remove('r1/a');
    yard.remove('r1/c');
    expect(yard.scheduler.waiting()).toBe(2);
    expect(yard.drain('i1')).toEqual(['r1/b', 'r1/d']);
  });

  it('takes a step again that was removed and queued once more', () => {
    const yard = new Yard();
    yard.queue('r1/a');
    yard.remove('r1/a');
    yard.queue('r1/a', { queuedAt: 5 });
    yard.instance('i1');
    expect(yard.drain('i1')).toEqual(['r1/a']);
    expect(yard.scheduler.waiting()).toBe(0);
  });

  it('ignores the removal of a step that does not wait', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.queue('r1/a');
    yard.assign();
    yard.remove('r1/a');
    yard.remove('nobody/a');
    expect(yard.scheduler.waiting()).toBe(0);
    yard.queue('r1/a');
    yard.freed('i1');
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
  });

  it.each(['forwards', 'backwards', 'shuffled'])(
    'ends a run of 10,000 steps %s with a little work for each',
    (order) => {
      const yard = new Yard();
      const paths = Array.from({ length: 10_000 }, (_, n) => n);
      for (const n of paths) yard.queue(`r1/${n}`);
      if (order === 'backwards') paths.reverse();
      if (order === 'shuffled') paths.sort((a, b) => ((a * 7919) % 10_007) - ((b * 7919) % 10_007));
      yard.work.steps = 0;
      for (const n of paths) yard.remove(`r1/${n}`);
      expect(yard.scheduler.waiting()).toBe(0);
      expect(yard.work.steps).toBeLessThan(10 * paths.length);
    },
  );

  it('removes a step of a wide run that was queued after others were removed', () => {
    const yard = new Yard();
    for (let n = 0; n < 200; n += 1) yard.queue(`r1/${n}`);
    yard.remove('r1/7');
    yard.queue('r1/late');
    yard.remove('r1/late');
    yard.instance('i1');
    const order = yard.drain('i1');
    expect(order).toHaveLength(199);
    expect(order).not.toContain('r1/late');
  });

  it('keeps a waiting step while hundreds of other classes come and go', () => {
    const yard = new Yard();
    yard.queue('r1/a');
    yard.remove('r1/a');
    yard.queue('r1/b');
    for (let n = 0; n < 600; n += 1) {
      yard.queue('r2/a', {}, classOf({ capability: `c${n}` }));
      yard.remove('r2/a');
    }
    yard.instance('i1');
    expect(yard.drain('i1')).toEqual(['r1/b']);
  });

  it('lists the classes that have waiting steps, with the oldest', () => {
    const yard = new Yard();
    yard.queue('r1/a', { queuedAt: 300 });
    yard.queue('r2/a', { queuedAt: 200 });
    yard.queue('r2/b', { queuedAt: 100, priority: 'low' }, classOf({ capability: 'extract' }));
    yard.queue('r3/a', {}, classOf({ capability: 'gone' }));
    yard.remove('r3/a');
    expect(yard.scheduler.classes().map((each) => [each.class.capability, each.waiting, each.oldestQueuedAt])).toEqual([
      ['load', 2, 200],
      ['extract', 1, 100],
    ]);
  });
});
