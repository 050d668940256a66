/** What agents get in place of references, what is kept instead, and what becomes of it when it comes back. */
import { describe, expect, test } from 'vitest';
import { decodeValue } from '../../../src/core/value.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';

const KEY = 'k-7f3a9c-canary';
const secrets = { API_KEY: KEY };
const listed = { secrets: ['API_KEY'] };

/** The journal as text, inline values decoded. */
function written(mesh: TestMesh, run: TestRun): string {
  return JSON.stringify(mesh.journal(run.id), (_, value) => (value instanceof Uint8Array ? decodeValue(value) : value));
}

test('an agent gets the value; the journal and the run keep the reference', async () => {
  await using mesh = await TestMesh.start({ secrets });
  const worker = mesh.agent('worker').setResponse('call', { ok: true });
  const parameters = { key: 'secret:API_KEY', header: "Bearer ${{ secret('API_KEY') }}", n: '${{ params.n }}' };
  const run = await mesh.startWorkflow(flow([step('call', { parameters })], listed), { n: 7 });
  await mesh.settle();
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls[0]?.input).toEqual({ key: KEY, header: `Bearer ${KEY}`, n: 7 });
  expect(written(mesh, run)).not.toContain(KEY);
  expect(written(mesh, run)).toContain('{"header":"Bearer secret:API_KEY","key":"secret:API_KEY","n":7}');
  await expectReplay(mesh, run);
});

test('data that looks like a reference stays data', async () => {
  await using mesh = await TestMesh.start({ secrets });
  const worker = mesh.agent('worker').setResponse('find', 'secret:API_KEY').setResponse('call', 1);
  const parameters = { a: '${{ params.a }}', b: '${{ steps.find.output }}', c: "${{ secret('API_KEY') }}" };
  const run = await mesh.startWorkflow(flow([step('find'), step('call', { parameters })], listed), {
    a: 'secret:API_KEY',
  });
  await mesh.settle();
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls[1]?.input).toEqual({ a: 'secret:API_KEY', b: 'secret:API_KEY', c: KEY });
});

describe('a secret parameter', () => {
  const parameters = { type: 'object', properties: { key: { type: 'string', secret: true } } };
  const workflow = flow([step('call', { parameters: '${{ params }}' })], { ...listed, parameters });

  test('names a secret of the list', async () => {
    await using mesh = await TestMesh.start({ secrets });
    const worker = mesh.agent('worker').setResponse('call', 1);
    const run = await mesh.startWorkflow(workflow, { key: 'secret:API_KEY', other: 'secret:API_KEY' });
    await mesh.settle();
    expect((await run.result()).status).toBe('COMPLETED');
    expect(worker.calls[0]?.input).toEqual({ key: KEY, other: 'secret:API_KEY' });
  });

  test.each(['hunter2-in-the-clear', 'secret:OTHER', 5])('refuses %j, and does not show it', async (key) => {
    await using mesh = await TestMesh.start({ secrets });
    await mesh.registerWorkflow(workflow);
    const refused = await mesh.orchestrator.startWorkflow('Flow', { key }).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'PARAMETERS_INVALID',
      message: expect.stringContaining('takes a name, one of secret:API_KEY, and no value'),
    });
    expect(JSON.stringify(refused)).not.toMatch(/hunter2|OTHER/);
  });

  test('is refused together with everything else that is wrong, each place once', async () => {
    await using mesh = await TestMesh.start({ secrets });
    const key = { type: 'object', additionalProperties: false, secret: true };
    const properties = { key, n: { type: 'integer' }, token: { type: 'string', secret: true } };
    const step1 = step('call', { parameters: '${{ params }}' });
    await mesh.registerWorkflow(flow([step1], { ...listed, parameters: { ...parameters, properties } }));
    const given = { key: { hunter2: 'in the clear' }, token: 5, n: 'many' };
    const refused = mesh.orchestrator.startWorkflow('Flow', given);
    await expect(refused).rejects.toMatchObject({
      code: 'PARAMETERS_INVALID',
      message: 'Cannot start "Flow": its parameters have 3 problems',
      problems: [
        { message: 'parameters.key is secret: it takes a name, one of secret:API_KEY, and no value' },
        { message: 'parameters.token is secret: it takes a name, one of secret:API_KEY, and no value' },
        { message: 'parameters.n must be integer, not string' },
      ],
    });
    expect(await mesh.orchestrator.listRuns()).toEqual([]);
  });
});

describe('a secret that is missing', () => {
  test('fails the step at once, without another try, and nobody gets the attempt', async () => {
    await using mesh = await TestMesh.start({ secrets: {} });
    const worker = mesh.agent('worker').setResponse('call', 1).setResponse('other', 2);
    const parameters = { key: 'secret:API_KEY' };
    const steps = [step('call', { parameters, retries: 3, onFailure: 'continue' }), step('other')];
    const run = await mesh.startWorkflow(flow(steps, listed));
    await mesh.settle();
    const result = await run.result();
    expect(result.status).toBe('COMPLETED');
    expect(run).toHaveHistory(['call#1 HANDED_BACK', 'other#1 COMPLETED']);
    expect(worker.calls.map(({ action }) => action)).toEqual(['other']);
    expect(result.steps[0]).toMatchObject({
      status: 'FAILED',
      error: {
        code: 'SECRET_MISSING',
        message: expect.stringContaining(
          'Cannot read secret "API_KEY": there is no secret "API_KEY" among those that the program gave',
        ),
      },
    });
    await expectReplay(mesh, run);
  });
});

describe('what comes back', () => {
  test('is cleared in results, failures, logs, progress and checkpoints, of later steps, too', async () => {
    await using mesh = await TestMesh.start({ secrets });
    const encoded = Buffer.from(`user:${KEY}`).toString('base64');
    const worker = mesh.agent('worker');
    worker.setResponse('call', (_input, context) => {
      context.progress(0.5, `half of ${KEY}`);
      context.log.info(`got ${KEY}`, { key: KEY, [KEY]: 1 });
      context.checkpoint({ at: 1, key: KEY });
      return { key: KEY, [KEY]: [encoded] };
    });
    worker.setResponse('fail', () => {
      throw Object.assign(new Error(`no access with ${KEY}`), { code: 'DENIED', details: { key: KEY } });
    });
    const steps = [step('call', { parameters: { key: 'secret:API_KEY' } }), step('fail')];
    const run = await mesh.startWorkflow(flow(steps, { ...listed, output: '${{ steps.call.output }}' }));
    await mesh.settle();
    const result = await run.result();
    expect(JSON.stringify(result)).not.toContain(KEY);
    expect(result.steps[0]?.output).toMatchObject({ key: '[secret API_KEY]' });
    expect(result.steps[1]?.error?.message).toBe('no access with [secret API_KEY]');
    expect(written(mesh, run)).not.toContain(KEY);
    expect(JSON.stringify([...mesh.data.blobs.entries(), ...mesh.data.tasks.entries()])).not.toContain(KEY);
  });

  test('is cleared after a restart, when the value is read again', async () => {
    await using mesh = await TestMesh.start({ secrets });
    mesh
      .agent('worker')
      .setDelay('call', '10s')
      .setResponse('call', (input) => input);
    const run = await mesh.startWorkflow(flow([step('call', { parameters: { key: 'secret:API_KEY' } })], listed));
    await mesh.advance('1s');
    await mesh.restart();
    await mesh.advance('20s');
    expect(run).toHaveHistory(['call#1 COMPLETED']);
    expect((await run.result()).steps[0]?.output).toEqual({ key: '[secret API_KEY]' });
    expect(written(mesh, run)).not.toContain(KEY);
  });

  test('is refused after a restart without the value: what cannot be cleared is not kept', async () => {
    const values: Record<string, string> = { ...secrets };
    await using mesh = await TestMesh.start({ secrets: values });
    mesh
      .agent('worker')
      .setDelay('call', '10s')
      .setResponse('call', (input) => input);
    const steps = [step('call', { parameters: { key: 'secret:API_KEY' }, retries: 2 })];
    const run = await mesh.startWorkflow(flow(steps, listed));
    await mesh.advance('1s');
    delete values.API_KEY;
    await mesh.restart();
    await mesh.advance('20s');
    expect(run).toHaveHistory(['call#1 FAILED']);
    expect((await run.result()).error).toMatchObject({ code: 'SECRET_MISSING' });
    expect(written(mesh, run)).not.toContain(KEY);
  });

  test.each([20_000, 400_000])('is cleared in an output of %d characters', async (size) => {
    await using mesh = await TestMesh.start({ secrets });
    mesh.agent('worker').setResponse('call', () => ({ text: 'x'.repeat(size) + KEY + 'y'.repeat(size) }));
    const run = await mesh.startWorkflow(flow([step('call', { parameters: { key: 'secret:API_KEY' } })], listed));
    await mesh.advance('1s');
    const result = await run.result();
    expect(result.steps[0]?.status).toBe('COMPLETED');
    const { state } = await mesh.controlPlane.getRun('default', run.id);
    const output = state.root.steps[0]?.detail?.output;
    const bytes = output === undefined ? undefined : await mesh.controlPlane.readValue(run.id, output);
    expect(decodeValue(bytes ?? new Uint8Array())).toEqual({
      text: `${'x'.repeat(size)}[secret API_KEY]${'y'.repeat(size)}`,
    });
  });
});

test('what comes back in an upload is cleared also when the run has ended', async () => {
  await using mesh = await TestMesh.start({ secrets });
  // Whatever it is told meanwhile.
  mesh.agent('worker').setResponse('call', async () => {
    await mesh.sleep('60s');
    return { text: 'x'.repeat(400_000) + KEY };
  });
  const steps = [step('call', { parameters: { key: 'secret:API_KEY' }, timeout: '1s' })];
  const run = await mesh.startWorkflow(flow(steps, listed));
  await mesh.advance('30s');
  expect(run).toHaveHistory(['call#1 TIMED_OUT']);
  expect((await run.result()).status).toBe('FAILED');
  await mesh.advance('60s');
  const blobs = [...mesh.data.blobs.values()].flatMap((blobs) =>
    [...blobs.values()].map((parts) => Buffer.concat(parts).toString('latin1')),
  );
  expect(blobs.map((text) => [text.includes(KEY), text.includes('[secret API_KEY]')])).toEqual([[false, true]]);
});

test.each([
  [20_000, 'COMPLETED'],
  [400_000, 'FAILED'],
])('an input of %d characters with a secret in it: %s', async (size, status) => {
  await using mesh = await TestMesh.start({ secrets });
  const worker = mesh.agent('worker').setResponse('call', 1);
  const parameters = { key: 'secret:API_KEY', text: '${{ params.text }}' };
  const run = await mesh.startWorkflow(flow([step('call', { parameters })], listed), { text: 'x'.repeat(size) });
  await mesh.advance('1s');
  const result = await run.result();
  expect(result.status).toBe(status);
  if (status === 'COMPLETED') expect(worker.calls[0]?.input).toMatchObject({ key: KEY });
  else expect([result.error?.code, worker.calls.length]).toEqual(['LIMIT', 0]);
});
