/** Many runs at once: finding them and cancelling them. */
import { expect, test } from 'vitest';
import type { CancelledRuns, RunView } from '../../../src/client/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

const waiting = flow([step('a')], { name: 'Waiting' });
const other = flow([step('b')], { name: 'Other' });

async function startMany(mesh: TestMesh, count: number, labels: Record<string, string> = {}): Promise<void> {
  await mesh.registerWorkflow(waiting);
  await Promise.all(Array.from({ length: count }, () => mesh.orchestrator.startWorkflow('Waiting', {}, { labels })));
}

const statusesOf = (runs: readonly RunView[]): readonly string[] => [...new Set(runs.map(({ status }) => status))];

test('cancels every run that fits, a portion at a time, and no other', async () => {
  await using mesh = await TestMesh.start();
  const count = limits.bulkPortion * 2 + 20;
  await startMany(mesh, count, { team: 'data' });
  await startMany(mesh, 2, { team: 'web' });
  const told: CancelledRuns[] = [];
  const options = { reason: 'enough', onProgress: (soFar: CancelledRuns) => void told.push(soFar) };
  const answer = await mesh.orchestrator.cancelRuns({ labels: { team: 'data' } }, options);
  expect(answer).toMatchObject({ matched: count, cancelled: count });
  expect(answer.runIds).toHaveLength(limits.bulkIdsMax);
  expect(told.map(({ cancelled }) => cancelled)).toEqual([limits.bulkPortion, limits.bulkPortion * 2, count]);

  const data = await mesh.orchestrator.listRuns({ labels: { team: 'data' }, limit: 1_000 });
  expect(data).toHaveLength(count);
  expect(statusesOf(data)).toEqual(['CANCELLED']);
  expect(data.slice(0, limits.bulkIdsMax).map(({ runId }) => runId)).toEqual(answer.runIds);
  expect((await mesh.orchestrator.getRun(data[0]?.runId ?? '')).error).toMatchObject({ message: 'enough' });
  expect(statusesOf(await mesh.orchestrator.listRuns({ labels: { team: 'web' } }))).toEqual(['RUNNING']);
});

test('a dry run says the same and changes nothing', async () => {
  await using mesh = await TestMesh.start();
  await startMany(mesh, 3);
  const before = await mesh.orchestrator.listRuns();
  const answer = await mesh.orchestrator.cancelRuns({ workflow: 'Waiting' }, { dryRun: true });
  await mesh.settle();
  expect(answer).toEqual({ matched: 3, cancelled: 0, runIds: before.map(({ runId }) => runId) });
  expect(await mesh.orchestrator.listRuns()).toEqual(before);
  expect(statusesOf(before)).toEqual(['RUNNING']);
});

test('can be repeated: what is ending is left to its cleanup, and lists say that it is ending', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h').setResponse('tidy', 1).setDelay('tidy', '1m');
  const run = await mesh.startWorkflow(flow([step('a')], { finally: [step('tidy')] }));
  const filter = { workflow: 'Flow' };
  expect(await mesh.orchestrator.cancelRuns(filter)).toMatchObject({ matched: 1, cancelled: 1 });
  await mesh.advance('1s');
  for (let i = 0; i < 2; i++) {
    expect(await mesh.orchestrator.cancelRuns(filter)).toEqual({ matched: 0, cancelled: 0, runIds: [] });
  }
  const ending = await mesh.orchestrator.listRuns({ status: ['ENDING', 'QUEUED'] });
  expect(ending).toMatchObject([{ runId: run.id, error: { code: 'CANCELLED' } }]);
  await mesh.advance('2m');
  expect(run).toHaveHistory(['a#1 CANCELLED', 'tidy#1 COMPLETED']);
});

test('a run that came to its end since the page was read counts as matched, not as cancelled', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(waiting);
  await run.cancel();
  const stale = mesh.data.runs.get(run.id);
  if (stale === undefined) throw new Error('no row');
  mesh.data.runs.set(run.id, { ...stale, status: 'RUNNING' });
  expect(await mesh.orchestrator.cancelRuns({ workflow: 'Waiting' })).toMatchObject({ matched: 1, cancelled: 0 });
});

test('cancels runs that are not in memory, as after a restart', async () => {
  await using mesh = await TestMesh.start();
  await startMany(mesh, 5);
  await mesh.restart();
  expect(await mesh.orchestrator.cancelRuns({ workflow: 'Waiting' })).toMatchObject({ matched: 5, cancelled: 5 });
  expect(mesh.data.tasks.size).toBe(0);
});

test('stops between two portions when the caller leaves', async () => {
  await using mesh = await TestMesh.start();
  await startMany(mesh, limits.bulkPortion * 3);
  const leave = new AbortController();
  const cancelled = mesh.orchestrator.cancelRuns(
    { workflow: 'Waiting' },
    { signal: leave.signal, onProgress: () => leave.abort() },
  );
  await expect(cancelled).rejects.toThrow();
  await mesh.settle();
  const left = await mesh.orchestrator.listRuns({ status: 'RUNNING', limit: 1_000 });
  expect(left.length).toBeGreaterThan(0);
  expect(left.length).toBeLessThan(limits.bulkPortion * 3);
});

test('refuses to mean every run by giving no condition', async () => {
  await using mesh = await TestMesh.start();
  await expect(mesh.orchestrator.cancelRuns({})).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});

test('lists by several statuses, time, labels and code, over many pages', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('b', 'DOWN').setResponse('c', 1);
  await mesh.startWorkflow(other, {}, { labels: { env: 'prod' } });
  await mesh.advance('1h');
  const since = new Date(mesh.clock.now());
  await startMany(mesh, 7, { env: 'prod' });
  await mesh.startWorkflow(other, {}, { labels: { env: 'prod', extra: '1' } });
  const { orchestrator } = mesh;
  const count = async (options: Parameters<typeof orchestrator.listRuns>[0]): Promise<number> =>
    (await orchestrator.listRuns(options)).length;
  expect(await count({ labels: { env: 'prod' } })).toBe(9);
  expect(await count({ labels: { env: 'prod', extra: '1' } })).toBe(1);
  expect(await count({ labels: { env: 'prod' }, createdAfter: since })).toBe(8);
  expect(await count({ createdBefore: since })).toBe(1);
  expect(await count({ failureCode: 'DOWN' })).toBe(2);
  expect(await count({ failureCode: 'DOWN', createdAfter: since, status: 'FAILED' })).toBe(1);
  expect(await count({ status: ['FAILED', 'RUNNING'], limit: 8 })).toBe(8);

  // Of two ids of one millisecond either may be the greater.
  await mesh.advance('1s');
  const filter = { labels: { env: 'prod' } };
  const seen: string[] = [];
  for (let pageToken = ''; ; ) {
    const page = await orchestrator.api.runs.listRuns({ filter, pageSize: 2, pageToken });
    seen.push(...page.runs.map(({ runId }) => runId));
    pageToken = page.nextPageToken;
    if (pageToken === '') break;
    await startMany(mesh, 1, filter.labels);
  }
  expect(seen).toEqual([...new Set(seen)].sort().reverse());
  expect(seen).toHaveLength(9);
});
