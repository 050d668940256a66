/** `concurrency` and `retries` of a workflow and `concurrencyKey` of a step, in every form that they are written in. */
import { describe, expect, test } from 'vitest';
import { toWireWorkflow } from '../../../src/client/convert/definition.ts';
import { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readDefinition } from '../../../src/control-plane/api/convert/workflow.ts';
import { limits } from '../../../src/core/limits.ts';
import { WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';
import { inspectWorkflowValue, readWorkflow, readWorkflowValue } from '../../../src/workflow/index.ts';

function read(more: object, step: object = {}): WorkflowDefinition {
  return readWorkflowValue({ name: 'W', ...more, steps: [{ id: 'a', action: 'a', ...step }] }).definition;
}

function problems(more: object, step: object = {}): readonly string[] {
  const { errors } = inspectWorkflowValue({ name: 'W', ...more, steps: [{ id: 'a', action: 'a', ...step }] });
  return errors.map(({ code, message, place }) => `${code} ${place?.pointer}: ${message}`);
}

function overTheWire(definition: WorkflowDefinition): WorkflowDefinition {
  return readDefinition(new Faults('register'), toWireWorkflow(definition));
}

describe('concurrency', () => {
  test('is a number or an object, in YAML as in JSON', () => {
    expect(read({ concurrency: 5 }).concurrency).toEqual({ limit: 5 });
    expect(read({ concurrency: { limit: 5 } }).concurrency).toEqual({ limit: 5 });
    const text = 'name: W\nconcurrency: { limit: 2, overflow: cancelOldest }\nsteps: [{ id: a, action: a }]\n';
    const { definition } = readWorkflow({ text, format: 'yaml' });
    expect(definition.concurrency).toEqual({ limit: 2, overflow: 'cancelOldest' });
    expect(compileWorkflow(read({ concurrency: 5 }), 1).concurrency).toEqual({ limit: 5, overflow: 'queue' });
    expect(compileWorkflow(read({}), 1).concurrency).toBeUndefined();
  });

  test('is the same from the builder and over the wire', () => {
    for (const concurrency of [3, { limit: 1, overflow: 'reject' }] as const) {
      const built = new WorkflowBuilder('W').concurrency(concurrency).step('a', { action: 'a' }).build();
      expect(built.definition).toEqual(read({ concurrency }));
      expect(overTheWire(built.definition)).toEqual(built.definition);
    }
  });

  test('has problems that say what it should be', () => {
    expect(problems({ concurrency: 'five' })).toEqual([
      'BAD_FIELD concurrency: workflow "W": "concurrency" must be a whole number, or an object such as { limit: 5, overflow: queue }',
    ]);
    expect(problems({ concurrency: { limitt: 2, overflow: 'drop' } })).toEqual([
      'BAD_FIELD concurrency.limitt: workflow "W": "concurrency.limitt" is not a member; did you mean "limit"?',
      'BAD_FIELD concurrency: workflow "W": "concurrency" has no "limit"',
      'BAD_FIELD concurrency.overflow: workflow "W": "concurrency.overflow" must be one of queue, reject, cancelOldest',
    ]);
  });

  test.each([
    [0, false],
    [1, true],
    [1.5, false],
    [limits.concurrencyMax, true],
    [limits.concurrencyMax + 1, false],
  ])('of %d is taken: %s', (limit, isTaken) => {
    expect(problems({ concurrency: limit }).length === 0).toBe(isTaken);
    expect(problems({ concurrency: { limit } }).length === 0).toBe(isTaken);
  });
});

describe('retries of a workflow', () => {
  test.each([
    [-1, false],
    [0, true],
    [limits.runRetriesMax, true],
    [limits.runRetriesMax + 1, false],
  ])('of %d are taken: %s', (retries, isTaken) => {
    expect(problems({ retries }).length === 0).toBe(isTaken);
  });

  test('are tries after the first; none leaves no trace', () => {
    expect(read({ retries: 0 })).toEqual(read({}));
    expect(compileWorkflow(read({}), 1).tries).toBe(1);
    expect(compileWorkflow(read({ retries: 2 }), 1).tries).toBe(3);
    const built = new WorkflowBuilder('W').retries(2).step('a', { action: 'a' }).build();
    expect(built.definition).toEqual(read({ retries: 2 }));
    expect(overTheWire(built.definition)).toEqual(built.definition);
  });
});

describe('concurrencyKey', () => {
  test('is text or an object, from the builder too, and the same over the wire', () => {
    expect(read({}, { concurrencyKey: 'db' }).steps).toMatchObject([{ concurrencyKey: { key: 'db' } }]);
    const built = new WorkflowBuilder('W')
      .step('a', { action: 'a', concurrencyKey: 'db' })
      .step('b', { action: 'b', concurrencyKey: ({ steps }) => steps.a.agent })
      .step('c', { action: 'c', concurrencyKey: { key: ({ run }) => run.id, limit: 2 } })
      .build();
    const keys = built.definition.steps.map((step) => (step.type === 'agent' ? step.concurrencyKey : undefined));
    expect(keys).toEqual([{ key: 'db' }, { key: '${{ steps.a.agent }}' }, { key: '${{ run.id }}', limit: 2 }]);
    expect(overTheWire(built.definition)).toEqual(built.definition);
  });

  test.each([
    [{ concurrencyKey: '' }, 'BAD_FIELD steps[0].concurrencyKey: step "a": "concurrencyKey" is empty'],
    [
      { concurrencyKey: 5 },
      'BAD_FIELD steps[0].concurrencyKey: step "a": "concurrencyKey" must be text, or an object such as { key: db, limit: 2 }',
    ],
    [
      { concurrencyKey: { key: 'db', limit: limits.keyLimitMax + 1 } },
      `BAD_FIELD steps[0].concurrencyKey: step "a": "concurrencyKey" must be a whole number from 1 to ${limits.keyLimitMax}`,
    ],
    [
      { concurrencyKey: '${{ steps.b.output }}' },
      'UNKNOWN_STEP steps[0].concurrencyKey: "concurrencyKey" of step "a" reads a step that does not exist',
    ],
  ])('%j is refused', (step, problem) => {
    expect(problems({}, step)).toEqual([expect.stringContaining(problem)]);
  });

  test('takes the largest limit, and no secret', () => {
    expect(problems({}, { concurrencyKey: { key: 'db', limit: limits.keyLimitMax } })).toEqual([]);
    const secret = { concurrencyKey: "${{ secret('DB') }}" };
    expect(problems({ secrets: ['DB'] }, secret).length).toBeGreaterThan(0);
  });
});
