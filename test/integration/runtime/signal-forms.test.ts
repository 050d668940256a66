/** What is sent with a signal fits the form that the workflow states, or is refused with every problem. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { TestMesh } from '../../../src/testing/index.ts';
import { WorkflowBuilder } from '../../../src/workflow/builder/index.ts';
import { inspectWorkflow } from '../../../src/workflow/read.ts';
import { flow } from '../../unit/engine/flow.ts';

const form = {
  type: 'object',
  properties: {
    approved: { type: 'boolean' },
    amount: { type: 'integer', minimum: 1 },
    note: { type: 'string', default: 'none' },
  },
  required: ['approved'],
  additionalProperties: false,
};
const ask = { id: 'ask', type: 'signal', signal: 'go', form };

test('a payload that does not fit is refused with every problem, and the step goes on waiting', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([ask]));
  await expect(mesh.orchestrator.signal(run.id, 'go', { approved: 'yes', amount: 0, nots: 1 })).rejects.toMatchObject({
    code: 'SIGNAL_INVALID',
    message: `Cannot send signal "go" to run "${run.id}": what it says has 3 problems`,
    problems: [
      { code: 'SIGNAL_INVALID', message: 'payload.nots is not known; did you mean "note"?' },
      { code: 'SIGNAL_INVALID', message: 'payload.amount must be at least 1' },
      { code: 'SIGNAL_INVALID', message: 'payload.approved must be boolean, not string' },
    ],
  });
  await expect(mesh.orchestrator.signal(run.id, 'go')).rejects.toMatchObject({
    message: `Cannot send signal "go" to run "${run.id}": payload must be object, not null`,
  });
  expect(run.journal().map(({ type }) => type)).not.toContain('SignalReceived');
  expect((await mesh.orchestrator.getRun(run.id)).steps[0]).toMatchObject({
    status: 'WAITING',
    signal: { name: 'go', form },
  });
  await mesh.orchestrator.signal(run.id, 'go', { approved: true });
  await mesh.settle();
  expect((await run.result()).steps[0]?.status).toBe('COMPLETED');
});

test('defaults of the form are filled in, and what is kept is what the step gives', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([ask], { output: '${{ steps.ask.output.payload }}' }));
  await mesh.orchestrator.signal(run.id, 'go', { approved: true });
  await mesh.settle();
  expect((await run.result()).output).toEqual({ approved: true, note: 'none' });
});

test('a signal without a form takes anything, an unknown name and an ended run are still told first', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([ask, { id: 'more', type: 'signal', signal: 'more' }]));
  await expect(mesh.orchestrator.signal(run.id, 'og', 7)).rejects.toMatchObject({ code: 'SIGNAL_NOT_FOUND' });
  await mesh.orchestrator.signal(run.id, 'more', 7);
  await mesh.orchestrator.signal(run.id, 'go', { approved: false });
  await mesh.settle();
  expect((await run.result()).status).toBe('COMPLETED');
  await expect(mesh.orchestrator.signal(run.id, 'go', 'late')).rejects.toMatchObject({ code: 'RUN_OVER' });
});

test('the form is that of the version of the run, also after a restart', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([ask]));
  await mesh.registerWorkflow(flow([{ ...ask, form: { type: 'string' } }]));
  await mesh.restart();
  await expect(mesh.orchestrator.signal(run.id, 'go', 'text')).rejects.toMatchObject({ code: 'SIGNAL_INVALID' });
  await mesh.orchestrator.signal(run.id, 'go', { approved: true });
  await mesh.settle();
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a form of zod in the builder is that JSON Schema', () => {
  const { definition } = new WorkflowBuilder('Release')
    .signal('ask', { signal: 'go', form: z.object({ approved: z.boolean() }), timeout: '1d' })
    .signal('name', { signal: 'name', form: { type: 'string', minLength: 1 } })
    .build();
  expect(definition.steps).toMatchObject([
    { form: { type: 'object', properties: { approved: { type: 'boolean' } }, required: ['approved'] } },
    { form: { type: 'string', minLength: 1 } },
  ]);
});

test('a form that is no schema, that speaks of secrets, and two forms of one signal are problems with their places', () => {
  const text = [
    'name: Release',
    'steps:',
    '  - { id: a, type: signal, signal: go, form: { type: strin } }',
    '  - { id: b, type: signal, signal: stop, form: { properties: { key: { secret: true } } } }',
    '  - { id: c, type: signal, signal: wait, form: { type: string } }',
    '  - { id: d, type: signal, signal: wait, form: { type: number } }',
    '  - { id: e, type: signal, signal: wait }',
  ].join('\n');
  const { errors } = inspectWorkflow({ text, file: 'release.yaml', format: 'yaml' });
  expect(errors.map(({ code, message, place }) => `${place?.line} ${code} ${message}`)).toEqual([
    expect.stringMatching(/^3 BAD_SCHEMA /),
    '4 BAD_SCHEMA "secret" is for parameters of a run: what is sent with a signal is kept as it is',
    '6 BAD_FIELD step "d" waits for signal "wait" as "c" does, but with another form (line 5)',
    '7 BAD_FIELD step "e" waits for signal "wait" as "c" does, but with another form (line 5)',
  ]);
});
