/** Parameters of runs over a real port: refused before a run exists, with every problem, and without holding anybody up. */
import { describe, expect, test } from 'vitest';
import { Orchestrator } from '../../../src/client/index.ts';
import { isYardmasterError, type YardmasterError } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { hostileSchemas } from '../../unit/parameters/hostile.ts';
import { Mesh } from './mesh.ts';

const SCHEMA: JsonObject = {
  type: 'object',
  properties: {
    table: { type: 'string', pattern: '^[a-z]+$' },
    rows: { type: 'array', items: { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] } },
    limit: { type: 'integer', default: 10, maximum: 100 },
    password: { type: 'string', secret: true },
  },
  required: ['table', 'limit'],
  additionalProperties: false,
};

function workflowOf(parameters: JsonObject, name = 'Nightly') {
  return { name, parameters, secrets: ['DB_PASSWORD'], steps: [{ id: 'a', action: 'a' }], output: '${{ params }}' };
}

async function refusalOf(call: Promise<unknown>): Promise<YardmasterError> {
  try {
    await call;
  } catch (error) {
    if (isYardmasterError(error)) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

async function withClient(use: (client: Orchestrator) => Promise<void>): Promise<void> {
  await using mesh = await Mesh.start();
  await using client = new Orchestrator({ url: mesh.rig.url });
  await use(client);
}

describe('a start with parameters that do not fit', () => {
  test('is refused with every problem and its place, and leaves nothing but an entry of the audit log', () =>
    withClient(async (client) => {
      await client.registerWorkflow(workflowOf(SCHEMA));
      // A secret parameter that is null is for the schema to judge.
      const params = { table: 'Orders', rows: [{ id: 1 }, { id: 'x' }, {}], limit: 101, tabel: 1, password: null };
      const error = await refusalOf(client.startWorkflow('Nightly', params, { requestId: 'once' }));
      expect(error.code).toBe('PARAMETERS_INVALID');
      expect(error.message).toBe('Cannot start "Nightly": its parameters have 6 problems');
      expect(error.meta).toMatchObject({ status: 'INVALID_ARGUMENT', problems: '6', problemCount: '6' });
      expect(error.problems.map(({ place }) => place?.pointer).sort()).toEqual([
        'parameters.limit',
        'parameters.password',
        'parameters.rows[1].id',
        'parameters.rows[2].id',
        'parameters.tabel',
        'parameters.table',
      ]);
      expect(await client.listRuns()).toEqual([]);
      const [refused, ...before] = await client.listAudit();
      expect(refused).toMatchObject({ action: 'run.start', outcome: 'REFUSED', errorCode: 'PARAMETERS_INVALID' });
      expect(before.map(({ action }) => action)).toEqual(['workflow.register']);
      // The request id is still free: what was refused started nothing.
      const run = await client.startWorkflow('Nightly', { table: 'orders' }, { requestId: 'once' });
      expect((await client.listRuns()).map(({ runId }) => runId)).toEqual([run.id]);
    }));

  test('names one problem in its message', () =>
    withClient(async (client) => {
      await client.registerWorkflow(workflowOf(SCHEMA));
      const { message, problems } = await refusalOf(client.startWorkflow('Nightly', {}));
      expect(message).toBe('Cannot start "Nightly": parameters.table is missing');
      expect(problems).toHaveLength(1);
    }));

  test('is refused for the value of a secret, which is shown nowhere, and for the rest at once', () =>
    withClient(async (client) => {
      await client.registerWorkflow(workflowOf(SCHEMA));
      const refusal = { code: 'PARAMETERS_INVALID', problems: [{ place: { pointer: 'parameters.password' } }, {}] };
      const value = { table: 'Orders', password: 'hunter2' };
      const error = await refusalOf(client.startWorkflow('Nightly', value));
      expect(error).toMatchObject(refusal);
      const run = await client.startWorkflow('Nightly', { table: 'orders', password: 'secret:DB_PASSWORD' });
      const changed = await refusalOf(client.rerunRun(run.id, { parameters: value }));
      expect(changed).toMatchObject(refusal);
      const shown = [error, changed].map(({ message, meta, problems, next }) => ({ message, meta, problems, next }));
      expect(JSON.stringify([shown, await client.listAudit()])).not.toContain('hunter2');
    }));
});

test('a default of a secret parameter is a name as well', () =>
  withClient(async (client) => {
    const withDefault = (value: string) =>
      workflowOf({ properties: { password: { type: 'string', secret: true, default: value } } });
    await client.registerWorkflow(withDefault('hunter2'));
    const { code, message } = await refusalOf(client.startWorkflow('Nightly', {}));
    expect(code).toBe('PARAMETERS_INVALID');
    expect(message).not.toContain('hunter2');
    expect(await client.listRuns()).toEqual([]);
    await client.registerWorkflow(withDefault('secret:DB_PASSWORD'));
    const run = await client.startWorkflow('Nightly', {});
    expect((await client.getRun(run.id)).status).not.toBe('FAILED');
  }));

test('a repeat under the same request id is answered before its parameters are looked at', () =>
  withClient(async (client) => {
    await client.registerWorkflow(workflowOf({}));
    const first = await client.startWorkflow('Nightly', { any: 1 }, { requestId: 'once' });
    await client.registerWorkflow(workflowOf(SCHEMA));
    const again = await client.startWorkflow('Nightly', { any: 1 }, { requestId: 'once' });
    expect(again.id).toBe(first.id);
    expect((await refusalOf(client.startWorkflow('Nightly', { any: 1 }))).code).toBe('PARAMETERS_INVALID');
  }));

test('a schema that cannot be used is refused when it is registered', () =>
  withClient(async (client) => {
    const { api } = client;
    const text = JSON.stringify(workflowOf({ properties: { p: { type: 'text', $ref: 'http://elsewhere' } } }));
    const source = { case: 'source' as const, value: { text, file: 'nightly.json' } };
    const error = await refusalOf(api.workflows.registerWorkflow({ definition: source }));
    expect(error.code).toBe('WORKFLOW_INVALID');
    expect(error.problems.map(({ code, place }) => [code, place?.file, place?.line])).toEqual([
      ['BAD_SCHEMA', 'nightly.json', 1],
      ['BAD_SCHEMA', 'nightly.json', 1],
    ]);
    await client.ready();
    expect(client.listWorkflows()).toEqual([]);
  }));

test.each(hostileSchemas)(
  '%s: the caller gets SCHEMA_TOO_COSTLY, others are answered meanwhile, and no run exists',
  (_, schema, value) =>
    withClient(async (client) => {
      await client.registerWorkflow(workflowOf(schema, 'Hostile'));
      await client.registerWorkflow(workflowOf({ type: 'object', required: ['a'] }, 'Plain'));
      let isOver = false;
      const hostile = refusalOf(client.startWorkflow('Hostile', value)).finally(() => {
        isOver = true;
      });
      let meanwhile = 0;
      while (!isOver) {
        await client.startWorkflow('Plain', { a: 1 });
        if (!isOver) meanwhile += 1;
      }
      expect(await hostile).toMatchObject({ code: 'SCHEMA_TOO_COSTLY', meta: { status: 'RESOURCE_EXHAUSTED' } });
      expect(meanwhile).toBeGreaterThan(5);
      expect(await client.listRuns({ workflow: 'Hostile' })).toEqual([]);
      // It goes on with a new thread.
      expect((await refusalOf(client.startWorkflow('Hostile', value))).code).toBe('SCHEMA_TOO_COSTLY');
    }),
);
