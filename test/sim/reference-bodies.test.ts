/** What the reference interpreter says of maps and of steps that are child runs. */
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/core/json.ts';
import type { MapStepDefinition, StepDefinition, WorkflowDefinition } from '../../src/workflow/definition.ts';
import { type History, history, work } from './paper-history.ts';
import type { EndStatus, RunFacts } from './reference/facts.ts';
import { type Interpretation, interpret } from './reference/interpreter.ts';
import { outlineOf } from './reference/outline.ts';
import { takeOverOf } from './reference/take-over.ts';

const mapOf = (items: JsonValue, more: Partial<MapStepDefinition> = {}): WorkflowDefinition => ({
  name: 'W',
  steps: [{ id: 'm', type: 'map', dependencies: [], items, step: work('do'), ...more }],
});

const judge = (definition: WorkflowDefinition, facts: RunFacts): Interpretation => interpret(definition, facts);

describe('a map, to the reference interpreter', () => {
  it('gives what its items gave in the order of the list, and null for one that its `when` skipped', () => {
    const definition = mapOf('[5, 6, 7]', { step: work('do', [], { when: 'item != 6', parameters: '${{ index }}' }) });
    const facts = history()
      .mapped('m', [5, 6, 7])
      .item('m', 0)
      .item('m', 1)
      .item('m', 2)
      .ended('m/1/do', 'SKIPPED', { reason: 'WHEN' })
      .ran('m/2/do', 70)
      .ended('m/2/do', 'COMPLETED')
      .ran('m/0/do', 50)
      .ended('m/0/do', 'COMPLETED')
      .ended('m', 'COMPLETED')
      .over('COMPLETED');
    const { steps, faults } = judge(definition, facts);
    expect(faults).toEqual([]);
    expect(steps.get('m/1/do')).toEqual([{ status: 'SKIPPED', reason: 'WHEN' }]);
    expect(steps.get('m')).toEqual([{ status: 'COMPLETED', output: [50, null, 70] }]);
  });

  it('starts item after item, no more at once than it says, and each as soon as there is room', () => {
    const definition = mapOf('[1, 2, 3]', { concurrency: 1 });
    const well = one(one(one(history().mapped('m', [1, 2, 3]), 0), 1), 2).ended('m', 'COMPLETED');
    expect(judge(definition, well.over('COMPLETED')).faults).toEqual([]);
    const crowded = history().mapped('m', [1, 2, 3]).item('m', 0).item('m', 1).ended('m', 'COMPLETED');
    expect(judge(definition, crowded.over('COMPLETED')).faults).toContain('m: item 1 begins beside 1, at most 1');
    const idle = one(history().mapped('m', [1, 2, 3]), 0)
      .opened('elsewhere')
      .item('m', 1)
      .ended('m', 'COMPLETED');
    expect(judge(definition, idle.over('COMPLETED')).faults).toContain(
      'm: item 1 does not begin when there is room, at 6',
    );
    const mixed = history().mapped('m', [1, 2, 3]).item('m', 1).ended('m', 'COMPLETED');
    expect(judge(definition, mixed.over('COMPLETED')).faults).toContain('m: item 1 begins instead of 0, of 3');
  });

  it('ends an item in the decision that ends its step, or once what its block gives was read', () => {
    const late = (run: History, top: string): RunFacts =>
      run.ended(top, 'COMPLETED').itemEnded('m', 0).item('m', 1).ended('m', 'COMPLETED').over('COMPLETED');
    const block: StepDefinition = { id: 'b', type: 'sequential', dependencies: [], steps: [work('do')] };
    const read = history()
      .mapped('m', [1, 2])
      .item('m', 0)
      .opened('m/0/b')
      .ran('m/0/do', 1)
      .ended('m/0/do', 'COMPLETED');
    const about = (faults: readonly string[]): readonly string[] =>
      faults.filter((fault) => fault.startsWith('m: item'));
    expect(about(judge(mapOf('[1, 2]', { concurrency: 1, step: block }), late(read, 'm/0/b')).faults)).toEqual([]);
    const told = history().mapped('m', [1, 2]).item('m', 0).ran('m/0/do', 1);
    expect(about(judge(mapOf('[1, 2]', { concurrency: 1 }), late(told, 'm/0/do')).faults)).toEqual([
      'm: item 0 does not end with its step',
    ]);
  });

  it.each([
    ['nothing', '[]', {}, [], [{ status: 'COMPLETED', output: [] }]],
    [
      'nothing, where a quorum is asked for',
      '[]',
      { quorum: 1 },
      [],
      [{ status: 'FAILED', code: 'QUORUM_NOT_REACHED' }],
    ],
  ] as const)('ends at once for a list of %s', (_, items, more, list, ends) => {
    const facts = history()
      .mapped('m', [...list])
      .ended('m', ends[0].status)
      .over(ends[0].status);
    expect(judge(mapOf(items, more), facts).steps.get('m')).toEqual(ends);
  });

  it.each([
    ['NOT_A_LIST', 'params'],
    ['MISSING_DATA', 'params.nothing'],
    ['TOO_MANY_ITEMS', Array.from({ length: 10_001 }, () => 1)],
    ['LIMIT', ['x'.repeat(1_048_576)]],
  ])('fails with %s before it opens', (code, items) => {
    const facts = history().ended('m', 'FAILED', { code }).over('FAILED');
    expect(judge(mapOf(items), facts).steps.get('m')).toEqual([{ status: 'FAILED', code }]);
  });

  it('does the others and fails, stops them, or completes without those that failed, by its policy', () => {
    const first = (): History =>
      history().mapped('m', [1, 2]).item('m', 0).item('m', 1).failed('m/0/do', 'NO').ended('m/0/do', 'FAILED');
    const both = (): History => first().ran('m/1/do', 8).ended('m/1/do', 'COMPLETED');
    const ends = (onFailure: 'waitAll' | 'failFast' | 'continue', facts: RunFacts) =>
      judge(mapOf('[1, 2]', { onFailure }), facts).steps.get('m');
    expect(ends('waitAll', both().ended('m', 'FAILED').over('FAILED'))).toContainEqual({ status: 'FAILED' });
    expect(ends('continue', both().ended('m', 'COMPLETED').over('COMPLETED'))).toEqual([
      { status: 'COMPLETED', output: [null, 8] },
    ]);
    const stopped = first().ended('m/1/do', 'SKIPPED', { reason: 'BLOCK_STOPPED' }).ended('m', 'FAILED').over('FAILED');
    expect(judge(mapOf('[1, 2]', { onFailure: 'failFast' }), stopped).steps.get('m/1/do')).toEqual([
      { status: 'SKIPPED' },
    ]);
    expect(judge(mapOf('[1, 2]', { onFailure: 'waitAll' }), stopped).steps.get('m/1/do')).toEqual([]);
  });

  it('starts nothing more once an item failed with `failFast`, or the quorum is there', () => {
    const failed = history().mapped('m', [1, 2]).item('m', 0).failed('m/0/do', 'NO').ended('m/0/do', 'FAILED');
    const onward = failed.item('m', 1).ended('m', 'FAILED').over('FAILED');
    const failFast = { onFailure: 'failFast', concurrency: 1 } as const;
    expect(judge(mapOf('[1, 2]', failFast), onward).faults).toContain('m: item 1 begins when it was stopped');
    const enough = one(history().mapped('m', [1, 2]), 0)
      .ended('m', 'COMPLETED')
      .over('COMPLETED');
    const { steps, faults } = judge(mapOf('[1, 2]', { quorum: 1, concurrency: 1 }), enough);
    expect(steps.get('m')).toEqual([{ status: 'COMPLETED', output: [0, null] }]);
    expect(faults).toEqual([]);
  });

  it('leaves items out without a trace when the run ends, and fails only if one had failed', () => {
    const begun = (): History =>
      history().mapped('m', [1, 2, 3]).item('m', 0).opened('m/0/do').cancelled().ending('CANCELLED');
    const facts = begun().ended('m/0/do', 'CANCELLED').ended('m', 'CANCELLED').over('CANCELLED');
    const { steps, faults } = judge(mapOf('[1, 2, 3]', { concurrency: 1 }), facts);
    expect([...steps]).toEqual([
      ['m', [{ status: 'CANCELLED' }]],
      ['m/0/do', [{ status: 'CANCELLED' }]],
    ]);
    expect(faults).toEqual([]);
  });

  it('has expressions that see the item of the innermost map, and the iteration of the innermost loop', () => {
    const inner = work('do', [], {
      parameters: { item: '${{ item }}', index: '${{ index }}', of: '${{ iteration }}' },
    });
    const loop: StepDefinition = {
      id: 'l',
      type: 'loop',
      dependencies: [],
      until: 'true',
      maxIterations: 3,
      body: [{ id: 'n', type: 'map', dependencies: [], items: '[item, 9]', step: inner, concurrency: 1 }],
    };
    const facts = history().mapped('m', ['a']).item('m', 0).opened('m/0/l');
    const base = 'm/0/l/1/n';
    facts.iterates('m/0/l', 1).mapped(base, ['a', 9]).item(base, 0);
    facts
      .given(`${base}/0/do`, { item: 'a', index: 0, of: 1 })
      .ran(`${base}/0/do`, 1)
      .ended(`${base}/0/do`, 'COMPLETED');
    facts.item(base, 1).given(`${base}/1/do`, { item: 'a', index: 0, of: 1 }).ran(`${base}/1/do`, 2);
    facts
      .ended(`${base}/1/do`, 'COMPLETED')
      .ended(base, 'COMPLETED')
      .ended('m/0/l', 'COMPLETED')
      .ended('m', 'COMPLETED');
    const { steps, faults } = judge(mapOf('["a"]', { step: loop }), facts.over('COMPLETED'));
    expect(steps.get('m')).toEqual([{ status: 'COMPLETED', output: [[1, 2]] }]);
    expect(faults).toEqual([
      `${base}/1/do: its input is {"item":"a","index":0,"of":1} instead of {"item":9,"index":1,"of":1}`,
    ]);
  });

  it('is taken over whole or not at all: nothing of its items', () => {
    const definition = mapOf('[1]');
    const done = one(history().mapped('m', [1]), 0)
      .ended('m', 'COMPLETED')
      .over('FAILED');
    expect([...takeOverOf(outlineOf(definition), done).ends.keys()]).toEqual(['m']);
    const failed = one(history().mapped('m', [1]), 0)
      .ended('m', 'FAILED')
      .over('FAILED');
    expect([...takeOverOf(outlineOf(definition), failed).ends.keys()]).toEqual([]);
  });

  it('asks `assert` of what `output` made of the list', () => {
    const facts = (): History => one(history().mapped('m', [1]), 0);
    const asked = { output: 'size(result)', assert: 'output > 1 || result[0] == 3' };
    const { steps } = judge(mapOf('[1]', asked), facts().ended('m', 'FAILED').over('FAILED'));
    expect(steps.get('m')).toEqual([{ status: 'FAILED', code: 'ASSERTION_FAILED' }]);
  });
});

/** An item from its start to its end. */
function one(before: History, number: number): History {
  return before.item('m', number).ran(`m/${number}/do`, number).ended(`m/${number}/do`, 'COMPLETED');
}

describe('a step that is a child run, to the reference interpreter', () => {
  const step = (more: object = {}): WorkflowDefinition => ({
    name: 'W',
    steps: [{ id: 'c', type: 'workflow', workflow: 'Child', dependencies: [], parameters: { n: 2 }, ...more }],
  });
  const parameters: JsonObject = { type: 'object', properties: { n: { type: 'integer' }, k: { default: 7 } } };
  const child: WorkflowDefinition = { name: 'Child', parameters, steps: [work('do')] };
  // Long before.
  const known = { definition: child, since: -60_000 };
  const begun = (): History =>
    history({ workflow: 'Child', depth: 1, params: { n: 2, k: 7 } })
      .ran('do', 4)
      .ended('do', 'COMPLETED');
  const over = (status: EndStatus, output?: JsonValue): RunFacts => begun().over(status, output);

  it('gives what the child run gave, and fails when that did anything but complete', () => {
    const completed = history().knows(known).child('c', over('COMPLETED', 4)).ended('c', 'COMPLETED').over('COMPLETED');
    expect(judge(step({ output: 'result + 1' }), completed)).toMatchObject({ faults: [] });
    expect(judge(step({ output: 'result + 1' }), completed).steps.get('c')).toEqual([
      { status: 'COMPLETED', output: 5 },
    ]);
    for (const status of ['FAILED', 'TIMED_OUT', 'CANCELLED'] as const) {
      const details = { runId: 'r', workflow: 'Child', version: 1, status };
      const failed = history()
        .knows(known)
        .child('c', over(status))
        .ended('c', 'FAILED', { code: 'CHILD_FAILED', details });
      const { steps, faults } = judge(step(), failed.over('FAILED'));
      expect(steps.get('c')).toEqual([{ status: 'FAILED', code: 'CHILD_FAILED' }]);
      expect(faults).toEqual([]);
    }
  });

  it('must not end before its child run, unless nobody waits for that any longer', () => {
    const open = begun().ending('CANCELLED').left();
    open.cancels.push({ position: 9, at: 1_000 });
    const early = history().knows(known).child('c', open).ended('c', 'FAILED').over('FAILED');
    expect(judge(step(), early).faults).toEqual(['c: it ends before its child run r']);
    const waiting = history().knows(known).child('c', open).cancelled().ending('CANCELLED');
    const killed = waiting.cancelled().ended('c', 'CANCELLED').over('CANCELLED');
    expect(judge(step(), killed)).toMatchObject({ faults: [], run: [{ status: 'CANCELLED' }] });
    expect(judge(step(), killed).steps.get('c')).toEqual([{ status: 'CANCELLED' }]);
  });

  it('hands its stop on to the child run', () => {
    const stopped = (run: RunFacts): RunFacts =>
      history()
        .knows(known)
        .opened('c')
        .cancelled()
        .ending('CANCELLED')
        .child('c', run)
        .ended('c', 'CANCELLED')
        .over('CANCELLED');
    const deaf = history({ workflow: 'Child', depth: 1, params: { n: 2, k: 7 } });
    for (let i = 0; i < 9; i++) deaf.failed('do', 'NO');
    expect(judge(step(), stopped(deaf.ended('do', 'FAILED').over('FAILED'))).faults).toEqual([
      'c: its child run r is not cancelled',
    ]);
    const heard = history({ workflow: 'Child', depth: 1, params: { n: 2, k: 7 } })
      .opened('do')
      .cancelled();
    for (let i = 0; i < 9; i++) heard.failed('do', 'NO');
    expect(judge(step(), stopped(heard.ended('do', 'CANCELLED').over('CANCELLED'))).faults).toEqual([]);
  });

  it('gets its parameters with the defaults of its own schema', () => {
    const run = history({ workflow: 'Child', depth: 1, params: { n: 2 } })
      .ran('do', 4)
      .ended('do', 'COMPLETED')
      .over('COMPLETED', 4);
    const facts = history().knows(known).child('c', run).ended('c', 'COMPLETED').over('COMPLETED');
    expect(judge(step(), facts).faults).toEqual(['c: its child run is given {"n":2} instead of {"n":2,"k":7}']);
  });

  it.each([
    ['WORKFLOW_NOT_FOUND', { workflow: 'Nobody' }, 0],
    ['PARAMETERS_INVALID', { parameters: { n: 'two' } }, 0],
    ['CHILD_DEPTH', {}, 8],
  ])('fails with %s where none can begin', (code, more, depth) => {
    const facts = history({ depth }).knows(known).opened('c').ended('c', 'FAILED', { code }).over('FAILED');
    expect(judge(step(more), facts).steps.get('c')).toEqual([{ status: 'FAILED', code }]);
  });
});
