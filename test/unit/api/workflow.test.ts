import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { Faults } from '../../../src/control-plane/api/convert/faults.ts';
import { readDefinition, writeWorkflow } from '../../../src/control-plane/api/convert/workflow.ts';
import { StepSchema } from '../../../src/gen/yardmaster/v1/step_pb.ts';
import { WorkflowSchema } from '../../../src/gen/yardmaster/v1/workflow_pb.ts';
import { canonicalWorkflow } from '../../../src/workflow/canonical.ts';
import type { WorkflowDefinition } from '../../../src/workflow/definition.ts';

const EVERYTHING: WorkflowDefinition = {
  name: 'everything',
  label: 'Every field',
  description: 'has all of them',
  parameters: { type: 'object', properties: { n: { type: 'number', minimum: 0.5 } } },
  timeoutMs: 90_500,
  retries: 2,
  concurrency: { limit: 3, overflow: 'reject' },
  priority: 'high',
  output: { total: '${{ steps.sum.output }}', list: [1, null, true, 'x'] },
  cleanupTimeoutMs: 1_000,
  labels: { team: 'data' },
  metadata: { owner: { name: 'ops' } },
  steps: [
    {
      type: 'agent',
      id: 'sum',
      name: 'Sum',
      description: 'adds',
      dependencies: [],
      when: 'params.n > 0',
      runOn: 'always',
      totalTimeoutMs: 60_000,
      output: '${{ result.sum }}',
      assert: 'output > 0',
      metadata: { cost: 3 },
      action: 'add',
      agentId: 'adder',
      version: '^1.2',
      agentLabels: { region: 'eu' },
      parameters: { n: '${{ params.n }}' },
      onFailure: 'continue',
      timeoutMs: 0,
      queueTimeoutMs: 5_000,
      heartbeatTimeoutMs: 1_500,
      retry: {
        tries: 3,
        backoffMs: 250,
        factor: 1.5,
        maxBackoffMs: 10_000,
        jitter: false,
        nonRetryable: ['BAD'],
        onDifferentAgent: true,
        onAssert: true,
      },
      priority: 'low',
      idempotent: false,
      lossWindowMs: 45_000,
      concurrencyKey: { key: 'n-${{ params.n }}', limit: 2 },
      fallback: { type: 'agent', id: 'sum-by-hand', dependencies: [], action: 'ask', timeoutMs: 1_000 },
      compensate: { type: 'agent', id: 'unsum', dependencies: [], action: 'undo', parameters: { n: 1 } },
    },
    {
      type: 'parallel',
      id: 'both',
      dependencies: ['sum'],
      concurrency: 2,
      onFailure: 'failFast',
      steps: [{ type: 'agent', id: 'left', dependencies: [], action: 'x' }],
    },
    {
      type: 'parallel',
      id: 'any',
      dependencies: [],
      quorum: 1,
      steps: [{ type: 'agent', id: 'first', dependencies: [], action: 'x' }],
    },
    {
      type: 'loop',
      id: 'poll',
      dependencies: [],
      until: 'last.done',
      body: [{ type: 'agent', id: 'ask', dependencies: [], action: 'x' }],
      maxIterations: 9,
      onMaxIterations: 'stop',
      delayMs: 1_500,
      onFailure: 'continue',
    },
    {
      type: 'loop',
      id: 'again',
      dependencies: [],
      while: 'iteration < 3',
      body: [{ type: 'agent', id: 'more', dependencies: [], action: 'x' }],
      maxIterations: 3,
    },
    {
      type: 'map',
      id: 'each',
      dependencies: [],
      items: 'params.rows',
      step: { type: 'agent', id: 'do', dependencies: [], action: 'x', parameters: '${{ item }}' },
      concurrency: 7,
      onFailure: 'continue',
      output: { of: '${{ result }}' },
    },
    {
      type: 'map',
      id: 'some',
      dependencies: [],
      items: ['a', '${{ params.n }}', null],
      step: {
        type: 'sequential',
        id: 'row',
        dependencies: [],
        steps: [{ type: 'agent', id: 'in-row', dependencies: [], action: 'x' }],
      },
      quorum: 2,
    },
    {
      type: 'sequential',
      id: 'line',
      dependencies: [],
      onFailure: 'fail',
      runOn: 'failure',
      steps: [{ type: 'agent', id: 'one', dependencies: [], action: 'x', idempotent: true }],
    },
    {
      type: 'condition',
      id: 'decide',
      dependencies: ['line'],
      if: 'params.n > 1',
      then: [{ type: 'set', id: 'large', dependencies: [], set: { n: '${{ params.n }}' } }],
      else: [{ type: 'set', id: 'small', dependencies: [], set: null, onFailure: 'continue' }],
      onFailure: 'continue',
      totalTimeoutMs: 5_000,
    },
    {
      type: 'switch',
      id: 'pick',
      dependencies: [],
      switch: 'params.kind',
      cases: [
        { equals: 'a', steps: [{ type: 'agent', id: 'of-a', dependencies: [], action: 'x' }] },
        { equals: null, steps: [] },
        { equals: 1.5, steps: [] },
        { equals: false, steps: [] },
      ],
      default: [{ type: 'agent', id: 'of-none', dependencies: [], action: 'x' }],
    },
    { type: 'wait', id: 'for', dependencies: [], forMs: 1_500, onFailure: 'continue' },
    { type: 'wait', id: 'for-data', dependencies: [], for: '${{ params.n }}' },
    { type: 'wait', id: 'until', dependencies: [], until: '2026-12-01T09:00:00Z', totalTimeoutMs: 5 },
    {
      type: 'signal',
      id: 'ask',
      dependencies: [],
      signal: 'go',
      title: 'Go?',
      answerers: ['ann', 'ben'],
      timeoutMs: 60_000,
      default: { yes: false },
      onFailure: 'fail',
    },
    { type: 'signal', id: 'hear', dependencies: [], signal: 'stop' },
    {
      type: 'workflow',
      id: 'call',
      dependencies: [],
      workflow: 'other',
      version: 3,
      parameters: { n: '${{ params.n }}' },
      output: 'result.n',
      onFailure: 'continue',
    },
    { type: 'workflow', id: 'plain', dependencies: [], workflow: 'other' },
  ],
  finally: [{ type: 'agent', id: 'tidy', dependencies: [], action: 'y' }],
};

function register(definition: WorkflowDefinition) {
  const row = { namespace: 'default', name: definition.name, version: 2, hash: 'h', definition: '', createdAt: 1 };
  return { row, definition, created: true, warnings: [] };
}

function roundTrip(definition: WorkflowDefinition): WorkflowDefinition {
  const wire = toBinary(WorkflowSchema, writeWorkflow(register(definition)));
  const faults = new Faults('INVALID_ARGUMENT');
  const read = readDefinition(faults, fromBinary(WorkflowSchema, wire));
  faults.throwIfAny('read');
  return read;
}

describe('definitions on the wire', () => {
  it('come back as they were, every field of them', () => {
    expect(canonicalWorkflow(roundTrip(EVERYTHING))).toBe(canonicalWorkflow(EVERYTHING));
  });

  it('add nothing to a definition that states little', () => {
    const small: WorkflowDefinition = {
      name: 's',
      steps: [{ type: 'agent', id: 'a', dependencies: [], action: 'x' }],
    };
    expect(roundTrip(small)).toEqual(small);
  });

  it('name each field that is wrong', () => {
    const wire = create(WorkflowSchema, {
      name: 'w',
      timeout: { seconds: -5n },
      output: { kind: { case: 'numberValue', value: Number.NaN } },
      steps: [
        create(StepSchema, { id: 'a' }),
        create(StepSchema, { id: 'b', block: { case: 'agent', value: { retry: { backoff: { nanos: -1 } } } } }),
        create(StepSchema, { id: 'm', onFailure: 2, block: { case: 'map', value: { step: { id: 'n' } } } }),
        create(StepSchema, {
          id: 'o',
          block: { case: 'map', value: { items: { kind: { case: 'listValue', value: {} } } } },
        }),
      ],
    });
    const faults = new Faults('INVALID_ARGUMENT');
    readDefinition(faults, wire);
    expect(faults.problems.map(({ place }) => place?.pointer).sort()).toEqual([
      'output',
      'steps[0].block',
      'steps[1].agent.retry.backoff',
      'steps[2].map.items',
      'steps[2].map.step.block',
      'steps[2].on_failure',
      'steps[3].map.step',
      'timeout',
    ]);
  });
});
