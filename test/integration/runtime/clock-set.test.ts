/** Somebody sets the wall clock of the control plane: no agent is lost, and what is due by it is taken up. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, step } from '../../unit/engine/flow.ts';

const HOUR_MS = 3_600_000;

test('set forward, a wait that is due by it ends now, and not when its timer would have fired', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([{ id: 'w', type: 'wait', for: '1h' }]));
  await mesh.advance('1s');
  mesh.clock.shiftWall(HOUR_MS);
  await mesh.advance('12s');
  expect((await run.result()).status).toBe('COMPLETED');
  await expectReplay(mesh, run);
});

test('set back, a wait lasts until its time has come by the clock', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([{ id: 'w', type: 'wait', for: '1m' }]));
  await mesh.advance('1s');
  mesh.clock.shiftWall(-HOUR_MS);
  await mesh.advance('59m');
  expect((await mesh.orchestrator.getRun(run.id)).status).toBe('RUNNING');
  await mesh.advance('3m');
  expect((await run.result()).status).toBe('COMPLETED');
});

test.each([HOUR_MS / 2, -HOUR_MS / 2])('set by %i ms, no agent is lost, and what runs goes on', async (ms) => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2, { slots: 1 });
  for (const agent of [first, second]) agent.setResponse('a', 'a').setDelay('a', '20s');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('5s');
  mesh.clock.shiftWall(ms);
  await mesh.advance('40s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  const instances = mesh.controlPlane.listAgents('default').flatMap((agent) => agent.instances);
  expect(instances.map(({ status }) => status)).toEqual(['READY', 'READY']);
});

test('set forward and back in the cleanup, a run that is being undone is not tried again', async () => {
  const steps = [
    step('a', { compensate: step('undo', { retry: { tries: 3, backoff: '10s', jitter: false } }) }),
    step('b', { dependencies: ['a'] }),
    step('c', { dependencies: ['b'], runOn: 'failure' }),
  ];
  const workflow = flow(steps, { retries: 1, timeout: '10m', cleanupTimeout: '2h' });
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  for (const action of ['a', 'c', 'undo']) worker.setResponse(action, 1).setDelay(action, '1m');
  worker.failWith('b', 'NO').failWith('undo', 'NOT_YET', { times: 1 });
  const run = await mesh.startWorkflow(workflow);
  await mesh.advance('90s');
  // Out of time, so this try is the last one.
  mesh.clock.shiftWall(HOUR_MS);
  await mesh.advance('1m');
  mesh.clock.shiftWall(-HOUR_MS);
  await mesh.advance('10m');
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 FAILED', 'c#1 TIMED_OUT', 'undo#1 FAILED', 'undo#2 COMPLETED']);
  expect((await run.result()).status).toBe('FAILED');
  await expectReplay(mesh, run);
});

test('set forward over the end of a wait, the run is not stuck while timers are held', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([{ id: 'w', type: 'wait', for: '30m' }]));
  await mesh.advance('2m');
  mesh.clock.shiftWall(HOUR_MS);
  await mesh.advance('8s');
  const { status, stuck } = await mesh.orchestrator.getRun(run.id);
  expect([status, stuck]).toEqual(['RUNNING', undefined]);
  await mesh.advance('4s');
  expect((await run.result()).status).toBe('COMPLETED');
});

test('set forward over the end of a wait, who reads the run before the next tick does not find it stuck', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([{ id: 'w', type: 'wait', for: '30m' }]));
  await mesh.advance('2m');
  mesh.clock.shiftWall(HOUR_MS);
  expect((await mesh.orchestrator.getRun(run.id)).stuck).toBeUndefined();
  await mesh.advance('12s');
  expect((await run.result()).status).toBe('COMPLETED');
});

test('set back in a pause, a loop whose next iteration had come due begins it when its time comes again', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([loop('poll', [step('a')], { until: 'iteration >= 2', delay: '30s' })]));
  await mesh.orchestrator.pauseRun(run.id);
  await mesh.advance('40s');
  mesh.clock.shiftWall(-60_000);
  await mesh.advance('1s');
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.advance('40s');
  expect(run).toHaveHistory(['poll/1/a#1 COMPLETED']);
  await mesh.advance('30s');
  expect(run).toHaveHistory(['poll/1/a#1 COMPLETED', 'poll/2/a#1 COMPLETED']);
  expect((await run.result()).status).toBe('COMPLETED');
  await expectReplay(mesh, run);
});
