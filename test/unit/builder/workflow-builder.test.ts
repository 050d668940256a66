import { describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { isYardmasterError, type Problem } from '../../../src/core/errors.ts';
import { cel, WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import { clean, extract, notify } from './capabilities.ts';

function nightly() {
  return new WorkflowBuilder('Nightly')
    .description('Copy a table every night')
    .params(z.object({ table: z.string() }))
    .step('extract', { action: extract, parameters: ({ params }) => ({ table: params.table }) })
    .step('clean', {
      action: clean,
      retries: 2,
      timeout: '1m',
      when: ({ steps }) => cel<boolean>`${steps.extract.output.bytes} > 0`,
      parameters: ({ steps }) => ({ rows: steps.extract.output.rows }),
    })
    .output(({ steps }) => ({ kept: steps.clean.output.kept }));
}

function problemsOf(build: () => unknown): readonly Problem[] {
  try {
    build();
  } catch (error) {
    return isYardmasterError(error) ? error.problems : [];
  }
  return [];
}

describe('the typed form', () => {
  test('becomes the normal form, with expressions as text and every edge stated', () => {
    expect(nightly().build()).toEqual({
      id: 'Nightly',
      name: 'Nightly',
      definition: {
        name: 'Nightly',
        description: 'Copy a table every night',
        parameters: { type: 'object', properties: { table: { type: 'string' } }, required: ['table'] },
        output: { kept: '${{ steps.clean.output.kept }}' },
        steps: [
          {
            id: 'extract',
            type: 'agent',
            action: 'extract',
            version: '^1.2.0',
            dependencies: [],
            parameters: { table: '${{ params.table }}' },
          },
          {
            id: 'clean',
            type: 'agent',
            action: 'clean',
            dependencies: ['extract'],
            when: 'steps.extract.output.bytes > 0',
            timeoutMs: 60_000,
            retry: { tries: 3 },
            parameters: { rows: '${{ steps.extract.output.rows }}' },
          },
        ],
      },
    });
  });

  test('build() calls each callback once', () => {
    const parameters = vi.fn(() => ({ table: 'orders' }));
    new WorkflowBuilder('Once').step('a', { action: extract, parameters }).build();
    expect(parameters).toHaveBeenCalledTimes(1);
  });

  test('what is built is frozen, and building again gives the same', () => {
    const builder = nightly();
    const workflow = builder.build();
    expect(() => Object.assign(workflow.definition.steps[0] ?? {}, { action: 'other' })).toThrow(TypeError);
    expect(builder.build()).toEqual(workflow);
  });

  test('a whole recorder, a nested one and a list of them are templates', () => {
    const source = new WorkflowBuilder('Templates')
      .step('a', { action: extract, parameters: { table: 't' } })
      .step('whole', { action: 'x', parameters: ({ steps }) => steps.a.output })
      .step('nested', {
        action: 'x',
        parameters: ({ steps, run }) => ({ deep: [{ first: steps.a.output.rows[0].id }], run: run.id }),
      })
      .toSource();
    expect(source.steps).toMatchObject([
      {},
      { parameters: '${{ steps.a.output }}' },
      { parameters: { deep: [{ first: '${{ steps.a.output.rows[0].id }}' }], run: '${{ run.id }}' } },
    ]);
  });

  test('text in a callback that looks like an expression stays text', () => {
    const stolen = '${{ steps.a.output }}';
    const { definition } = new WorkflowBuilder('Quoted')
      .step('a', { action: extract, parameters: () => ({ table: stolen }) })
      .output(() => 'steps.a.output')
      .build();
    expect(definition.steps[0]).toMatchObject({ parameters: { table: `\${{ ${JSON.stringify(stolen)} }}` } });
    expect(definition.output).toBe('${{ "steps.a.output" }}');
  });

  test('a callback may leave a member undefined', () => {
    const { definition } = new WorkflowBuilder('Optional')
      .step('a', { action: 'x', parameters: () => ({ a: undefined }) })
      .build();
    expect(definition.steps[0]).toMatchObject({ parameters: {} });
  });

  test('finally steps run after the body', () => {
    const { definition } = nightly()
      .finally('tell', { action: notify, parameters: ({ steps }) => ({ text: steps.extract.status }) })
      .finally('tidy', { action: 'tidy' })
      .build();
    expect(definition.finally).toMatchObject([
      { id: 'tell', dependencies: [], parameters: { text: '${{ steps.extract.status }}' } },
      { id: 'tidy', dependencies: ['tell'] },
    ]);
  });

  test('settings of the workflow reach the definition', () => {
    const { definition } = new WorkflowBuilder('Settings')
      .label('A title')
      .timeout('5m')
      .cleanupTimeout(1_000)
      .priority('high')
      .labels({ team: 'data' })
      .metadata({ owner: { name: 'ops' } })
      .step('a', { action: 'x' })
      .build();
    expect(definition).toMatchObject({
      label: 'A title',
      timeoutMs: 300_000,
      cleanupTimeoutMs: 1_000,
      priority: 'high',
      labels: { team: 'data' },
      metadata: { owner: { name: 'ops' } },
    });
  });
});

describe('branches and values', () => {
  test('become the normal form: callbacks of every branch are recorded, each branch is a row of its own', () => {
    const { definition } = new WorkflowBuilder('Branches')
      .params(z.object({ table: z.string(), n: z.number() }))
      .set('limits', { set: ({ params }) => ({ n: cel<number>`${params.n} + 1`, note: '${{ no }}' }) })
      .condition('decide', {
        if: ({ steps }) => cel<boolean>`${steps.limits.output.n} > 4`,
        then: [
          { id: 'fetch', action: extract, parameters: ({ params }) => ({ table: params.table }) },
          { id: 'tidy', action: clean, parameters: ({ steps }) => ({ rows: steps.fetch.output.rows }) },
        ],
        else: [{ id: 'tell', action: notify }],
        onFailure: 'continue',
      })
      .switch('by-table', {
        switch: ({ params }) => params.table,
        cases: [{ equals: 'orders', steps: [{ id: 'orders', action: 'x', parameters: ({ run }) => run.id }] }],
        default: [{ id: 'rest', type: 'set', set: 1 }],
      })
      .build();
    expect(definition.steps).toEqual([
      {
        id: 'limits',
        type: 'set',
        dependencies: [],
        set: { n: '${{ params.n + 1 }}', note: '${{ "${{ no }}" }}' },
      },
      {
        id: 'decide',
        type: 'condition',
        dependencies: ['limits'],
        if: 'steps.limits.output.n > 4',
        onFailure: 'continue',
        then: [
          {
            id: 'fetch',
            type: 'agent',
            action: 'extract',
            version: '^1.2.0',
            dependencies: [],
            parameters: { table: '${{ params.table }}' },
          },
          {
            id: 'tidy',
            type: 'agent',
            action: 'clean',
            dependencies: ['fetch'],
            parameters: { rows: '${{ steps.fetch.output.rows }}' },
          },
        ],
        else: [{ id: 'tell', type: 'agent', action: 'notify', dependencies: [] }],
      },
      {
        id: 'by-table',
        type: 'switch',
        dependencies: ['decide'],
        switch: 'params.table',
        cases: [
          {
            equals: 'orders',
            steps: [{ id: 'orders', type: 'agent', action: 'x', dependencies: [], parameters: '${{ run.id }}' }],
          },
        ],
        default: [{ id: 'rest', type: 'set', dependencies: [], set: 1 }],
      },
    ]);
  });

  test('name the place of what cannot be recorded', () => {
    const builder = new WorkflowBuilder('Wrong')
      .condition('c', { if: () => true as unknown as string, then: [{ id: 'a', action: 'x' }] })
      .switch('s', {
        switch: 'params',
        cases: [{ equals: 1, steps: [{ id: 'b', type: 'set', set: () => Number.NaN }] }],
      });
    expect(problemsOf(() => builder.build()).map(({ place, message }) => [place?.pointer, message])).toEqual([
      ['steps[0].if', 'steps[0].if is a boolean, not an expression'],
      ['steps[1].cases[0].steps[0].set', 'steps[1].cases[0].steps[0].set is NaN, which JSON cannot say'],
    ]);
  });
});

describe('a definition that is wrong', () => {
  test('is refused with every problem of the callbacks at once', () => {
    const builder = new WorkflowBuilder('Wrong')
      .step('a', { action: 'x', parameters: () => new Map() })
      .step('b', { action: 'x', parameters: ({ steps }) => ({ n: Number.NaN, a: steps.a.output }) });
    expect(() => builder.build()).toThrow(
      expect.objectContaining({
        code: 'WORKFLOW_INVALID',
        problems: [
          expect.objectContaining({
            message: expect.stringContaining('a Map'),
            place: { pointer: 'steps[0].parameters' },
          }),
          expect.objectContaining({ message: expect.stringContaining('steps[1].parameters.n is NaN') }),
        ],
      }),
    );
  });

  test('is refused with every problem of the graph and of its expressions at once', () => {
    const builder = new WorkflowBuilder('Graph')
      .step('a', { action: 'x', when: 'steps.later.output > 0' })
      .step('a', { action: 'x', parameters: { text: '${{ 1 + }}' } })
      .step('later', { action: 'x', dependencies: ['nobody'] });
    expect(() => builder.build()).toThrow(expect.objectContaining({ code: 'WORKFLOW_INVALID' }));
    const codes = problemsOf(() => builder.build()).map((problem) => problem.code);
    expect(codes).toEqual(
      expect.arrayContaining(['DUPLICATE_ID', 'UNKNOWN_DEPENDENCY', 'BAD_EXPRESSION', 'NOT_UPSTREAM']),
    );
  });

  test('parameters without a JSON form are refused', () => {
    const builder = new WorkflowBuilder('Dated').params(z.object({ at: z.date() })).step('a', { action: 'x' });
    expect(() => builder.build()).toThrow(
      expect.objectContaining({ code: 'WORKFLOW_INVALID', message: expect.stringContaining('params: Date cannot') }),
    );
  });

  test('a JavaScript comparison is no condition', () => {
    const isTrue: unknown = true;
    const builder = new WorkflowBuilder('Compared').step('a', { action: 'x', when: () => isTrue as string });
    expect(() => builder.build()).toThrow('steps[0].when is a boolean, not an expression');
  });

  test('an error of the callback itself is thrown as it is', () => {
    const builder = new WorkflowBuilder('Throws').step('a', {
      action: 'x',
      parameters: () => {
        throw new RangeError('mine');
      },
    });
    expect(() => builder.build()).toThrow(RangeError);
  });
});
