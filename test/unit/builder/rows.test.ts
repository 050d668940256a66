/** Steps inside a block that a callback builds: the same workflow as from literals. */
import { expect, test } from 'vitest';
import { isYardmasterError } from '../../../src/core/errors.ts';
import { cel, WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import { clean, extract } from './capabilities.ts';

function problemsOf(builder: { toSource(): unknown }): unknown[] {
  try {
    builder.toSource();
  } catch (error) {
    return isYardmasterError(error)
      ? error.problems.map(({ place, message, next }) => [place?.pointer, message, next])
      : [];
  }
  return [];
}

test('a row of a callback becomes what the same steps as literals become, at any depth', () => {
  const rows = new WorkflowBuilder('Rows')
    .condition('decide', {
      if: 'params.big',
      then: (row) =>
        row.step('fetch', { action: extract, parameters: { table: 'x' } }).loop('poll', {
          until: 'last.kept > 3',
          maxIterations: 9,
          body: (body) =>
            body.step('tidy', { action: clean, parameters: ({ steps }) => ({ rows: steps.fetch.output.rows }) }),
        }),
      else: (row) =>
        row.map('each', {
          items: 'params.tables',
          step: (one) => one.step('get', { action: extract, parameters: ({ item }) => ({ table: item }) }),
        }),
    })
    .sequential('after', { steps: (row) => row.set('sum', { set: cel<number>`1 + 1` }).wait('rest', { for: '1s' }) });
  const literals = new WorkflowBuilder('Rows')
    .condition('decide', {
      if: 'params.big',
      then: [
        { id: 'fetch', action: extract, parameters: { table: 'x' } },
        {
          id: 'poll',
          type: 'loop',
          until: 'last.kept > 3',
          maxIterations: 9,
          body: [{ id: 'tidy', action: clean, parameters: { rows: '${{ steps.fetch.output.rows }}' } }],
        },
      ],
      else: [
        {
          id: 'each',
          type: 'map',
          items: 'params.tables',
          step: { id: 'get', action: extract, parameters: { table: '${{ item }}' } },
        },
      ],
    })
    .sequential('after', {
      steps: [
        { id: 'sum', type: 'set', set: '${{ 1 + 1 }}' },
        { id: 'rest', type: 'wait', for: '1s' },
      ],
    });
  expect(rows.build()).toEqual(literals.build());
});

test('each build calls the callbacks anew', () => {
  const builder = new WorkflowBuilder('Again').sequential('row', { steps: (row) => row.step('a', { action: 'x' }) });
  expect(builder.toSource()).toEqual(builder.toSource());
});

test('a problem inside a row is told with its place', () => {
  const builder = new WorkflowBuilder('Bad').sequential('row', {
    steps: (row) => row.step('a', { action: 'x' }).step('b', { action: 'x', parameters: () => ({ at: new Date(0) }) }),
  });
  expect(problemsOf(builder)).toEqual([
    ['steps[0].steps[1].parameters', expect.stringContaining('a Date'), expect.anything()],
  ]);
});

test('a callback that answers no row, or a map with another number of steps than one, is refused', () => {
  const builder = new WorkflowBuilder('Bad')
    // As JavaScript may: the types refuse it.
    .sequential('none', { steps: (() => []) as never })
    .map('two', { items: [1], step: (row) => row.step('a', { action: 'x' }).step('b', { action: 'x' }) })
    .map('zero', { items: [1], step: (row) => row });
  expect(problemsOf(builder)).toEqual([
    [
      'steps[0].steps',
      'steps[0].steps answers a Array, not the row that it builds',
      'answer what the last call answers: (row) => row.step(...).step(...)',
    ],
    ['steps[1].step', 'steps[1].step builds 2 steps, not one', 'put them into one block: (row) => row.sequential(...)'],
    ['steps[2].step', 'steps[2].step builds 0 steps, not one', 'put them into one block: (row) => row.sequential(...)'],
  ]);
});
