/** Inputs and outputs by the schemas of the instance that gets or gave them; the agent is one of frames, which checks nothing. */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../src/core/json.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';
import { completed, hello, RawAgent } from './raw-agent.ts';

const IN = {
  type: 'object',
  properties: { rows: { type: 'integer', minimum: 1 }, table: { type: 'string' } },
  required: ['rows', 'table'],
};
const OUT = { type: 'object', properties: { count: { type: 'integer' } }, required: ['count'] };

type Schemas = { readonly in?: JsonObject; readonly out?: JsonObject };

async function offer(mesh: TestMesh, schemas: Schemas): Promise<RawAgent> {
  const said = hello('raw-1', []);
  const a = {
    name: 'a',
    version: '1.0.0',
    description: '',
    idempotent: false,
    concurrency: 0,
    timeoutMs: 0,
    lossWindowMs: 0,
    labels: {},
    inputSchema: schemas.in === undefined ? undefined : encodeValue(schemas.in),
    outputSchema: schemas.out === undefined ? undefined : encodeValue(schemas.out),
  };
  return new RawAgent(mesh).say({ ...said, state: { ...said.state, capabilities: [a] } });
}

const attempts = (run: TestRun) => run.history().map(({ path, number, outcome }) => `${path}#${number} ${outcome}`);

describe('an input', () => {
  test('that does not fit is not sent: its step fails with every problem, and the slot is free', async () => {
    await using mesh = await TestMesh.start();
    const raw = await offer(mesh, { in: IN });
    const run = await mesh.startWorkflow(
      flow([
        step('a', { parameters: { rows: 0 }, retries: 3, onFailure: 'continue' }),
        step('b', { action: 'a', parameters: { rows: 2, table: 't' } }),
      ]),
    );
    await mesh.advance('1s');
    expect(raw.assignments.map(({ path }) => path)).toEqual(['b']);
    await raw.say(completed(`${run.id}/b#1`, { done: true }));
    await expectReplay(mesh, run);
    expect(attempts(run)).toEqual(['a#1 REJECTED', 'b#1 COMPLETED']);
    const [failed] = (await run.result()).steps;
    expect(failed?.error).toMatchObject({
      code: 'INVALID_INPUT',
      message: 'The input does not fit the schema of a@1.0.0: input.table is missing; input.rows must be at least 1',
    });
  });

  test('with a schema that cannot be checked in bounded time is left to the agent', async () => {
    await using mesh = await TestMesh.start();
    const raw = await offer(mesh, { in: { $id: 'https://example.org/a', ...IN } });
    const { offers } = await mesh.orchestrator.api.fleet.listCapabilities({});
    expect(offers.map(({ unchecked }) => unchecked)).toEqual([['input: $id: "$id" is not supported']]);
    await mesh.startWorkflow(flow([step('a', { parameters: { rows: 0 } })]));
    await mesh.advance('1s');
    expect(raw.assignments).toHaveLength(1);
  });
});

describe('an output', () => {
  test('that does not fit fails the try, and the step is tried again', async () => {
    await using mesh = await TestMesh.start();
    const raw = await offer(mesh, { out: OUT });
    const run = await mesh.startWorkflow(flow([step('a', { retries: 1 })]));
    await mesh.advance('1s');
    await raw.say(completed(`${run.id}/a#1`, { count: 'many' }));
    await mesh.advance('2s');
    await raw.say(completed(`${run.id}/a#2`, { count: 3 }));
    await mesh.advance('1s');
    await expectReplay(mesh, run);
    expect(attempts(run)).toEqual(['a#1 FAILED', 'a#2 COMPLETED']);
    expect(raw.acks).toEqual(['a#1 ACCEPTED', 'a#2 ACCEPTED']);
    const [first] = (await run.result()).steps[0]?.attempts ?? [];
    expect(first?.error).toMatchObject({
      code: 'INVALID_OUTPUT',
      message: 'The output does not fit the schema of a@1.0.0: output.count must be integer, not string',
    });
  });
});
