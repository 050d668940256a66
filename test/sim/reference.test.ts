/** The reference interpreter by itself: what it says of runs that nobody ran. */
import { describe, expect, it } from 'vitest';
import type { WorkflowDefinition } from '../../src/workflow/definition.ts';
import { history, work } from './reference/history.ts';
import { interpret } from './reference/interpreter.ts';
import { outlineOf } from './reference/outline.ts';
import { takeOverOf } from './reference/take-over.ts';

describe('the reference interpreter', () => {
  it('takes what a handler gave through `output`, and the next step skips when the first one fails', () => {
    const definition = { name: 'W', steps: [work('a', [], { output: 'result.n + 1' }), work('b', ['a'])] };
    const facts = history()
      .ran('a', { n: 4 })
      .ended('a', 'COMPLETED')
      .ran('b', {})
      .ended('b', 'COMPLETED')
      .over('COMPLETED');
    expect(interpret(definition, facts).steps.get('a')).toEqual([{ status: 'COMPLETED', output: 5 }]);
    const failed = history().failed('a', 'NO').ended('a', 'FAILED').over('FAILED');
    const { steps, run } = interpret(definition, failed);
    expect([...steps]).toEqual([
      ['a', [{ status: 'FAILED', code: 'NO' }]],
      ['b', []],
    ]);
    expect(run).toEqual([{ status: 'FAILED' }]);
  });

  it('knows how many tries there are, and that a lost agent is none', () => {
    const definition = { name: 'W', steps: [work('a', [], { retry: { tries: 2, backoffMs: 1, jitter: false } })] };
    const lost = history().lost('a').failed('a', 'NO').ran('a', 7).ended('a', 'COMPLETED').over('COMPLETED');
    expect(interpret(definition, lost)).toMatchObject({ run: [{ status: 'COMPLETED', output: null }], faults: [] });
    const more = history().failed('a', 'NO').failed('a', 'NO').ran('a', 7).ended('a', 'COMPLETED').over('COMPLETED');
    expect(interpret(definition, more).steps.get('a')).toEqual([{ status: 'FAILED', code: 'NO' }]);
    expect(interpret(definition, more).faults).toEqual(['a: attempt 3 starts after the last try']);
  });

  it('counts a quorum', () => {
    const steps = [work('a'), work('b'), work('c')];
    const definition: WorkflowDefinition = {
      name: 'W',
      steps: [{ id: 'p', type: 'parallel', dependencies: [], steps, quorum: 2 }],
    };
    const reached = history().opened('p').ran('a', 1).ended('a', 'COMPLETED').ran('b', 2).ended('b', 'COMPLETED');
    const facts = reached.ended('c', 'SKIPPED').ended('p', 'COMPLETED').over('COMPLETED');
    expect(interpret(definition, facts)).toMatchObject({ faults: [] });
    expect(interpret(definition, facts).steps.get('p')).toEqual([{ status: 'COMPLETED' }]);
    expect(interpret(definition, facts).steps.get('c')).toEqual([{ status: 'SKIPPED' }]);
  });

  it('takes over what is done, and nothing that comes after what is not', () => {
    const steps = [work('a'), work('b', ['a'], { onFailure: 'continue' }), work('c', ['b']), work('d', ['a'])];
    const before = history().ran('a', 1).ended('a', 'COMPLETED').failed('b', 'NO').ended('b', 'FAILED');
    const facts = before.ran('c', 3).ended('c', 'COMPLETED').ended('d', 'CANCELLED').over('CANCELLED');
    expect([...takeOverOf(outlineOf({ name: 'W', steps }), facts).ends.keys()]).toEqual(['a']);
  });
});
