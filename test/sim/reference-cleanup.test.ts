/** The reference interpreter by itself: fallbacks, compensations, tries of a run and its queue, of runs that nobody ran. */
import { describe, expect, it } from 'vitest';
import type { StepDefinition, WorkflowDefinition } from '../../src/workflow/definition.ts';
import { type History, history, work } from './paper-history.ts';
import { interpret } from './reference/interpreter.ts';
import { outlineOf } from './reference/outline.ts';
import { completeTries, faultsOfTries, takeUp } from './reference/run-tries.ts';
import { takeOverOf } from './reference/take-over.ts';

describe('the reference interpreter', () => {
  describe('of a fallback', () => {
    const definition: WorkflowDefinition = {
      name: 'W',
      steps: [
        work('a', [], {
          fallback: work('f', [], { parameters: { why: '${{ steps.a.status }} ${{ steps.a.error.code }}' } }),
        }),
        work('b', ['a'], { parameters: { n: '${{ steps.a.output }}', code: '${{ steps.a.error.code }}' } }),
      ],
    };

    it('ends the step with what the fallback gave, and keeps the failure beside it', () => {
      const helped = history().failed('a', 'NO').fellBack('a', 'NO').given('f', { why: 'FAILED NO' }).ran('f', 5);
      const facts = helped.ended('f', 'COMPLETED').ended('a', 'COMPLETED').given('b', { n: 5, code: 'NO' }).ran('b', 6);
      const { steps, run, faults } = interpret(definition, facts.ended('b', 'COMPLETED').over('COMPLETED'));
      expect(steps.get('a')).toEqual([{ status: 'COMPLETED', output: 5 }]);
      expect({ run, faults }).toEqual({ run: [{ status: 'COMPLETED', output: null }], faults: [] });
    });

    it('ends the step with its own first failure when the fallback fails, too', () => {
      const facts = history().failed('a', 'NO').fellBack('a', 'NO').failed('f', 'NEITHER').ended('f', 'FAILED');
      const { steps, run } = interpret(definition, facts.ended('a', 'FAILED').over('FAILED'));
      expect(steps.get('a')).toEqual([{ status: 'FAILED', code: 'NO' }]);
      expect(run).toEqual([{ status: 'FAILED' }]);
    });

    it('knows no failure without the fallback', () => {
      const facts = history().failed('a', 'NO').ended('a', 'FAILED').over('FAILED');
      expect(interpret(definition, facts).steps.get('a')).toEqual([]);
    });

    it('lets nothing fail the run that the fallback of a block handles', () => {
      const block: WorkflowDefinition = {
        name: 'W',
        steps: [{ id: 's', type: 'sequential', dependencies: [], steps: [work('a')], fallback: work('f') }],
      };
      const failed = history().opened('s').failed('a', 'NO').ended('a', 'FAILED').fellBack('s', 'NO');
      const facts = failed.ran('f', 1).ended('f', 'COMPLETED').ended('s', 'COMPLETED').over('COMPLETED');
      expect(interpret(block, facts)).toMatchObject({ run: [{ status: 'COMPLETED', output: null }], faults: [] });
    });
  });

  describe('of compensations', () => {
    const undone = (id: string, dependencies: readonly string[] = []): StepDefinition =>
      work(id, dependencies, { compensate: work(`${id}u`) });
    const definition: WorkflowDefinition = {
      name: 'W',
      steps: [undone('a'), undone('b', ['a']), undone('c', ['b'])],
      finally: [work('z')],
    };
    const untilFailure = () =>
      history()
        .ran('a', 1)
        .ended('a', 'COMPLETED')
        .ran('b', 2)
        .ended('b', 'COMPLETED')
        .failed('c', 'NO')
        .ended('c', 'FAILED')
        .ending('FAILED');

    it('undoes what completed, the last one first, before `finally`', () => {
      const facts = untilFailure().ran('bu', 1).ended('bu', 'COMPLETED').ran('au', 1).ended('au', 'COMPLETED');
      const { steps, faults } = interpret(definition, facts.ran('z', 1).ended('z', 'COMPLETED').over('FAILED'));
      expect(faults).toEqual([]);
      expect([...steps.keys()]).toEqual(['a', 'au', 'b', 'bu', 'c', 'z']);
    });

    it('sees another order, one that is left out, and one beside `finally`', () => {
      const forward = untilFailure().ran('au', 1).ended('au', 'COMPLETED').ran('bu', 1).ended('bu', 'COMPLETED');
      expect(interpret(definition, forward.ran('z', 1).ended('z', 'COMPLETED').over('FAILED')).faults).toEqual([
        'au: it runs before bu is over',
      ]);
      const left = untilFailure().ran('bu', 1).ended('bu', 'COMPLETED').ran('z', 1).ended('z', 'COMPLETED');
      const { steps, faults } = interpret(definition, left.over('FAILED'));
      expect(steps.get('au')).toEqual([]);
      expect(faults).toEqual(['au: it does not run, and nobody is told']);
      const beside = untilFailure().ran('z', 1).ended('z', 'COMPLETED').ran('bu', 1).ended('bu', 'COMPLETED');
      expect(interpret(definition, beside.ran('au', 1).ended('au', 'COMPLETED').over('FAILED')).faults).toEqual([
        'z: it starts before au is over',
      ]);
    });

    it('undoes nothing of a run that completed', () => {
      const steps = [undone('a')];
      const facts = history().ran('a', 1).ended('a', 'COMPLETED').ending('COMPLETED').ran('au', 1);
      expect(interpret({ name: 'W', steps }, facts.ended('au', 'COMPLETED').over('COMPLETED')).faults).toEqual([
        'au: there is nothing for it to undo',
      ]);
    });

    it('takes over what was not undone, and nothing that was', () => {
      const facts = untilFailure().failed('bu', 'NO').ended('bu', 'FAILED').over('FAILED');
      expect([...takeOverOf(outlineOf(definition), facts).ends.keys()]).toEqual(['a']);
    });
  });

  describe('of another try of the run', () => {
    const definition: WorkflowDefinition = { name: 'W', retries: 1, steps: [work('a'), work('b'), work('c', ['b'])] };
    const first = () =>
      history().ran('a', 1).ended('a', 'COMPLETED').failed('b', 'NO').ended('b', 'FAILED').ended('c', 'SKIPPED');

    it('keeps what is done, and starts again what is not', () => {
      const again = history({ try: 2 }).ran('b', 2).ended('b', 'COMPLETED').ran('c', 3).ended('c', 'COMPLETED');
      const [one, two] = completeTries(definition, [first().triedAgain(), again.over('COMPLETED')]);
      expect(two && interpret(definition, two)).toMatchObject({
        run: [{ status: 'COMPLETED', output: null }],
        faults: [],
      });
      expect(two?.steps.get('a')).toEqual({ ...one?.steps.get('a'), isKept: true, startsAgain: false });
    });

    it('sees a step that starts again although it is done, and one that does not start', () => {
      const again = history({ try: 2 }).ran('a', 1).ended('a', 'COMPLETED').ran('b', 2).ended('b', 'COMPLETED');
      const [, two] = completeTries(definition, [first().triedAgain(), again.over('COMPLETED')]);
      const judged = two && interpret(definition, two);
      expect(judged?.faults).toEqual(['a: it starts again, and is done']);
      expect(judged?.steps.get('c')).toEqual([]);
    });

    it('counts the tries', () => {
      const failed = history().failed('b', 'NO').ended('b', 'FAILED').over('FAILED');
      expect([...faultsOfTries(definition, [failed])]).toEqual(['try 1 is the last']);
      expect([...faultsOfTries({ ...definition, retries: 0 }, [failed])]).toEqual([]);
      expect([...faultsOfTries({ ...definition, retries: 0 }, [first().triedAgain()])]).toEqual([
        'try 1 is not the last',
      ]);
    });

    it('keeps the iterations of a loop that ended', () => {
      const loop: WorkflowDefinition = {
        name: 'W',
        retries: 1,
        steps: [
          { id: 'l', type: 'loop', dependencies: [], until: 'iteration >= 2', maxIterations: 3, body: [work('x')] },
        ],
      };
      const failed = history().opened('l').iterates('l', 1).ran('l/1/x', 1).ended('l/1/x', 'COMPLETED');
      const before = failed.iterated('l').iterates('l', 2).failed('l/2/x', 'NO').ended('l/2/x', 'FAILED');
      const after = history({ try: 2 })
        .opened('l')
        .iterates('l', 2)
        .ran('l/2/x', 7)
        .ended('l/2/x', 'COMPLETED')
        .iterated('l');
      const tries = [before.ended('l', 'FAILED').triedAgain(), after.ended('l', 'COMPLETED').over('COMPLETED')];
      const [, two] = completeTries(loop, tries);
      const judged = two && interpret(loop, two);
      expect(judged?.faults).toEqual([]);
      expect(judged?.steps.get('l')).toEqual([{ status: 'COMPLETED', output: 7 }]);
    });
  });

  it('lets nothing begin in a run that never left the queue, which only a cancel ends', () => {
    const definition = { name: 'W', steps: [work('a')] };
    const queued = history().ended('a', 'SKIPPED').over('CANCELLED');
    queued.startedAt = undefined;
    expect(interpret(definition, queued)).toMatchObject({ run: [], faults: [] });
    queued.cancels.push({ position: 0, at: 0 });
    expect(interpret(definition, queued).run).toEqual([{ status: 'CANCELLED' }]);
    const begun = history().ran('a', 1).ended('a', 'COMPLETED').over('CANCELLED');
    begun.startedAt = undefined;
    expect(interpret(definition, begun).faults).toEqual([': a begins in a run that is QUEUED']);
  });

  it('knows what a run kept from what begins in it, also when it never left the queue', () => {
    const loop: WorkflowDefinition = {
      name: 'W',
      steps: [{ id: 'l', type: 'loop', dependencies: [], until: 'false', maxIterations: 3, body: [work('x')] }],
    };
    const once = history().opened('l').iterates('l', 1).ran('l/1/x', 1).ended('l/1/x', 'COMPLETED').iterated('l');
    const before = once
      .iterates('l', 2)
      .failed('l/2/x', 'NO')
      .ended('l/2/x', 'FAILED')
      .ended('l', 'FAILED')
      .over('FAILED');
    const taken = takeOverOf(outlineOf(loop), before);
    const faultsOf = (run: History): readonly string[] => {
      const facts = run.over('CANCELLED');
      facts.startedAt = undefined;
      facts.cancels.push({ position: 0, at: 0 });
      return interpret(loop, takeUp(outlineOf(loop), taken, before, facts), taken).faults;
    };
    expect(faultsOf(history())).toEqual([]);
    expect(faultsOf(history().opened('l'))).toContain(': l begins in a run that is QUEUED');
  });
});
