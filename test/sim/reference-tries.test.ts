/** What the reference interpreter says another try keeps inside of loops and maps, of runs that nobody ran. */
import { describe, expect, it } from 'vitest';
import type {
  LoopStepDefinition,
  MapStepDefinition,
  StepDefinition,
  WorkflowDefinition,
} from '../../src/workflow/definition.ts';
import { type History, history, work } from './paper-history.ts';
import type { RunFacts } from './reference/facts.ts';
import { type Interpretation, interpret } from './reference/interpreter.ts';
import { outlineOf } from './reference/outline.ts';
import { completeTries, takeUp } from './reference/run-tries.ts';
import { type TakeOver, takeOverOf } from './reference/take-over.ts';

const workflow = (step: StepDefinition): WorkflowDefinition => ({ name: 'W', retries: 1, steps: [step] });

const loopOf = (body: readonly StepDefinition[], more: Partial<LoopStepDefinition> = {}): WorkflowDefinition =>
  workflow({ id: 'l', type: 'loop', dependencies: [], until: 'iteration >= 2', maxIterations: 3, body, ...more });

const mapOf = (more: Partial<MapStepDefinition> = {}): WorkflowDefinition =>
  workflow({ id: 'm', type: 'map', dependencies: [], items: '[5, 6, 7]', step: work('do'), ...more });

/** The second of two tries of the run. */
function second(definition: WorkflowDefinition, before: History, after: History): Interpretation {
  const [, last] = completeTries(definition, [before.triedAgain(), after.over('COMPLETED')]);
  if (last === undefined) throw new Error('there are two');
  return interpret(definition, last);
}

function taken(definition: WorkflowDefinition, before: RunFacts): TakeOver {
  return takeOverOf(outlineOf(definition), before);
}

/** A new run that is another try of one that ended. */
function retried(definition: WorkflowDefinition, before: RunFacts, after: RunFacts): Interpretation {
  const kept = taken(definition, before);
  return interpret(definition, takeUp(outlineOf(definition), kept, before, after), kept);
}

const did = (run: History, path: string, output: number): History =>
  run.ran(path, output).ended(path, 'COMPLETED', { output });
const failed = (run: History, path: string): History => run.failed(path, 'NO').ended(path, 'FAILED');

describe('another try, to the reference interpreter', () => {
  describe('of a loop', () => {
    const body = [work('x'), work('y', ['x'], { parameters: { x: '${{ steps.x.output }}', last: '${{ last }}' } })];
    const cut = (): History => {
      const first = did(did(history().opened('l').iterates('l', 1), 'l/1/x', 1), 'l/1/y', 2).iterated('l');
      return failed(did(first.iterates('l', 2), 'l/2/x', 3), 'l/2/y').ended('l', 'FAILED');
    };
    const goesOn = (run: History): History =>
      did(run.opened('l').iterates('l', 2).given('l/2/y', { x: 3, last: 2 }), 'l/2/y', 4)
        .iterated('l')
        .ended('l', 'COMPLETED');

    it('goes on in the iteration that was cut short, after the steps that are done', () => {
      const { steps, faults } = second(loopOf(body), cut(), goesOn(history({ try: 2 })));
      expect(faults).toEqual([]);
      expect(steps.get('l')).toEqual([{ status: 'COMPLETED', output: 4 }]);
    });

    it('goes on in a new run, too, where those steps were over from the beginning', () => {
      const after = goesOn(history().takenOver('l/2/x', 3)).over('COMPLETED');
      const { steps, faults } = retried(loopOf(body), cut().over('FAILED'), after);
      expect(faults).toEqual([]);
      expect(steps.get('l')).toEqual([{ status: 'COMPLETED', output: 4 }]);
      const without = history()
        .opened('l')
        .iterates('l', 2)
        .given('l/2/x', {})
        .ran('l/2/x', 3)
        .ended('l/2/x', 'COMPLETED');
      const again = did(without, 'l/2/y', 4).iterated('l').ended('l', 'COMPLETED').over('COMPLETED');
      expect(retried(loopOf(body), cut().over('FAILED'), again).faults).toContain('l/2/x: it is not taken over');
    });

    it('sees one that begins again with its first iteration, and a step that is done twice', () => {
      const anew = history({ try: 2 }).opened('l').iterates('l', 1).ended('l', 'COMPLETED');
      expect(second(loopOf(body), cut(), anew).faults).toContain('l: iteration 1 begins as number 2');
      const twice = did(history({ try: 2 }).opened('l').iterates('l', 2), 'l/2/x', 3);
      expect(second(loopOf(body), cut(), goesOn(twice)).faults).toContain('l/2/x: it starts again, and is done');
    });

    it('asks nothing again for the iterations that ended', () => {
      const asked = { while: 'run.try == 1 || iteration > 2', onMaxIterations: 'stop', maxIterations: 2 } as const;
      const { until: _, ...loop } = { ...loopOf(body).steps[0], ...asked } as LoopStepDefinition;
      expect(second(workflow(loop), cut(), goesOn(history({ try: 2 })))).toMatchObject({ faults: [] });
    });

    it('counts the attempts of a step since its iteration began', () => {
      const counted = [
        work('x'),
        work('y', ['x'], { onFailure: 'continue' }),
        work('z', ['y'], { parameters: '${{ steps.y.attempt }}' }),
      ];
      const first = failed(did(history().opened('l').iterates('l', 1), 'l/1/x', 3), 'l/1/y');
      const before = failed(first.given('l/1/z', 1), 'l/1/z').ended('l', 'FAILED');
      const again = did(history({ try: 2 }).opened('l').iterates('l', 1), 'l/1/y', 1).given('l/1/z', 2);
      const after = did(again, 'l/1/z', 1).iterated('l').ended('l', 'COMPLETED');
      expect(second(loopOf(counted, { until: 'true' }), before, after).faults).toEqual([]);
    });

    it('begins anew when it ran as often as it may, or when something in it was undone', () => {
      const full = did(history().opened('l').iterates('l', 1), 'l/1/x', 1)
        .iterated('l')
        .ended('l', 'FAILED')
        .over('FAILED');
      expect([...taken(loopOf([work('x')], { maxIterations: 1 }), full).bodies]).toEqual([]);
      const undone = loopOf([work('x', [], { compensate: work('u') }), work('y', ['x'])]);
      const before = failed(did(history().opened('l').iterates('l', 1), 'l/1/x', 1), 'l/1/y').ended('l', 'FAILED');
      expect([...taken(undone, before.ending('FAILED').left()).bodies.keys()]).toEqual(['l']);
      expect([...taken(undone, before.ran('l/1/u', 1).ended('l/1/u', 'COMPLETED').over('FAILED')).bodies]).toEqual([]);
    });

    it('begins an iteration anew in which everything was done, or nothing', () => {
      const once = did(history().opened('l').iterates('l', 1), 'l/1/x', 1).iterated('l').iterates('l', 2);
      const cutOf = (run: History): number | undefined =>
        taken(loopOf([work('x')]), run.ended('l', 'FAILED').over('FAILED')).bodies.get('l')?.cut;
      expect(cutOf(failed(once, 'l/2/x'))).toBeUndefined();
      const all = did(history().opened('l').iterates('l', 1), 'l/1/x', 1).iterated('l').iterates('l', 2);
      expect(cutOf(did(all, 'l/2/x', 2))).toBeUndefined();
    });

    it('keeps a loop and a map that stand in the iteration that was cut short', () => {
      const inner: StepDefinition = {
        id: 'k',
        type: 'loop',
        dependencies: [],
        until: 'false',
        maxIterations: 9,
        body: [work('x')],
      };
      const items: StepDefinition = { id: 'm', type: 'map', dependencies: [], items: '[1, 2]', step: work('do') };
      const both: StepDefinition = { id: 'p', type: 'parallel', dependencies: [], steps: [inner, items] };
      const run = did(
        history().opened('l').iterates('l', 1).opened('l/1/p').opened('l/1/k').iterates('l/1/k', 1),
        'l/1/k/1/x',
        1,
      );
      failed(run.iterated('l/1/k').iterates('l/1/k', 2), 'l/1/k/2/x').ended('l/1/k', 'FAILED');
      failed(did(run.mapped('l/1/m', [1, 2]).item('l/1/m', 0).item('l/1/m', 1), 'l/1/m/1/do', 8), 'l/1/m/0/do');
      const facts = run.ended('l/1/m', 'FAILED').ended('l/1/p', 'FAILED').ended('l', 'FAILED').over('FAILED');
      const { bodies } = taken(loopOf([both]), facts);
      expect(
        [...bodies].map(([path, { iterations, cut, items: done }]) => [
          path,
          iterations.length,
          cut,
          done.map(({ number }) => number),
        ]),
      ).toEqual([
        ['l', 0, 1, []],
        ['l/1/k', 1, undefined, []],
        ['l/1/m', 0, undefined, [1]],
      ]);
    });
  });

  describe('of a map', () => {
    const partly = (): History => {
      const run = history().mapped('m', [5, 6, 7]).item('m', 0).item('m', 1).item('m', 2);
      return failed(did(did(run, 'm/2/do', 70), 'm/0/do', 50), 'm/1/do').ended('m', 'FAILED');
    };
    const rest = (run: History): History =>
      did(run.mapped('m', [5, 6, 7]).item('m', 1), 'm/1/do', 60).ended('m', 'COMPLETED');

    it('does the items that did not complete, and gives what all of them gave in the order of the list', () => {
      const { steps, faults } = second(mapOf(), partly(), rest(history({ try: 2 })));
      expect(faults).toEqual([]);
      expect(steps.get('m')).toEqual([{ status: 'COMPLETED', output: [50, 60, 70] }]);
    });

    it('does so in a new run, which undoes none of the items before', () => {
      const definition = mapOf({ step: work('do', [], { compensate: work('u') }) });
      // Its cleanup was ended before anything was undone.
      const killed = (): RunFacts =>
        partly().ending('FAILED').ended('m/0/u', 'SKIPPED', { reason: 'RUN_ENDING' }).over('FAILED');
      const well = retried(definition, killed(), rest(history()).over('COMPLETED'));
      expect(well.faults).toEqual([]);
      expect(well.steps.get('m')).toEqual([{ status: 'COMPLETED', output: [50, 60, 70] }]);
      const ended = failed(history().mapped('m', [5, 6, 7]).item('m', 1), 'm/1/do')
        .ended('m', 'FAILED')
        .ending('FAILED');
      const { faults } = retried(definition, killed(), did(ended, 'm/0/u', 1).over('FAILED'));
      expect(faults).toEqual(['m/0/u: there is nothing for it to undo']);
    });

    it('sees another list, and an item that is done twice', () => {
      const other = did(history({ try: 2 }).mapped('m', [5, 6]).item('m', 1), 'm/1/do', 60).ended('m', 'COMPLETED');
      expect(second(mapOf({ items: 'run.try == 1 ? [5, 6, 7] : [5, 6]' }), partly(), other).faults).toContain(
        'm: its items are [5,6] instead of [5,6,7]',
      );
      const twice = did(history({ try: 2 }).mapped('m', [5, 6, 7]).item('m', 0), 'm/0/do', 1).item('m', 1);
      expect(second(mapOf(), partly(), did(twice, 'm/1/do', 60).ended('m', 'COMPLETED')).faults).toEqual(
        expect.arrayContaining(['m/0/do: it starts again, and is done', 'm: item 0 begins instead of 1, of 3']),
      );
    });

    it('begins anew when all that it needs had completed', () => {
      const all = did(did(history().mapped('m', [5, 6]).item('m', 0).item('m', 1), 'm/0/do', 1), 'm/1/do', 2);
      const facts = all.ended('m', 'FAILED').over('FAILED');
      expect([...taken(mapOf({ items: '[5, 6]', assert: 'false' }), facts).bodies]).toEqual([]);
    });
  });
});
