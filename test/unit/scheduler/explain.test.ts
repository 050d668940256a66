import { describe, expect, it } from 'vitest';
import { classOf, Yard } from './yard.ts';

const load = (version: string, concurrency = 0) => ({ name: 'load', version, concurrency });

describe('explaining a waiting step', () => {
  it('names every instance of the namespace with the reason, those that could take it first', () => {
    const yard = new Yard();
    const labels = { region: 'eu' };
    const good = { labels, capabilities: [load('2.1.0')] };
    yard.instance('a-agent', { ...good, agentId: 'other' });
    yard.instance('b-capability', { ...good, capabilities: [] });
    yard.instance('c-version', { ...good, capabilities: [load('1.4.0')] });
    yard.instance('d-label', { ...good, labels: { region: 'us' } });
    yard.instance('e-state', { ...good, accepts: false, state: 'DRAINING' });
    yard.instance('f-excluded', good);
    yard.instance('g-avoided', good);
    yard.instance('h-limit', { ...good, slots: 2, capabilities: [load('2.1.0', 1)] });
    yard.instance('i-busy', { ...good, slots: 2 });
    yard.instance('j-elsewhere', { ...good, namespace: 'other' });
    yard.exclude('f-excluded', 12_500);
    for (const id of ['h-limit', 'i-busy', 'i-busy']) yard.taken(id);
    const wanted = classOf({ versionRange: '^2.0', agentId: 'loader', labels });
    yard.queue('r1/a', { avoid: ['g-avoided'] }, wanted);
    expect(yard.assigned()).toEqual([]);
    expect(yard.reasons('r1/a')).toEqual([
      'i-busy busy: 2 of 2 slots',
      'h-limit concurrency: 1 of 1 load',
      'g-avoided avoided: just failed this step',
      'f-excluded excluded: did not accept, for 13 s more',
      'e-state state: DRAINING',
      'c-version version: load@1.4.0',
      'd-label label: region=us',
      'b-capability capability: no load',
      'a-agent agent: is other',
    ]);
    yard.freed('i-busy');
    expect(yard.reasons('r1/a')[0]).toBe('i-busy free: 1 of 2 slots');
    expect(yard.assigned()).toEqual(['r1/a -> i-busy']);
  });

  it('says for every waiting step of a priority how many go first', () => {
    const yard = new Yard();
    for (const name of ['r1/a', 'r1/b', 'r1/c', 'r2/a', 'r3/a', 'r3/b']) yard.queue(name);
    const foretold = new Map(
      ['r1/a', 'r1/b', 'r1/c', 'r2/a', 'r3/a', 'r3/b'].map((name) => {
        const [runId = '', path = ''] = name.split('/');
        return [yard.scheduler.explain(runId, path, 0).ahead, name];
      }),
    );
    yard.instance('i1');
    expect(yard.drain('i1')).toEqual([0, 1, 2, 3, 4, 5].map((ahead) => foretold.get(ahead)));
  });

  it('counts the steps of other priorities that go first', () => {
    const yard = new Yard();
    yard.queue('r1/a', { priority: 'critical' });
    yard.queue('r2/a', { queuedAt: 1_000 });
    yard.queue('r3/a', { priority: 'low' });
    expect(yard.scheduler.explain('r2', 'a', 0)).toMatchObject({ ahead: 1, step: { runId: 'r2', queuedAt: 1_000 } });
    expect(yard.scheduler.explain('r3', 'a', 0).ahead).toBe(2);
  });

  it('does not mistake what every object has for a label', () => {
    const yard = new Yard();
    yard.instance('i1');
    yard.queue('r1/a', {}, classOf({ labels: { constructor: 'x' } }));
    expect(yard.reasons('r1/a')).toEqual(['i1 label: no constructor']);
  });

  it('answers -1 for a step that does not wait, and still judges instances for a class', () => {
    const yard = new Yard();
    yard.instance('i1');
    expect(yard.scheduler.explain('r1', 'a', 0)).toEqual({
      step: undefined,
      class: undefined,
      ahead: -1,
      candidates: [],
    });
    expect(yard.scheduler.candidates(classOf(), [], 0)).toEqual([
      { instanceId: 'i1', agentId: 'loader', reason: 'free', detail: '0 of 1 slots' },
    ]);
  });
});
