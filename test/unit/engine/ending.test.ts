/** Cancel, run timeout, and what an ending run still does. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { endsBefore, expectReplay, flow, parallel, sequential, startsOf, statuses, step, stepThrough } from './flow.ts';

test('cancel stops what runs, skips what waits, and runs cleanup', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h').setResponse('tidy', 1);
  const run = await mesh.startWorkflow(flow([step('a'), step('b')], { finally: [step('tidy')] }));
  await mesh.advance('2s');
  expect(await run.cancel('enough')).toMatchObject({ accepted: true });
  const result = await run.result();
  expect(result).toMatchObject({ status: 'CANCELLED', error: { code: 'CANCELLED', message: 'enough' } });
  expect(await statuses(run)).toEqual({ a: 'CANCELLED', b: 'SKIPPED', tidy: 'COMPLETED' });
  expect(run).toHaveHistory(['a#1 CANCELLED', 'tidy#1 COMPLETED']);
  await expectReplay(mesh, run);
});

test('cancel drops a backoff and a step that waits for an agent', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO');
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('a', { retry: { tries: 5, backoff: '1h', jitter: false } }), step('nobody')])]),
  );
  await mesh.advance('1m');
  await run.cancel();
  expect((await run.result()).status).toBe('CANCELLED');
  expect(await statuses(run)).toEqual({ p: 'CANCELLED', a: 'CANCELLED', nobody: 'CANCELLED' });
  expect(mesh.data.tasks.size).toBe(0);
});

test('a result in the grace of a cancel is recorded and starts nothing', async () => {
  await using mesh = await TestMesh.start();
  const stubborn = async () => {
    await mesh.sleep('5s');
    return 'done';
  };
  mesh.agent('worker').setResponse('a', stubborn).setResponse('b', 1);
  const run = await mesh.startWorkflow(flow([step('a'), step('b')]));
  await run.cancel();
  await stepThrough(mesh, run, 20_000);
  expect(await statuses(run)).toEqual({ a: 'COMPLETED', b: 'SKIPPED' });
  expect((await run.result()).status).toBe('CANCELLED');
});

test('a second cancel kills the cleanup', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h').setResponse('tidy', 1).setDelay('tidy', '1h');
  const run = await mesh.startWorkflow(flow([step('a')], { finally: [step('tidy'), step('more')] }));
  await run.cancel();
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 CANCELLED', 'tidy#1 OPEN']);
  expect(await run.cancel()).toMatchObject({ accepted: false });
  expect((await run.result()).status).toBe('CANCELLED');
  expect(await statuses(run)).toEqual({ a: 'CANCELLED', tidy: 'CANCELLED', more: 'SKIPPED' });
  await expectReplay(mesh, run);
});

test('a cancel of a run that ended says so and changes nothing', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([step('a')]));
  await run.result();
  const before = run.journal().length;
  expect(await run.cancel()).toEqual({ accepted: false, status: 'COMPLETED' });
  expect(run.journal()).toHaveLength(before);
});

test('a cancel while the run ends for another reason leaves its outcome', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setResponse('tidy', 1).setDelay('tidy', '10s');
  const run = await mesh.startWorkflow(flow([step('a')], { finally: [step('tidy')] }));
  await mesh.advance('1s');
  expect(await run.cancel()).toMatchObject({ accepted: false, status: 'ENDING' });
  await mesh.advance('10s');
  expect((await run.result()).status).toBe('FAILED');
  expect(await statuses(run)).toMatchObject({ tidy: 'COMPLETED' });
});

test('the timeout of the run spans all tries and ends it as TIMED_OUT, with cleanup', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setDelay('a', '2s').setResponse('tidy', 1);
  const retry = { tries: 100, backoff: '1s', factor: 1, jitter: false };
  const run = await mesh.startWorkflow(flow([step('a', { retry })], { timeout: '10s', finally: [step('tidy')] }));
  await stepThrough(mesh, run, 20_000);
  const result = await run.result();
  expect(result).toMatchObject({ status: 'TIMED_OUT', error: { code: 'RUN_TIMEOUT' } });
  expect(result.durationMs).toBe(10_000);
  expect(startsOf(run)).toEqual(['a', 'a', 'a', 'a', 'tidy']);
});

test('cleanup that takes longer than `cleanupTimeout` is killed', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setResponse('tidy', 1).setDelay('tidy', '1h');
  const run = await mesh.startWorkflow(flow([step('a')], { cleanupTimeout: '30s', finally: [step('tidy')] }));
  await mesh.advance('29s');
  await expect(run.result()).rejects.toMatchObject({ code: 'NOTHING_RUNNABLE' });
  await mesh.advance('2s');
  expect((await run.result()).status).toBe('FAILED');
  expect(await statuses(run)).toEqual({ a: 'FAILED', tidy: 'CANCELLED' });
});

test('cleanup that already runs when the run is cancelled goes on', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('a', 1)
    .setResponse('guard', 1)
    .setDelay('guard', '5s')
    .setResponse('b', 1)
    .setDelay('b', '1h');
  const run = await mesh.startWorkflow(
    flow([step('a'), step('guard', { runOn: 'always', dependencies: ['a'] }), step('b', { dependencies: ['a'] })]),
  );
  await mesh.advance('1s');
  await run.cancel();
  await stepThrough(mesh, run, 10_000);
  expect(await statuses(run)).toEqual({ a: 'COMPLETED', guard: 'COMPLETED', b: 'CANCELLED' });
});

test('cleanup steps are tried again like others', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').failWith('tidy', 'NOT_YET', { times: 2 }).setResponse('tidy', 1);
  const retry = { tries: 3, backoff: '1s', jitter: false };
  const run = await mesh.startWorkflow(flow([step('a')], { finally: [step('tidy', { retry })] }));
  await mesh.advance('10s');
  expect(run).toHaveHistory(['a#1 FAILED', 'tidy#1 FAILED', 'tidy#2 FAILED', 'tidy#3 COMPLETED']);
  expect((await run.result()).cleanupErrors).toEqual([]);
});

test('a cancel in the middle of nested blocks ends all of them', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('a', 1)
    .setDelay('a', '1h')
    .setResponse('c', 1)
    .setDelay('c', '1h')
    .setResponse('tidy', 1);
  const run = await mesh.startWorkflow(
    flow([
      parallel('outer', [
        sequential('left', [step('a'), step('b')]),
        parallel('right', [step('c'), step('d'), step('e')], { concurrency: 1 }),
        sequential('unopened', [step('f')], { dependencies: ['left'] }),
      ]),
      step('tidy', { runOn: 'always' }),
    ]),
  );
  await mesh.advance('1s');
  await run.cancel();
  await stepThrough(mesh, run, 1_000, 2);
  expect((await run.result()).status).toBe('CANCELLED');
  expect(await statuses(run)).toEqual({
    outer: 'CANCELLED',
    left: 'CANCELLED',
    a: 'CANCELLED',
    b: 'SKIPPED',
    right: 'CANCELLED',
    c: 'CANCELLED',
    d: 'SKIPPED',
    e: 'SKIPPED',
    unopened: 'SKIPPED',
    f: 'SKIPPED',
    tidy: 'COMPLETED',
  });
  expect(endsBefore(run, 'a', 'tidy')).toBe(true);
});

test('a second cancel in nested blocks leaves nothing open', async () => {
  await using mesh = await TestMesh.start();
  const deaf = async () => {
    await mesh.sleep('1h');
    return 1;
  };
  mesh.agent('worker').setResponse('a', deaf).setResponse('c', deaf);
  const run = await mesh.startWorkflow(
    flow([
      parallel('outer', [
        sequential('left', [step('a'), step('b')]),
        parallel('right', [step('c'), step('d')], { concurrency: 1, totalTimeout: '1h' }),
        sequential('unopened', [step('f')], { dependencies: ['left'] }),
      ]),
    ]),
  );
  await run.cancel();
  await expectReplay(mesh, run);
  await run.cancel();
  expect((await run.result()).status).toBe('CANCELLED');
  expect(mesh.data.tasks.size).toBe(0);
  const { steps } = await run.result();
  expect(steps.filter(({ status }) => status === 'PENDING' || status === 'RUNNING' || status === 'READY')).toEqual([]);
});

test('the same request id starts one run, other input under it is refused', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1);
  const workflow = flow([step('a')]);
  const first = await mesh.startWorkflow(workflow, { n: 1 }, { requestId: 'r-1' });
  const again = await mesh.startWorkflow(workflow, { n: 1 }, { requestId: 'r-1' });
  expect(again.id).toBe(first.id);
  expect(worker.calls).toHaveLength(1);
  await expect(mesh.startWorkflow(workflow, { n: 2 }, { requestId: 'r-1' })).rejects.toMatchObject({
    code: 'REQUEST_ID_REUSED',
  });
  await mesh.restart();
  expect((await mesh.startWorkflow(workflow, { n: 1 }, { requestId: 'r-1' })).id).toBe(first.id);
});

test('starts at the same moment under one request id give one run', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1);
  await mesh.registerWorkflow(flow([step('a')]));
  const starts = Array.from({ length: 5 }, () => mesh.startWorkflow('Flow', {}, { requestId: 'r-1' }));
  const ids = new Set((await Promise.all(starts)).map(({ id }) => id));
  expect(ids.size).toBe(1);
  expect(worker.calls).toHaveLength(1);
});

test('a run keeps the version that it started with', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .setResponse('a', 1)
    .setDelay('a', '1m')
    .setResponse('b', 'old')
    .setResponse('c', 'new');
  const run = await mesh.startWorkflow(flow([step('a'), step('b')]));
  await mesh.registerWorkflow(flow([step('a'), step('c')]));
  await mesh.restart();
  await mesh.advance('2m');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls.map(({ action }) => action)).toEqual(['a', 'b']);
});
