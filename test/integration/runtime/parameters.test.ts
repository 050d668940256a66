/** The parameters that a run keeps: what was given, and the defaults of the schema. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';

const SCHEMA = {
  type: 'object',
  properties: { table: { type: 'string' }, limit: { type: 'integer', default: 10 } },
  required: ['table', 'limit'],
};

function workflowOf(parameters: object) {
  return flow(
    [step('a', { parameters: '${{ params }}' }), step('b', { parameters: { limit: '${{ params.limit }}' } })],
    {
      parameters,
    },
  );
}

test.each([
  ['inline in the journal', 10],
  ['a blob', 20_000],
])('defaults are stored with the run (%s) and are the same after a restart', async (_, size) => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '10s').setResponse('b', 2);
  const text = 'x'.repeat(size);
  const note = { type: 'string', default: text };
  const parameters = { ...SCHEMA, properties: { ...SCHEMA.properties, note } };
  const run = await mesh.startWorkflow(workflowOf(parameters), { table: 'orders' });
  await mesh.advance('5s');
  await mesh.restart();
  await mesh.advance('30s');
  await expectReplay(mesh, run);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls[0]?.input).toEqual({ table: 'orders', limit: 10, note: text });
  expect(worker.calls.at(-1)?.input).toEqual({ limit: 10 });
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
});

test('a start that is refused draws no id and writes nothing to the journal', async () => {
  const idAfter = async (isRefusedBefore: boolean): Promise<string> => {
    await using mesh = await TestMesh.start();
    const workflow = workflowOf(SCHEMA);
    await mesh.registerWorkflow(workflow);
    if (isRefusedBefore) await mesh.controlPlane.startRun(bare).catch(() => undefined);
    expect(mesh.data.runs.size).toBe(0);
    return (await mesh.startWorkflow('Flow', { table: 'orders' })).id;
  };
  const bare = {
    namespace: 'default',
    workflow: 'Flow',
    version: 0,
    parameters: Uint8Array.of(42, 0),
    requestId: 'once',
    priority: undefined,
    labels: {},
  };
  expect(await idAfter(true)).toBe(await idAfter(false));
});

test('the run keeps the schema of its version', async () => {
  await using mesh = await TestMesh.start();
  await mesh.registerWorkflow(workflowOf({}));
  await mesh.registerWorkflow(workflowOf(SCHEMA));
  await expect(mesh.startWorkflow('Flow', {})).rejects.toThrow('parameters.table is missing');
  await expect(mesh.startWorkflow('Flow', {}, { version: 1 })).resolves.toMatchObject({});
});
