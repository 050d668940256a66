/** A crash of the control plane at any point: what is durable goes on, what agents hold is not run again. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, statuses, step, stepThrough } from '../../unit/engine/flow.ts';

const idempotent = { idempotent: true };

test('an attempt that its agent still has goes on after a restart', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .setResponse('a', 'kept')
    .setDelay('a', '20s')
    .setResponse('b', (input) => input);
  const run = await mesh.startWorkflow(
    flow([step('a'), step('b', { parameters: { a: '${{ steps.a.output }}' } })], { output: '${{ steps.b.output }}' }),
  );
  await mesh.advance('5s');
  await mesh.restart();
  await stepThrough(mesh, run, 30_000);
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
  expect(worker.calls).toHaveLength(2);
  expect((await run.result()).output).toEqual({ a: 'kept' });
});

test('a result that was made while no control plane was there is taken', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 'made alone').setDelay('a', '5s');
  const run = await mesh.startWorkflow(flow([step('a')], { output: '${{ steps.a.output }}' }));
  await mesh.advance('1s');
  mesh.crash();
  await mesh.advance('10s');
  await mesh.restart();
  await mesh.advance('12s');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect((await run.result()).output).toBe('made alone');
  expect(worker.calls).toHaveLength(1);
});

test('agents that do not come back lose their attempts after one window from the restart', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 1).setDelay('a', '1h');
  const run = await mesh.startWorkflow(flow([step('a')]));
  second.setResponse('a', 'second');
  await mesh.advance('5s');
  first.crash();
  await mesh.restart();
  await mesh.advance('29s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  await mesh.advance('2s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
});

test('the loss window of a step is the same after a restart', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 1).setDelay('a', '1h');
  const run = await mesh.startWorkflow(flow([step('a', { lossWindow: '5m' })]));
  second.setResponse('a', 'second');
  await mesh.advance('5s');
  first.crash();
  await mesh.restart();
  await mesh.advance('4m');
  expect(run).toHaveHistory(['a#1 OPEN']);
  await mesh.advance('2m');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
});

test('a new step is assigned as soon as one agent is back', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1);
  await mesh.settle();
  const waiting = await mesh.startWorkflow(flow([step('nobody'), step('a')]));
  await mesh.restart();
  worker.setResponse('nobody', 1);
  await mesh.advance('11s');
  expect((await waiting.result()).status).toBe('COMPLETED');
});

test('backoffs, deadlines and tries survive a restart', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').failWith('a', 'NO');
  const retry = { tries: 3, backoff: '1m', factor: 1, jitter: false };
  const run = await mesh.startWorkflow(flow([step('a', { retry })]));
  await mesh.advance('30s');
  await mesh.restart();
  await mesh.advance('40s');
  await mesh.restart();
  await mesh.advance('2m');
  expect((await run.result()).status).toBe('FAILED');
  expect(run.history().map((entry) => entry.try)).toEqual([1, 2, 3]);
  const starts = run.history().map(({ startedAt }) => startedAt - (run.history()[0]?.startedAt ?? 0));
  expect(starts).toEqual([0, 60_000, 120_000]);
  expect(worker.calls).toHaveLength(3);
});

test.each([
  ['timeout', { timeout: '1m' }, 'STEP_TIMEOUT'],
  ['totalTimeout', { totalTimeout: '1m' }, 'TOTAL_TIMEOUT'],
  ['heartbeatTimeout', { heartbeatTimeout: '1m' }, 'HEARTBEAT_TIMEOUT'],
])('%s survives a restart', async (_name, settings, code) => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h');
  const run = await mesh.startWorkflow(flow([step('a', settings)]));
  await mesh.advance('30s');
  await mesh.restart();
  await mesh.advance('61s');
  expect((await run.result()).error?.code).toBe(code);
});

test('queueTimeout and the timeout of the run survive a restart', async () => {
  await using mesh = await TestMesh.start();
  const queued = await mesh.startWorkflow(flow([step('nobody', { queueTimeout: '1m' })]));
  const timed = await mesh.startWorkflow(flow([step('nobody')], { name: 'Timed', timeout: '1m' }));
  await mesh.advance('30s');
  await mesh.restart();
  await mesh.advance('31s');
  expect((await queued.result()).error?.code).toBe('NO_AGENT');
  expect((await timed.result()).status).toBe('TIMED_OUT');
});

test('a cancel in its grace goes on after a restart, and the agent is told again', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h').setResponse('tidy', 1);
  const run = await mesh.startWorkflow(flow([step('a')], { finally: [step('tidy')] }));
  await mesh.settle();
  mesh.agent('other');
  const cancelling = mesh.orchestrator.cancelRun(run.id);
  await cancelling;
  await mesh.restart();
  await mesh.advance('15s');
  expect((await run.result()).status).toBe('CANCELLED');
  expect(await statuses(run)).toEqual({ a: 'CANCELLED', tidy: 'COMPLETED' });
});

test('a checkpoint survives a restart', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', async (_, ctx) => {
    ctx.checkpoint({ done: 7 });
    await mesh.sleep('1h', ctx.signal);
  });
  const run = await mesh.startWorkflow(flow([step('a', idempotent)], { output: '${{ steps.a.output }}' }));
  second.setResponse('a', (_, ctx) => ctx.lastCheckpoint);
  await mesh.advance('2s');
  first.crash();
  await mesh.restart();
  await mesh.advance('40s');
  expect((await run.result()).output).toEqual({ done: 7 });
});

test('an unreachable attempt is still unreachable after a restart, and may return', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 'mine').setDelay('a', '1m');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)], { output: '${{ steps.a.output }}' }));
  worker.cut();
  await mesh.advance('2s');
  await mesh.restart();
  worker.mend();
  await mesh.advance('12s');
  await expectReplay(mesh, run);
  mesh.agent('worker').setResponse('a', 'other');
  await mesh.advance('2m');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect((await run.result()).output).toBe('mine');
});

test('losses from before a restart count toward POISONED', async () => {
  await using mesh = await TestMesh.start();
  const workers = mesh.agents('worker', 4);
  for (const worker of workers) worker.crashOn('bad');
  const run = await mesh.startWorkflow(flow([step('bad')]));
  for (let i = 0; i < 4; i++) {
    await mesh.advance('25s');
    await mesh.restart();
  }
  await mesh.advance('3m');
  expect((await run.result()).error?.code).toBe('POISONED');
  expect(run.history()).toHaveLength(3);
});

const CRASHES = ['before', 'after'].flatMap((when) => Array.from({ length: 7 }, (_, at) => ({ when, at })));

test.each(CRASHES)('a crash $when commit $at loses and repeats nothing', async ({ when, at }) => {
  let commits = Number.NEGATIVE_INFINITY;
  let isCrashed = false;
  const crash = (): void => {
    if (commits++ !== at) return;
    isCrashed = true;
    mesh.crash();
  };
  const mesh = await TestMesh.start({ faults: when === 'before' ? { beforeCommit: crash } : { afterCommit: crash } });
  await using _ = mesh;
  const worker = mesh.agent('worker');
  for (const id of ['a', 'b', 'c', 'd']) worker.setResponse(id, id).setDelay(id, '2s');
  worker.failWith('c', 'NO', { times: 1 });
  await mesh.registerWorkflow(
    flow(
      [
        step('a'),
        parallel('p', [step('b'), step('c', { retry: { tries: 3, backoff: '1s', jitter: false } })]),
        step('d', { parameters: { p: '${{ steps.p.output }}' } }),
      ],
      { output: '${{ steps.p.output }}', timeout: '1h' },
    ),
  );
  commits = 0;
  const start = mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  start.catch(() => {});
  for (let i = 0; i < 60 && !isCrashed; i++) await mesh.advance('500ms');
  expect(isCrashed).toBe(true);
  await mesh.restart();
  const run = await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  await stepThrough(mesh, run, 120_000);
  expect((await run.result()).output).toEqual({ b: 'b', c: 'c' });
  const attempts = run.history().map(({ path, outcome }) => `${path} ${outcome}`);
  expect(attempts.sort()).toEqual(['a COMPLETED', 'b COMPLETED', 'c COMPLETED', 'c FAILED', 'd COMPLETED']);
  expect(worker.calls).toHaveLength(5);
  expect(await mesh.orchestrator.listRuns()).toHaveLength(1);
  expect(mesh.data.tasks.size).toBe(0);
});
