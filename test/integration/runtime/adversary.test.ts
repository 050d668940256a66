/** Corners that are easy to get wrong. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, sequential, statuses, step, stepThrough } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

test('a graceful stop of the control plane re-executes nothing', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 'kept').setDelay('a', '20s').setResponse('b', 1);
  const run = await mesh.startWorkflow(flow([step('a', { idempotent: true }), step('b')]));
  mesh.agent('other').setResponse('a', 'again');
  await mesh.settle();
  await mesh.controlPlane.stop();
  await mesh.restart();
  await stepThrough(mesh, run, 40_000);
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
  expect(worker.calls.filter(({ action }) => action === 'a')).toHaveLength(1);
});

test('a return races a reroute: whoever finishes first wins once', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 'first').setDelay('a', '5s');
  second.setResponse('a', 'second').setDelay('a', '5s');
  const run = await mesh.startWorkflow(
    flow([step('a', { idempotent: true }), step('b', { action: 'a', parameters: { a: '${{ steps.a.output }}' } })]),
  );
  first.cut();
  first.mend();
  await stepThrough(mesh, run, 30_000, 30);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run.journal().filter((event) => event.type === 'StepCompleted' && event.path === 'a')).toHaveLength(1);
});

test('a cancel while an idempotent step has two live attempts ends both', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 1).setDelay('a', '1h');
  second.setResponse('a', 2).setDelay('a', '1h');
  const run = await mesh.startWorkflow(flow([step('a', { idempotent: true })]));
  first.cut();
  await mesh.advance('1s');
  await run.cancel();
  await stepThrough(mesh, run, 15_000);
  expect((await run.result()).status).toBe('CANCELLED');
  first.mend();
  await mesh.advance('30s');
  expect(
    mesh.controlPlane.listAgents('default').flatMap(({ instances }) => instances.map(({ slotsUsed }) => slotsUsed)),
  ).toEqual([0, 0]);
  expect(mesh.data.tasks.size).toBe(0);
});

test('a timeout of an unreachable attempt leaves the other alone', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 1).setDelay('a', '1h');
  second.setResponse('a', 'second').setDelay('a', '12s');
  const run = await mesh.startWorkflow(flow([step('a', { idempotent: true, timeout: '15s' })]));
  await mesh.advance('5s');
  first.cut();
  await stepThrough(mesh, run, 20_000);
  expect(run.history().map(({ outcome }) => outcome)).toEqual(['TIMED_OUT', 'COMPLETED']);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a hand-back by an agent whose other attempt is unreachable offers the step again', async () => {
  await using mesh = await TestMesh.start();
  const { HandBack } = await import('../../../src/agent-sdk/index.ts');
  const [first, second, third] = mesh.agents('worker', 3);
  first.setResponse('a', 1).setDelay('a', '1h');
  second.setResponse('a', () => {
    throw new HandBack('no');
  });
  third.setResponse('a', 'third');
  const run = await mesh.startWorkflow(flow([step('a', { idempotent: true })]));
  first.cut();
  await stepThrough(mesh, run, 20_000);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run.history().at(-1)?.outcome).toBe('COMPLETED');
});

test('an agent that is gone for good leaves neither slots nor shares behind', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker', { slots: 2 }).setResponse('a', 1).setDelay('a', '1h');
  await mesh.startWorkflow(flow([parallel('p', [step('a'), step('b', { action: 'a' }), step('c', { action: 'a' })])]));
  worker.crash();
  await mesh.advance('40s');
  expect(mesh.controlPlane.health('agent/worker')).toBe(false);
  expect(mesh.controlPlane.listCapabilities('default')).toEqual([]);
});

test('an expired acceptance of an unreachable instance is not judged twice', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('3s');
  await agent.drop();
  await mesh.advance('10s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  const back = await new RawAgent(mesh).say(hello('i-1', ['a']));
  await mesh.advance('4s');
  await back.say(accepted(back.assignments[0]?.attemptId ?? ''));
  await back.say({ type: 'beat', number: 1, load: 0, loopLagMs: 0 });
  await mesh.advance('4s');
  await back.say(completed(back.assignments[0]?.attemptId ?? '', 1));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('a failFast block whose child cleans up waits for the cleanup', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .failWith('bad', 'NO')
    .setDelay('bad', '1s')
    .setResponse('slow', 1)
    .setDelay('slow', '1h');
  worker.setResponse('tidy', 1).setDelay('tidy', '3s');
  const run = await mesh.startWorkflow(
    flow([
      parallel('p', [step('bad'), sequential('s', [step('slow'), step('tidy', { runOn: 'always' })])], {
        onFailure: 'failFast',
      }),
    ]),
  );
  await stepThrough(mesh, run, 10_000);
  expect(await statuses(run)).toEqual({
    p: 'FAILED',
    bad: 'FAILED',
    s: 'CANCELLED',
    slow: 'CANCELLED',
    tidy: 'COMPLETED',
  });
});

test('a thousand children start, each once, over few slots', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker', { slots: 7 }).setResponse('a', 1);
  const children = Array.from({ length: 1_000 }, (_, i) => step(`s${i}`, { action: 'a' }));
  const run = await mesh.startWorkflow(flow([parallel('p', children, { concurrency: 50 })]));
  expect((await run.result()).status).toBe('COMPLETED');
  expect(new Set(worker.calls.map(({ attempt }) => attempt.step)).size).toBe(1_000);
  expect(worker.calls).toHaveLength(1_000);
});

test('a chain of a thousand skips is one decision', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('s0', 'NO');
  const run = await mesh.startWorkflow(flow(Array.from({ length: 1_000 }, (_, i) => step(`s${i}`))));
  const result = await run.result();
  expect(result.status).toBe('FAILED');
  expect(result.steps.filter(({ status }) => status === 'SKIPPED')).toHaveLength(999);
  await expectReplay(mesh, run);
});

test('two runs of one workflow do not see each other', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('a', (input) => input.n)
    .setDelay('a', '1s');
  const workflow = flow([step('a', { parameters: '${{ params }}' })], { output: '${{ steps.a.output }}' });
  const runs = [];
  for (let n = 0; n < 20; n++) runs.push(await mesh.startWorkflow(workflow, { n }));
  await mesh.advance('10s');
  for (const [n, run] of runs.entries()) expect((await run.result()).output).toBe(n);
});
