/** A paused run: facts are kept, nothing new starts, deadlines go on. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, step, stepThrough } from '../../unit/engine/flow.ts';

const chain = flow([step('a'), step('b')]);

test('a result in a paused run is kept, and the next step starts when the run is resumed', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '1s').setResponse('b', 2);
  const run = await mesh.startWorkflow(chain);
  await mesh.settle();
  expect(await mesh.orchestrator.pauseRun(run.id, 'lunch')).toBe(true);
  await mesh.advance('1h');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(worker.calls).toHaveLength(1);
  expect(await mesh.orchestrator.resumeRun(run.id)).toBe(true);
  await mesh.settle();
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
  expect((await run.result()).status).toBe('COMPLETED');
  await expectReplay(mesh, run);
});

test('a step that waited for an agent is held back, says so, and keeps its queueTimeout', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([step('a', { queueTimeout: '10m' })]));
  const other = await mesh.startWorkflow(flow([step('a')], { name: 'Other' }));
  await mesh.settle();
  await mesh.orchestrator.pauseRun(run.id);
  const worker = mesh.agent('worker').setResponse('a', 1);
  await mesh.settle();
  expect(run).toHaveHistory([]);
  expect(other).toHaveHistory(['a#1 COMPLETED']);
  expect(await mesh.orchestrator.getRun(run.id)).toMatchObject({ steps: [{ status: 'READY', waitReason: 'PAUSED' }] });
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.settle();
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(worker.calls).toHaveLength(2);
  const late = await mesh.startWorkflow(flow([step('none', { queueTimeout: '10m' })], { name: 'Late' }));
  await mesh.settle();
  await mesh.orchestrator.pauseRun(late.id);
  await mesh.advance('11m');
  expect((await late.result()).error?.code).toBe('NO_AGENT');
});

test('a retry that comes due in a pause waits for its end', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'ONCE', { times: 1 }).setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([step('a', { retry: { tries: 2, backoff: '5s', jitter: false } })]));
  await mesh.settle();
  await mesh.orchestrator.pauseRun(run.id);
  await mesh.advance('1m');
  expect(run).toHaveHistory(['a#1 FAILED']);
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.settle();
  expect(run).toHaveHistory(['a#1 FAILED', 'a#2 COMPLETED']);
});

test('a pause survives a restart', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([parallel('p', [step('a'), step('b')]), step('c')]));
  await mesh.settle();
  await mesh.orchestrator.pauseRun(run.id);
  await mesh.restart();
  mesh.agent('worker').setResponse('a', 1).setResponse('b', 2).setResponse('c', 3);
  await mesh.advance('1m');
  expect(run).toHaveHistory([]);
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.settle();
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a cancel ends the pause, so that cleanup runs', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1s').setResponse('tidy', 1);
  const run = await mesh.startWorkflow(flow([step('a'), step('b')], { finally: [step('tidy')] }));
  await mesh.settle();
  await mesh.orchestrator.pauseRun(run.id);
  await mesh.advance('2s');
  await mesh.orchestrator.cancelRun(run.id);
  await stepThrough(mesh, run, 30_000);
  expect(run).toHaveHistory(['a#1 COMPLETED', 'tidy#1 COMPLETED']);
  expect((await run.result()).status).toBe('CANCELLED');
});

test('the timeout of a run goes on in a pause', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([step('a')], { timeout: '1m' }));
  await mesh.settle();
  await mesh.orchestrator.pauseRun(run.id);
  await mesh.advance('61s');
  expect((await run.result()).status).toBe('TIMED_OUT');
});

test('a run that waits in its last step ends only after the pause, and pausing it then is refused', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1s').setResponse('tidy', 1);
  const run = await mesh.startWorkflow(flow([step('a')], { finally: [step('tidy')] }));
  await mesh.settle();
  await mesh.orchestrator.pauseRun(run.id);
  expect(await mesh.orchestrator.pauseRun(run.id)).toBe(true);
  await mesh.advance('1m');
  expect((await mesh.orchestrator.getRun(run.id)).status).toBe('RUNNING');
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.settle();
  expect((await run.result()).status).toBe('COMPLETED');
  expect(await mesh.orchestrator.pauseRun(run.id)).toBe(false);
  expect(await mesh.orchestrator.resumeRun(run.id)).toBe(false);
});
