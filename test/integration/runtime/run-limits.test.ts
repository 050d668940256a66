/** Each limit of a run: the last that is taken, and the first that is refused. */
import { expect, test, vi } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

const EVENTS_MAX = 60;

/** A run of 100,000 events takes long: the same code with a smaller number. */
vi.mock('../../../src/core/limits.ts', async (original) => {
  const module = await original<typeof import('../../../src/core/limits.ts')>();
  return { ...module, limits: { ...module.limits, journalEventsMax: 60 } };
});

function text(bytes: number): string {
  const overhead = encodeValue({ text: 'x'.repeat(bytes) }).length - bytes;
  return 'x'.repeat(bytes - overhead);
}

test('parameters have at most so many bytes', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  const whole = text(limits.parametersBytesMax);
  const run = await mesh.startWorkflow(flow([step('a')]), { text: whole });
  await mesh.advance('1s');
  expect((await run.result()).status).toBe('COMPLETED');
  await expect(mesh.startWorkflow(flow([step('a')]), { text: `${whole}x` })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    problems: [{ place: { pointer: 'parameters' } }],
  });
});

test('an expression reads at most so many bytes of a value', async () => {
  for (const [bytes, status] of [
    [limits.expressionReadBytesMax, 'COMPLETED'],
    [limits.expressionReadBytesMax + 1, 'FAILED'],
  ] as const) {
    await using mesh = await TestMesh.start();
    const big = { text: text(limits.expressionReadBytesMax) + 'x'.repeat(bytes - limits.expressionReadBytesMax) };
    mesh.agent('worker').setResponse('a', big).setResponse('b', 1);
    const steps = [step('a'), step('b', { parameters: { size: '${{ size(steps.a.output.text) }}' } })];
    const run = await mesh.startWorkflow(flow(steps));
    await mesh.advance('1s');
    const result = await run.result();
    expect(result.status).toBe(status);
    if (status === 'FAILED') expect(result.error?.code).toBe('LIMIT');
  }
});

test('a run has at most so many events, and then fails with LIMIT and nothing goes on', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').failWith('a', 'AGAIN');
  const run = await mesh.startWorkflow(flow([step('a', { retry: { tries: 1_000, backoff: 1, jitter: false } })]));
  await mesh.advance('30m');
  const result = await run.result();
  expect(result).toMatchObject({ status: 'FAILED', error: { code: 'LIMIT' } });
  const events = run.journal();
  // What had been decided in the same commit as the last event, and the end itself, stand behind the limit.
  expect(events.length).toBeGreaterThan(EVENTS_MAX);
  expect(events.length).toBeLessThan(EVENTS_MAX + 10);
  const calls = worker.calls.length;
  await mesh.advance('1h');
  expect(worker.calls).toHaveLength(calls);
});

test('a run of fewer events ends as it would', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'AGAIN');
  const run = await mesh.startWorkflow(flow([step('a', { retry: { tries: 10, backoff: 1, jitter: false } })]));
  await mesh.advance('30m');
  expect((await run.result()).error?.code).toBe('AGAIN');
  expect(run.journal().length).toBeLessThanOrEqual(EVENTS_MAX);
});

test('a step survives the loss of all instances but one of those that poison it', async () => {
  for (const [losses, status] of [
    [limits.lossesMax - 1, 'COMPLETED'],
    [limits.lossesMax, 'FAILED'],
  ] as const) {
    await using mesh = await TestMesh.start();
    for (const worker of mesh.agents('worker', losses)) worker.crashOn('a');
    const run = await mesh.startWorkflow(flow([step('a', { idempotent: true })]));
    await mesh.advance('1m');
    mesh.agent('survivor').setResponse('a', 1);
    await mesh.advance('1m');
    expect((await run.result()).status).toBe(status);
  }
});
