/** Child runs of a workflow with a limit: they wait for their turn as all runs do, and their steps wait with them. */
import { expect, test } from 'vitest';
import { TestMesh, type TestMeshOptions } from '../../../src/testing/index.ts';
import { child, expectReplay, flow, map, parallel, statuses, step, stepThrough } from '../../unit/engine/flow.ts';

const sub = (more: object) => flow([step('work')], { name: 'Sub', output: '${{ steps.work.output }}', ...more });

async function start(limit: object, options: TestMeshOptions = {}): Promise<TestMesh> {
  const mesh = await TestMesh.start(options);
  mesh.agent('worker', { slots: 9 }).setResponse('work', 'w').setDelay('work', '1m').setResponse('other', 1);
  await mesh.registerWorkflow(sub(limit));
  return mesh;
}

const childRows = (mesh: TestMesh) =>
  [...mesh.data.runs.values()].filter(({ parentRunId }) => parentRunId !== undefined);

test('child runs over the limit wait in the order in which they were asked for, and their steps with them', async () => {
  await using mesh = await start({ concurrency: 1 });
  const run = await mesh.startWorkflow(flow([map('each', '[1, 2, 3]', child('call', 'Sub'))]));
  await mesh.advance('30s');
  const queued = await mesh.orchestrator.listRuns({ parentRunId: run.id });
  expect(queued.map(({ parentStep, status, queuePosition }) => [parentStep, status, queuePosition])).toEqual([
    ['each/2/call', 'QUEUED', 2],
    ['each/1/call', 'QUEUED', 1],
    ['each/0/call', 'RUNNING', undefined],
  ]);
  await stepThrough(mesh, run, 300_000);
  expect((await run.result()).status).toBe('COMPLETED');
  const times = childRows(mesh).map(({ runId }) => {
    const at = (type: string): number => mesh.journal(runId).find((event) => event.type === type)?.at ?? 0;
    return Math.round((at('RunStarted') - at('RunCreated')) / 1_000);
  });
  expect(times).toEqual([0, 60, 120]);
  await expectReplay(mesh, run);
  expect(mesh.data.tasks.size).toBe(0);
});

test('a cancel of the parent ends the child run that waits for its turn at once', async () => {
  await using mesh = await start({ concurrency: 1 });
  const other = await mesh.startWorkflow('Sub');
  const run = await mesh.startWorkflow(flow([child('call', 'Sub')]));
  await mesh.advance('5s');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['QUEUED']);
  await mesh.orchestrator.cancelRun(run.id);
  await mesh.settle();
  expect((await run.result()).status).toBe('CANCELLED');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['CANCELLED']);
  expect(childRows(mesh).flatMap(({ runId }) => mesh.journal(runId).map(({ type }) => type))).toEqual([
    'RunCreated',
    'CancelRequested',
    'RunEnding',
    'StepSkipped',
    'RunEnded',
  ]);
  await mesh.advance('2m');
  expect((await other.result()).status).toBe('COMPLETED');
});

test('where one too many is refused the step fails with CONCURRENCY_LIMIT, and no child run is left', async () => {
  await using mesh = await start({ concurrency: { limit: 1, overflow: 'reject' } });
  const run = await mesh.startWorkflow(
    flow([parallel('p', [child('one', 'Sub'), child('two', 'Sub')], { onFailure: 'continue' })]),
  );
  await stepThrough(mesh, run, 120_000);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(await statuses(run)).toEqual({ p: 'COMPLETED', one: 'COMPLETED', two: 'FAILED' });
  expect(run.journal().filter(({ type }) => type === 'StepFailed')).toMatchObject([
    { path: 'two', failure: { code: 'CONCURRENCY_LIMIT', path: 'two' } },
  ]);
  expect(childRows(mesh).map(({ parentStep, status }) => [parentStep, status])).toEqual([['one', 'COMPLETED']]);
  await expectReplay(mesh, run);
});

test('a newer child run takes the place of the oldest, whose step fails with CHILD_FAILED', async () => {
  await using mesh = await start({ concurrency: { limit: 1, overflow: 'cancelOldest' } });
  const [old, young] = [
    await mesh.startWorkflow(flow([child('call', 'Sub')], { name: 'Old' })),
    await mesh.startWorkflow(flow([child('call', 'Sub')], { name: 'Young' })),
  ];
  await mesh.advance('5m');
  expect(await old.result()).toMatchObject({ status: 'FAILED', error: { code: 'CHILD_FAILED', step: 'call' } });
  expect((await young.result()).status).toBe('COMPLETED');
});

test('a child run that waits is there after a crash, and starts when its turn comes; once', async () => {
  await using mesh = await start({ concurrency: 1 });
  const run = await mesh.startWorkflow(flow([parallel('p', [child('one', 'Sub'), child('two', 'Sub')])]));
  await mesh.advance('10s');
  mesh.crash();
  await mesh.restart();
  await mesh.advance('10s');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['RUNNING', 'QUEUED']);
  await stepThrough(mesh, run, 600_000);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED']);
  await expectReplay(mesh, run);
});

test('a child run that waits while a crash keeps the cancel of its parent from it is cancelled after the restart', async () => {
  let isArmed = false;
  await using mesh = await start(
    { concurrency: 1 },
    {
      faults: {
        afterCommit({ journal }) {
          if (!isArmed || !journal.some(({ events }) => events.some(({ type }) => type === 'StepStopping'))) return;
          isArmed = false;
          mesh.crash();
        },
      },
    },
  );
  await mesh.startWorkflow('Sub');
  const run = await mesh.startWorkflow(flow([child('call', 'Sub')]));
  await mesh.advance('5s');
  isArmed = true;
  mesh.orchestrator.cancelRun(run.id).catch(() => {});
  await mesh.settle();
  expect(isArmed).toBe(false);
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['QUEUED']);
  await mesh.restart();
  await mesh.advance('10s');
  expect((await run.result()).status).toBe('CANCELLED');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['CANCELLED']);
});

test('a batch that does not land begins no second child run that waits', async () => {
  let failures = 0;
  await using mesh = await start(
    { concurrency: 1 },
    {
      faults: {
        afterCommit({ journal }) {
          const types = journal.flatMap(({ events }) => events.map(({ type }) => type));
          if (failures > 0 || !types.includes('ChildStarted')) return;
          failures += 1;
          throw new Error('EIO');
        },
      },
    },
  );
  await mesh.startWorkflow('Sub');
  const run = await mesh.startWorkflow(flow([child('call', 'Sub')]));
  await stepThrough(mesh, run, 300_000);
  expect(failures).toBe(1);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(childRows(mesh).map(({ status }) => status)).toEqual(['COMPLETED']);
  await expectReplay(mesh, run);
});
