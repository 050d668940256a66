import { describe, expect, it } from 'vitest';
import { classOf, Yard } from './yard.ts';

const replicas = { slots: 4 };

describe('instances to avoid', () => {
  it('gives a step to another instance than the one that just failed it, even a worse one', () => {
    const yard = new Yard();
    yard.instance('failed', replicas);
    yard.instance('other', { ...replicas, load: 1 });
    yard.queue('r1/a', { avoid: ['failed'] });
    expect(yard.assigned()).toEqual(['r1/a -> other']);
  });

  it('waits for the other instance while that one is busy, and lets the steps behind it pass', () => {
    const yard = new Yard();
    yard.instance('failed', replicas);
    yard.instance('other');
    yard.taken('other');
    yard.queue('r1/a', { avoid: ['failed'] });
    yard.queue('r1/b');
    expect(yard.assigned()).toEqual(['r1/b -> failed']);
    yard.freed('other');
    expect(yard.assigned()).toEqual(['r1/a -> other']);
  });

  it('uses it when no other instance can take the step at all', () => {
    const yard = new Yard();
    yard.instance('failed');
    yard.instance('incapable', { capabilities: [] });
    yard.instance('draining', { accepts: false, state: 'DRAINING' });
    yard.instance('paused', { slots: 0 });
    yard.queue('r1/a', { avoid: ['failed'] });
    expect(yard.assigned()).toEqual(['r1/a -> failed']);
  });

  it('uses it as soon as the last other instance goes', () => {
    const yard = new Yard();
    yard.instance('failed');
    yard.instance('other');
    yard.taken('other');
    yard.queue('r1/a', { avoid: ['failed'] });
    expect(yard.assigned()).toEqual([]);
    yard.gone('other');
    expect(yard.assigned()).toEqual(['r1/a -> failed']);
  });

  it('treats steps that avoid the same instances in another order alike', () => {
    const yard = new Yard();
    for (const id of ['x', 'y', 'z']) yard.instance(id, { slots: 1 });
    yard.queue('r1/a', { avoid: ['x', 'y'] });
    yard.queue('r2/a', { avoid: ['y', 'x'] });
    expect(yard.assigned()).toEqual(['r1/a -> z']);
    yard.freed('z');
    expect(yard.assigned()).toEqual(['r2/a -> z']);
  });

  it('still assigns every step when very many different sets are avoided', () => {
    const yard = new Yard();
    yard.instance('i1', { slots: 1_000 });
    yard.instance('i2', { slots: 1_000 });
    for (let n = 0; n < 500; n += 1) yard.queue(`r1/${n}`, { avoid: ['i1', `gone${n}`] });
    expect(yard.assign()).toHaveLength(500);
    expect(yard.scheduler.waiting()).toBe(0);
  });
});

describe('exclusions', () => {
  it('keeps a capability away from the instance until the exclusion ends', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.exclude('i1', 1_000);
    yard.queue('r1/a');
    yard.now = 999;
    expect(yard.assigned()).toEqual([]);
    yard.now = 1_000;
    expect(yard.assigned()).toEqual(['r1/a -> i1']);
  });

  it('excludes one capability or all of them', () => {
    const yard = new Yard();
    const capabilities = ['load', 'extract'].map((name) => ({ name, version: '', concurrency: 0 }));
    yard.instance('i1', { slots: 9, capabilities });
    yard.queue('r1/a');
    yard.queue('r1/b', {}, classOf({ capability: 'extract' }));
    yard.exclude('i1', 1_000, 'load');
    expect(yard.assigned()).toEqual(['r1/b -> i1']);
    yard.queue('r1/c', {}, classOf({ capability: 'extract' }));
    yard.exclude('i1', 2_000, '');
    yard.now = 1_500;
    expect(yard.assigned()).toEqual([]);
    yard.now = 2_000;
    expect(yard.assigned()).toHaveLength(2);
  });

  it('says when the next exclusion ends, only while steps wait', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.instance('i2');
    yard.exclude('i1', 3_000);
    yard.exclude('i2', 2_000);
    expect(yard.scheduler.nextChange(0)).toBeUndefined();
    yard.queue('r1/a');
    yard.queue('r1/b');
    expect(yard.scheduler.nextChange(0)).toBe(2_000);
    yard.now = 2_000;
    expect(yard.assigned()).toEqual(['r1/a -> i2']);
    expect(yard.scheduler.nextChange(2_000)).toBe(3_000);
    yard.now = 3_000;
    expect(yard.assigned()).toEqual(['r1/b -> i1']);
    yard.queue('r1/c');
    expect(yard.scheduler.nextChange(3_000)).toBeUndefined();
  });

  it('keeps the later end of two exclusions', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.exclude('i1', 2_000);
    yard.exclude('i1', 1_000);
    yard.queue('r1/a');
    yard.now = 1_500;
    expect(yard.assigned()).toEqual([]);
  });

  it('survives a new offer of the instance', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.exclude('i1', 1_000);
    yard.instance('i1', { load: 0.5 });
    yard.instance('i1', { labels: { region: 'eu' } });
    yard.queue('r1/a');
    expect(yard.assigned()).toEqual([]);
  });

  it('prefers an instance without a recent exclusion for a minute', () => {
    const yard = new Yard();
    yard.instance('failing', { slots: 8 });
    yard.instance('steady', { slots: 8 });
    yard.exclude('failing', 1_000);
    yard.now = 1_000;
    for (let n = 0; n < 4; n += 1) yard.queue(`r1/${n}`);
    expect(yard.assign().every(({ instanceId }) => instanceId === 'steady')).toBe(true);
    yard.now = 61_000;
    for (let n = 0; n < 4; n += 1) yard.queue(`r2/${n}`);
    expect(yard.assign().every(({ instanceId }) => instanceId === 'failing')).toBe(true);
  });
});
