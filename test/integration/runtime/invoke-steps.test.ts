/** Calls of handlers whose steps stand in loops and maps, fall back, or are being stopped; and calls while the run is paused. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { child, flow, loop, map, step } from '../../unit/engine/flow.ts';
import { ASKING, callOfWork, callsOf, endsOf, ordersOf } from './call-stage.ts';

test('each item of a map and each iteration of a loop has calls of its own under the same key', async () => {
  await using mesh = await TestMesh.start();
  const callee = mesh.agent('callee', { slots: 50 }).setResponse('work', ({ n }) => n * 10);
  mesh
    .agent('caller')
    .setResponse('ask', ({ n }, { invoke }) => invoke('work', { n }, { key: 'k' }))
    .setResponse('again', ({ n }, { invoke }) => invoke('work', { n }, { key: 'k' }));
  const run = await mesh.startWorkflow(
    flow(
      [
        map('all', '${{ [1, 2, 3] }}', step('ask', { parameters: { n: '${{ item }}' } })),
        loop('repeat', [step('again', { parameters: { n: '${{ iteration }}' } })], { until: 'iteration >= 2' }),
      ],
      { output: { all: '${{ steps.all.output }}', last: '${{ steps.repeat.output }}' } },
    ),
  );
  expect((await run.result()).output).toEqual({ all: [10, 20, 30], last: 20 });
  expect(callsOf(mesh).map(({ parentStep }) => parentStep)).toEqual([
    'all/0/ask',
    'all/1/ask',
    'all/2/ask',
    'repeat/1/again',
    'repeat/2/again',
  ]);
  expect(callee.calls).toHaveLength(5);
});

test('a step that falls back has no use for the calls of its handler', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('callee').setResponse('work', 1).setDelay('work', '1h');
  mesh.agent('spare').setResponse('spare', 2).setDelay('spare', '1m');
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    invoke('work', {}, { key: 'k' }).catch(() => {});
    await mesh.sleep('5s');
    throw new Error('broken');
  });
  const run = await mesh.startWorkflow(flow([step('ask', { fallback: step('spare') })]));
  await mesh.advance('20s');
  expect(run.order()).toEqual(['start ask#1 caller', 'end ask#1 FAILED', 'start spare#1 spare']);
  expect(endsOf(mesh)).toEqual(['call/work CANCELLED']);
  await mesh.advance('1m');
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a handler that is being stopped can call nobody', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('callee').setResponse('work', 1);
  let late: unknown;
  mesh.agent('caller').setResponse('ask', async (_, { attempt, signal }) => {
    await mesh.sleep('1h', signal).catch(() => {});
    const events = mesh.controlPlane
      .invoke(callOfWork(attempt.runId), new AbortController().signal)
      [Symbol.asyncIterator]();
    late = await events.next().catch(({ code }) => code);
  });
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('1s');
  await run.cancel();
  await mesh.advance('1s');
  expect(late).toBe('ATTEMPT_NOT_LIVE');
  // What it gives in its grace is taken, and starts nothing.
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  expect((await run.result()).status).toBe('CANCELLED');
  expect(callsOf(mesh)).toEqual([]);
});

test('what a handler calls in a paused run is a part of what runs, and goes on', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('callee').setResponse('work', 1);
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    await mesh.sleep('5s');
    return invoke('work', {}, { key: 'k' });
  });
  const run = await mesh.startWorkflow(flow([step('ask'), step('next')]));
  await mesh.advance('1s');
  await mesh.orchestrator.pauseRun(run.id);
  await mesh.advance('10s');
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  expect(endsOf(mesh)).toEqual(['call/work COMPLETED']);
});

test('a cancel goes down through child runs and calls of calls, from one agent to the next', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('c').setResponse('deep', 1).setDelay('deep', Number.POSITIVE_INFINITY);
  mesh.agent('b').setResponse('middle', (_, { invoke }) => invoke('deep', {}, { key: 'k' }));
  mesh.agent('a').setResponse('ask', (_, { invoke }) => invoke('middle', {}, { key: 'k' }));
  await mesh.registerWorkflow(flow([step('ask')], { name: 'Sub' }));
  const run = await mesh.startWorkflow(flow([child('sub', 'Sub')]));
  await mesh.advance('5s');
  await run.cancel();
  await mesh.advance('10s');
  expect((await run.result()).status).toBe('CANCELLED');
  expect(ordersOf(mesh)).toEqual([
    ['start call#1 b', 'end call#1 CANCELLED'],
    ['start call#1 c', 'end call#1 CANCELLED'],
  ]);
  expect(new Set([...mesh.data.runs.values()].map(({ status }) => status))).toEqual(new Set(['CANCELLED']));
});
