import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { toWireWorkflow } from '../../../src/client/convert/definition.ts';
import { toWorkflow } from '../../../src/client/convert/workflow.ts';
import { WorkflowSchema } from '../../../src/gen/yardmaster/v1/workflow_pb.ts';
import { readWorkflowValue } from '../../../src/workflow/index.ts';

test('a registered workflow lists the steps of every branch below their block, with the kind that runs show', () => {
  const { definition } = readWorkflowValue({
    name: 'Orders',
    steps: [
      { id: 'total', type: 'set', set: '${{ params.net }}' },
      {
        id: 'decide',
        type: 'condition',
        if: 'steps.total.output > 10',
        then: [{ id: 'ask', action: 'ask' }],
        else: [{ id: 'row', type: 'sequential', steps: [{ id: 'book', action: 'book' }] }],
      },
      {
        id: 'tell',
        type: 'switch',
        switch: 'params.by',
        cases: [{ equals: 'mail', steps: [{ id: 'write', action: 'mail' }] }],
        default: [{ id: 'log', action: 'log' }],
      },
    ],
  });
  const sent = fromBinary(WorkflowSchema, toBinary(WorkflowSchema, toWireWorkflow(definition)));
  const view = toWorkflow(create(WorkflowSchema, sent));
  expect(view.steps.map(({ id, kind, depth, action }) => [id, kind, depth, action])).toEqual([
    ['total', 'SET', 0, undefined],
    ['decide', 'CONDITION', 0, undefined],
    ['ask', 'AGENT', 1, 'ask'],
    ['row', 'SEQUENTIAL', 1, undefined],
    ['book', 'AGENT', 2, 'book'],
    ['tell', 'CONDITION', 0, undefined],
    ['write', 'AGENT', 1, 'mail'],
    ['log', 'AGENT', 1, 'log'],
  ]);
});

test('what belongs to a step stands right below it', () => {
  const { definition } = readWorkflowValue({
    name: 'Shop',
    steps: [
      {
        id: 'row',
        type: 'sequential',
        compensate: { id: 'undo-row', action: 'undo' },
        steps: [{ id: 'charge', action: 'charge', fallback: { id: 'invoice', action: 'mail' } }],
      },
    ],
  });
  const view = toWorkflow(create(WorkflowSchema, toWireWorkflow(definition)));
  expect(view.steps.map(({ id, depth, attached }) => [id, depth, attached])).toEqual([
    ['row', 0, undefined],
    ['undo-row', 1, 'compensate'],
    ['charge', 1, undefined],
    ['invoice', 2, 'fallback'],
  ]);
});
