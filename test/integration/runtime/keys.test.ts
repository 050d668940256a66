/** `concurrencyKey`: at most so many attempts of a key at a time, over all runs and workflows. */
import { expect, test } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, step } from '../../unit/engine/flow.ts';

const db = { concurrencyKey: 'db' };

/** Starts and ends of all attempts of some runs, in the order of time. */
function overlaps(...runs: readonly TestRun[]): number {
  const changes = runs.flatMap((run) =>
    run.history().flatMap(({ startedAt, endedAt = Number.POSITIVE_INFINITY }) => [
      { at: startedAt, by: 1 },
      { at: endedAt, by: -1 },
    ]),
  );
  let [now, most] = [0, 0];
  for (const { by } of changes.sort((a, b) => a.at - b.at || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

test('attempts of one key run one after another over all runs, and others beside them', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '10s').setResponse('b', 1).setDelay('b', '10s');
  const first = await mesh.startWorkflow(flow([step('a', db), step('b')], { name: 'First' }));
  const second = await mesh.startWorkflow(flow([parallel('p', [step('a', db), step('b')])], { name: 'Second' }));
  await mesh.settle();
  expect(first).toHaveHistory(['a#1 OPEN']);
  expect(second).toHaveHistory(['b#1 OPEN']);
  const { steps } = await mesh.orchestrator.getRun(second.id);
  expect(steps.find(({ path }) => path === 'a')).toMatchObject({ status: 'READY', waitReason: 'CONCURRENCY_KEY' });
  expect(await mesh.orchestrator.explainStep(second.id, 'a')).toMatchObject({
    waitReason: 'CONCURRENCY_KEY',
    summary: 'CONCURRENCY_KEY "db": 1 of 1 run',
  });
  await mesh.advance('25s');
  expect(second.history().find(({ path }) => path === 'a')?.startedAt).toBe(first.history()[0]?.endedAt);
  expect((await second.result()).status).toBe('COMPLETED');
  await expectReplay(mesh, second);
});

test('a key is an expression: of each value one at a time, and none for null', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '10s');
  const workflow = flow([step('a', { concurrencyKey: '${{ default(params.table, null) }}' })]);
  await mesh.registerWorkflow(workflow);
  const runs: TestRun[] = [];
  for (const params of [{ table: 't1' }, { table: 't2' }, { table: 't1' }, {}, {}])
    runs.push(await mesh.startWorkflow('Flow', params));
  await mesh.settle();
  expect(runs.map((run) => run.history().length)).toEqual([1, 1, 0, 1, 1]);
  await mesh.advance('30s');
  expect(runs.map((run) => run.history().map(({ outcome }) => outcome))).toEqual(Array(5).fill(['COMPLETED']));
});

test('a key with a limit lets so many run at once', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '10s');
  await mesh.registerWorkflow(flow([step('a', { concurrencyKey: { key: 'db', limit: 2 } })]));
  const runs = [await mesh.startWorkflow('Flow'), await mesh.startWorkflow('Flow'), await mesh.startWorkflow('Flow')];
  await mesh.advance('1m');
  expect(overlaps(...runs)).toBe(2);
});

test('a key that is an object or too long fails the step', async () => {
  await using mesh = await TestMesh.start();
  await mesh.registerWorkflow(flow([step('a', { concurrencyKey: '${{ params.key }}' })]));
  const wrong = await mesh.startWorkflow('Flow', { key: { a: 1 } });
  expect((await wrong.result()).error).toMatchObject({ code: 'BAD_EXPRESSION', step: 'a' });
  const fits = await mesh.startWorkflow('Flow', { key: 'k'.repeat(256) });
  await mesh.settle();
  expect(await mesh.orchestrator.getRun(fits.id)).toMatchObject({ status: 'RUNNING' });
  const long = await mesh.startWorkflow('Flow', { key: 'k'.repeat(257) });
  expect((await long.result()).error).toMatchObject({ code: 'LIMIT', step: 'a' });
});

test('a lost agent frees the key when it is lost, and not before', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2, { idempotent: ['a'] });
  first.setResponse('a', 1).setDelay('a', '1h');
  await mesh.registerWorkflow(flow([step('a', db)]));
  const held = await mesh.startWorkflow('Flow');
  await mesh.settle();
  second.setResponse('a', 'second');
  const waits = await mesh.startWorkflow('Flow');
  first.crash();
  await mesh.advance('29s');
  // It may run twice, but whoever has the key may still be at work.
  expect(held).toHaveHistory(['a#1 OPEN']);
  expect(waits).toHaveHistory([]);
  await mesh.advance('2s');
  expect(held).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  expect(waits).toHaveHistory(['a#1 COMPLETED']);
});

test('what holds a key and what waits for it is known after kill -9', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '20s');
  await mesh.registerWorkflow(flow([step('a', db)]));
  const runs = [await mesh.startWorkflow('Flow'), await mesh.startWorkflow('Flow'), await mesh.startWorkflow('Flow')];
  await mesh.advance('5s');
  await mesh.restart();
  await mesh.advance('10s');
  expect(runs.map((run) => run.history().length)).toEqual([1, 0, 0]);
  await mesh.advance('2m');
  expect(overlaps(...runs)).toBe(1);
  for (const run of runs) expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('a retry of a step waits for its key like any other', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO', { times: 1 }).setResponse('a', 1).setDelay('a', '10s');
  const retry = { tries: 2, backoff: 0, jitter: false };
  await mesh.registerWorkflow(flow([step('a', { ...db, retry })]));
  const runs = [await mesh.startWorkflow('Flow'), await mesh.startWorkflow('Flow')];
  await mesh.advance('1m');
  expect(overlaps(...runs)).toBe(1);
  expect(runs.flatMap((run) => run.history().map(({ outcome }) => outcome)).sort()).toEqual([
    'COMPLETED',
    'COMPLETED',
    'FAILED',
  ]);
});

test('a key longer than keyCharsMax fails its step with LIMIT', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  const workflow = flow([step('a', { concurrencyKey: '${{ params.key }}' })]);
  const fits = await mesh.startWorkflow(workflow, { key: 'k'.repeat(limits.keyCharsMax) });
  const tooLong = await mesh.startWorkflow(workflow, { key: 'k'.repeat(limits.keyCharsMax + 1) });
  expect((await fits.result()).status).toBe('COMPLETED');
  expect(await tooLong.result()).toMatchObject({ status: 'FAILED', error: { code: 'LIMIT', step: 'a' } });
});
