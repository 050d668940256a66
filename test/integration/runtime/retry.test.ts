/** New runs from earlier ones: their values, their idempotency, restarts, retention, the audit log, many at once. */
import { expect, test } from 'vitest';
import type { RetriedRuns, RunView } from '../../../src/client/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';

const BIG = 'x'.repeat(limits.inlineEventBytesMax * 3);

/** `a` gives a value of the size that is stored as a blob; `b` gives what it gets, but fails until `mend`. */
async function failedRun(mesh: TestMesh, params: object = {}): Promise<{ readonly run: TestRun; mend(): void }> {
  let isMended = false;
  mesh
    .agent('worker')
    .setResponse('a', () => BIG)
    .setResponse('b', (input) => {
      if (!isMended) throw new Error('not yet');
      return input;
    });
  const run = await mesh.startWorkflow(
    flow(
      [step('a'), step('b', { parameters: { whole: '${{ steps.a.output }}', size: '${{ size(steps.a.output) }}' } })],
      {
        output: '${{ steps.b.output }}',
      },
    ),
    params,
    { labels: { team: 'data' }, priority: 'high' },
  );
  expect((await run.result()).status).toBe('FAILED');
  return {
    run,
    mend() {
      isMended = true;
    },
  };
}

const viewOf = (mesh: TestMesh, run: TestRun): Promise<RunView> => mesh.orchestrator.getRun(run.id, { values: true });

test('another try has the version, parameters, labels and priority of the run, and values of its own', async () => {
  await using mesh = await TestMesh.start();
  const { run: old, mend } = await failedRun(mesh, { pad: BIG });
  mend();
  await mesh.registerWorkflow(flow([step('other')]));
  const run = await mesh.retryRun(old.id);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { whole: BIG, size: BIG.length } });
  const view = await viewOf(mesh, run);
  const before = await viewOf(mesh, old);
  expect(view).toMatchObject({ retryOf: old.id, version: 1, labels: { team: 'data' }, priority: 'high' });
  expect(view.parameters).toEqual(before.parameters);
  expect(view.steps[0]?.output).toEqual(before.steps[0]?.output);
  expect(before).toMatchObject({ status: 'FAILED', retryOf: undefined });

  // The run before may be deleted: nothing of the new one is in it.
  mesh.data.blobs.delete(old.id);
  mesh.data.journals.delete(old.id);
  mesh.data.runs.delete(old.id);
  await mesh.restart();
  expect(await viewOf(mesh, run)).toEqual(view);
});

test('a restart right after the commit of the retry goes on with what was taken over', async () => {
  let isArmed = false;
  let crash: () => void = () => undefined;
  await using mesh = await TestMesh.start({
    faults: {
      afterCommit(batch) {
        if (!isArmed || batch.blobCopies.length === 0) return;
        isArmed = false;
        crash();
      },
    },
  });
  crash = () => mesh.crash();
  const { run: old, mend } = await failedRun(mesh);
  mend();
  isArmed = true;
  const asked = mesh.orchestrator.retryRun(old.id, { requestId: 'once' });
  await mesh.settle();
  await mesh.restart();
  await mesh.advance('1m');
  const run = await mesh.retryRun(old.id, { requestId: 'once' });
  expect((await asked).id).toBe(run.id);
  await mesh.advance('1m');
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { whole: BIG } });
  expect(run).toHaveHistory(['b#1 COMPLETED']);
  expect(mesh.data.runs.size).toBe(2);
  await expectReplay(mesh, run);
});

test('a retry whose batch failed is decided again, values and all', async () => {
  let failures = 0;
  await using mesh = await TestMesh.start({
    faults: {
      beforeCommit(batch) {
        if (batch.blobCopies.length === 0 || failures > 0) return;
        failures += 1;
        throw new Error('EIO');
      },
    },
  });
  const { run: old, mend } = await failedRun(mesh);
  mend();
  const asked = mesh.orchestrator.retryRun(old.id);
  await mesh.advance('1m');
  const { id } = await asked;
  expect(failures).toBe(1);
  expect(await mesh.orchestrator.run(id).result()).toMatchObject({ status: 'COMPLETED', output: { whole: BIG } });
  expect(mesh.data.runs.size).toBe(2);
});

test('the same request id starts one run, another input under it is refused, and without one every call starts one', async () => {
  await using mesh = await TestMesh.start();
  const { run: old } = await failedRun(mesh);
  const { orchestrator } = mesh;
  const [first, second] = await Promise.all([
    orchestrator.retryRun(old.id, { requestId: 'r' }),
    orchestrator.retryRun(old.id.slice(-8), { requestId: 'r' }),
  ]);
  expect(second.id).toBe(first.id);
  expect(await orchestrator.api.runs.retryRun({ runId: old.id, requestId: 'r' })).toMatchObject({ created: false });
  await expect(orchestrator.rerunRun(old.id, { requestId: 'r' })).rejects.toMatchObject({
    code: 'REQUEST_ID_REUSED',
    message: expect.stringContaining('Cannot rerun run'),
  });
  expect((await orchestrator.retryRun(old.id)).id).not.toBe((await orchestrator.retryRun(old.id)).id);
  const rerun = await orchestrator.rerunRun(old.id, { requestId: 'q', parameters: { n: 1 } });
  expect((await orchestrator.rerunRun(old.id, { requestId: 'q', parameters: { n: 1 } })).id).toBe(rerun.id);
  const other = orchestrator.rerunRun(old.id, { requestId: 'q', parameters: { n: 2 } });
  await expect(other).rejects.toMatchObject({ code: 'REQUEST_ID_REUSED' });
});

test('a run that is open or COMPLETED is not retried, and the refusal says what to do', async () => {
  await using mesh = await TestMesh.start();
  const open = await mesh.startWorkflow(flow([step('nobody')], { name: 'Open' }));
  await expect(mesh.orchestrator.retryRun(open.id)).rejects.toMatchObject({
    code: 'RUN_NOT_RETRYABLE',
    next: expect.stringContaining('yardmaster runs cancel'),
  });
  mesh.agent('worker').setResponse('a', 1);
  const done = await mesh.startWorkflow(flow([step('a')]));
  await done.result();
  await expect(done.handle.retry()).rejects.toMatchObject({
    code: 'RUN_NOT_RETRYABLE',
    next: `yardmaster runs rerun ${done.id.slice(-8)}`,
  });
  await expect(mesh.orchestrator.retryRun('zzzz')).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  expect(mesh.data.runs.size).toBe(2);
});

test('a rerun begins again, with the parameters merged, replaced, or as they were', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', (input) => input);
  const definition = flow([step('a', { parameters: '${{ params }}' })], { output: '${{ steps.a.output }}' });
  const old = await mesh.startWorkflow(definition, { table: 'orders', rows: [1, 2], pad: BIG });
  await old.result();
  const outputOf = async (run: TestRun): Promise<unknown> => (await run.result()).output;
  expect(await outputOf(await mesh.rerunRun(old.id))).toEqual({ table: 'orders', rows: [1, 2], pad: BIG });
  const merged = await mesh.rerunRun(old.id, { parameters: { rows: [3], extra: null } });
  expect(await outputOf(merged)).toEqual({ table: 'orders', rows: [3], pad: BIG, extra: null });
  const replaced = await mesh.rerunRun(old.id, { parameters: { only: true }, replaceParameters: true });
  expect(await outputOf(replaced)).toEqual({ only: true });
  expect(merged).toHaveHistory(['a#1 COMPLETED']);
  expect(await viewOf(mesh, merged)).toMatchObject({ rerunOf: old.id, retryOf: undefined });
});

test('a rerun has the version of the run, or the newest when it is asked for', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setResponse('b', 2);
  const old = await mesh.startWorkflow(flow([step('a')]));
  await old.result();
  await mesh.registerWorkflow(flow([step('b')]));
  const same = await mesh.rerunRun(old.id);
  const latest = await mesh.rerunRun(old.id, { latest: true });
  await same.result();
  await latest.result();
  expect(same).toHaveHistory(['a#1 COMPLETED']);
  expect(latest).toHaveHistory(['b#1 COMPLETED']);
});

test('a request that is wrong says all that is', async () => {
  await using mesh = await TestMesh.start();
  const { runs } = mesh.orchestrator.api;
  const long = 'r'.repeat(129);
  await expect(runs.retryRun({ runId: '!', requestId: long })).rejects.toMatchObject({
    problems: [{ message: expect.stringContaining('run_id') }, { message: expect.stringContaining('request_id') }],
  });
  const noObject = { kind: { case: 'stringValue', value: 'x' } } as const;
  await expect(runs.rerunRun({ runId: '!', parameters: noObject })).rejects.toMatchObject({
    problems: [{ message: expect.stringContaining('run_id') }, { message: expect.stringContaining('parameters') }],
  });
  const nothing = runs.rerunRun({ runId: 'abcd', replaceParameters: true });
  await expect(nothing).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('the audit log has both under the earlier run, with the new one, and what was refused', async () => {
  await using mesh = await TestMesh.start();
  const { run: old, mend } = await failedRun(mesh);
  mend();
  // Entries of one moment are in no order.
  await mesh.advance('1s');
  const retried = await mesh.retryRun(old.id, { requestId: 'r' });
  await mesh.advance('1s');
  const rerun = await mesh.rerunRun(old.id);
  await retried.result();
  await expect(mesh.orchestrator.retryRun(retried.id)).rejects.toMatchObject({ code: 'RUN_NOT_RETRYABLE' });
  // A repeat did nothing.
  await mesh.retryRun(old.id, { requestId: 'r' });
  const ofOld = await mesh.orchestrator.listAudit({ subject: old.id });
  expect(ofOld.map(({ action, details, requestId }) => ({ action, run: details.run, requestId }))).toEqual([
    { action: 'run.rerun', run: rerun.id, requestId: '' },
    { action: 'run.retry', run: retried.id, requestId: 'r' },
    { action: 'run.start', run: undefined, requestId: '' },
  ]);
  const [refused] = await mesh.orchestrator.listAudit({ subject: retried.id });
  expect(refused).toMatchObject({ action: 'run.retry', outcome: 'REFUSED', errorCode: 'RUN_NOT_RETRYABLE' });
});

test('retries every failed run that fits, a portion at a time, each once, and no cancelled one unasked', async () => {
  await using mesh = await TestMesh.start();
  const count = limits.bulkPortion + 10;
  let isMended = false;
  mesh.agents('worker', 4).forEach((agent) => {
    agent.setResponse('a', 1).setResponse('b', () => {
      if (!isMended) throw new Error('not yet');
      return 2;
    });
  });
  await mesh.registerWorkflow(flow([step('a'), step('b')]));
  const start = () => mesh.orchestrator.startWorkflow('Flow', {}, { labels: { team: 'data' } });
  await Promise.all(Array.from({ length: count }, start));
  const cancelled = await mesh.startWorkflow(
    flow([step('nobody')], { name: 'Waiting' }),
    {},
    { labels: { team: 'data' } },
  );
  await cancelled.cancel();
  const filter = { labels: { team: 'data' } };
  expect(await mesh.orchestrator.retryRuns(filter, { dryRun: true })).toMatchObject({ matched: count, retried: 0 });
  expect(mesh.data.runs.size).toBe(count + 1);
  isMended = true;
  const told: RetriedRuns[] = [];
  const answer = await mesh.orchestrator.retryRuns(filter, { onProgress: (soFar) => void told.push(soFar) });
  expect(answer).toMatchObject({ matched: count, retried: count });
  expect(told.map(({ retried }) => retried)).toEqual([limits.bulkPortion, count]);
  await mesh.advance('1m');
  expect(await mesh.orchestrator.retryRuns(filter)).toMatchObject({ matched: count, retried: 0 });
  const done = await mesh.orchestrator.listRuns({ status: 'COMPLETED', limit: 500 });
  expect(new Set(done.map(({ retryOf }) => retryOf)).size).toBe(count);
  const asked = { ...filter, status: 'CANCELLED' } as const;
  expect(await mesh.orchestrator.retryRuns(asked)).toMatchObject({ matched: 1, retried: 1 });
  await expect(mesh.orchestrator.retryRuns({})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(mesh.orchestrator.retryRuns({ status: 'RUNNING' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('watchers see what was taken over as ended, and progress counts it', async () => {
  await using mesh = await TestMesh.start();
  const { run: old, mend } = await failedRun(mesh);
  mend();
  const run = await mesh.retryRun(old.id);
  await run.result();
  const seen: string[] = [];
  for await (const event of run.handle.events()) {
    if (event.type === 'stepEnded') seen.push(`${event.step} ${event.status}${event.takenOver ? ' taken over' : ''}`);
  }
  expect(seen).toEqual(['a COMPLETED taken over', 'b COMPLETED']);
  expect(await viewOf(mesh, run)).toMatchObject({ completedSteps: 2, totalSteps: 2 });
});
