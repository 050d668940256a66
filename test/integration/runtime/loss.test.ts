/** Agents that crash, vanish, return, refuse or do not listen. */
import { expect, test } from 'vitest';
import { HandBack } from '../../../src/agent-sdk/index.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, step, stepThrough } from '../../unit/engine/flow.ts';

const idempotent = { idempotent: true };

test('after a crash an idempotent step goes to another agent at once, and its success wins', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.crashOn('a');
  second.setResponse('a', 'saved');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)], { output: '${{ steps.a.output }}' }));
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  expect(run.history().map(({ startedAt }) => startedAt)).toEqual([mesh.clock.now(), mesh.clock.now()]);
  expect((await run.result()).output).toBe('saved');
});

test('a step that is not idempotent waits out the loss window', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.crashOn('a');
  second.setResponse('a', 'saved');
  const run = await mesh.startWorkflow(flow([step('a')]));
  const startedAt = mesh.clock.now();
  await mesh.advance('29.5s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  await expectReplay(mesh, run);
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  const moved = (run.history()[1]?.startedAt ?? 0) - startedAt;
  expect(moved).toBeGreaterThanOrEqual(30_000);
  expect(moved).toBeLessThanOrEqual(30_250);
});

test('a step has a loss window of its own', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.crashOn('a').crashOn('b');
  second.setResponse('a', 1).setResponse('b', 1);
  const run = await mesh.startWorkflow(flow([step('a', { lossWindow: '5s' })]));
  await mesh.advance('5.3s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
});

test('after a cut the agent goes on with what it has, and nothing runs twice', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 'mine').setDelay('a', '40s');
  second.setResponse('b', 1);
  const run = await mesh.startWorkflow(flow([step('a')], { output: '${{ steps.a.output }}' }));
  await mesh.advance('5s');
  first.cut();
  await mesh.advance('15s');
  first.mend();
  await stepThrough(mesh, run, 60_000);
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(first.calls).toHaveLength(1);
  expect((await run.result()).output).toBe('mine');
});

test('a result made during a cut is accepted on return', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 'made offline').setDelay('a', '10s');
  const run = await mesh.startWorkflow(flow([step('a')], { output: '${{ steps.a.output }}' }));
  await mesh.advance('5s');
  worker.cut();
  await mesh.advance('15s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  worker.mend();
  await mesh.advance('12s');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect((await run.result()).output).toBe('made offline');
});

test('an agent stops what is not idempotent before the control plane gives it away', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  let stoppedAt = 0;
  first.setResponse('a', async (_, ctx) => {
    ctx.signal.addEventListener('abort', () => {
      stoppedAt = mesh.clock.now();
    });
    await mesh.sleep('1h', ctx.signal);
  });
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('1s');
  first.hold();
  await mesh.advance('45s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  expect(stoppedAt).toBeGreaterThan(0);
  expect(stoppedAt).toBeLessThan(run.history()[1]?.startedAt ?? 0);
});

test('an agent that is silent is SUSPECT after two beats and gets no new work', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2, { slots: 1 });
  first.setResponse('a', 'first');
  second.setResponse('a', 'second');
  await mesh.settle();
  first.hold();
  await mesh.advance('11s');
  expect(mesh.controlPlane.listAgents('default')[0]?.instances.map(({ status }) => status)).toEqual([
    'SUSPECT',
    'READY',
  ]);
  const run = await mesh.startWorkflow(flow([step('a')]));
  expect(run.history()[0]?.instance).toBe(second.instanceId);
  first.release();
  await mesh.advance('1s');
  expect(mesh.controlPlane.listAgents('default')[0]?.instances.map(({ status }) => status)).toEqual(['READY', 'READY']);
});

test('a half-open link is found after 15 s, and an idempotent step moves then', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 1).setDelay('a', '1h');
  second.setResponse('a', 2);
  const run = await mesh.startWorkflow(flow([step('a', idempotent)]));
  first.hold();
  await mesh.advance('14.5s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
});

test('of two live attempts the first success wins, and the other is told to stop', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 'first').setDelay('a', '20s');
  second.setResponse('a', 'second').setDelay('a', '1h');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)], { output: '${{ steps.a.output }}' }));
  first.cut();
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 OPEN', 'a#2 OPEN']);
  first.mend();
  await mesh.advance('12s');
  await expectReplay(mesh, run);
  await mesh.advance('10s');
  expect(run).toHaveHistory(['a#1 COMPLETED', 'a#2 SUPERSEDED']);
  expect((await run.result()).output).toBe('first');
  // Its slot is free again: the handler was told to stop, and did.
  expect(mesh.controlPlane.listAgents('default')[0]?.instances.map(({ slotsUsed }) => slotsUsed)).toEqual([0, 0]);
});

test('a failure does not count while another attempt is live', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', 'first').setDelay('a', '20s');
  second.failWith('a', 'NO').setDelay('a', '2s');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)]));
  first.cut();
  await mesh.advance('1s');
  first.mend();
  await stepThrough(mesh, run, 30_000);
  expect(run).toHaveHistory(['a#1 COMPLETED', 'a#2 FAILED']);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a return before another agent took the step takes it out of the queue', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '20s');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)]));
  worker.cut();
  await mesh.advance('1s');
  worker.mend();
  await mesh.advance('12s');
  await expectReplay(mesh, run);
  const late = mesh.agent('worker').setResponse('a', 2);
  await mesh.advance('20s');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(late.calls).toHaveLength(0);
  expect(mesh.data.tasks.size).toBe(0);
});

test('a third attempt of an idempotent step fences the oldest', async () => {
  await using mesh = await TestMesh.start();
  const [first, second, third] = mesh.agents('worker', 3);
  first.setResponse('a', 'first').setDelay('a', '1h');
  second.setResponse('a', 'second').setDelay('a', '1h');
  third.setResponse('a', 'third').setDelay('a', '2s');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)], { output: '${{ steps.a.output }}' }));
  first.cut();
  await mesh.advance('1s');
  second.cut();
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 OPEN', 'a#3 OPEN']);
  await expectReplay(mesh, run);
  await mesh.advance('2s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 LOST', 'a#3 COMPLETED']);
  expect((await run.result()).output).toBe('third');
});

test('a step that kills three agents is POISONED, and its neighbours are not harmed', async () => {
  await using mesh = await TestMesh.start();
  const workers = mesh.agents('worker', 5);
  for (const worker of workers) worker.setResponse('fine', 1).setDelay('fine', '1m').crashOn('bad');
  mesh.agent('other').setResponse('fine', 1).setDelay('fine', '1m');
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('bad', { ...idempotent, onFailure: 'continue' }), step('fine', idempotent)])]),
  );
  await mesh.advance('3m');
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  const bad = result.steps.find(({ stepId }) => stepId === 'bad');
  expect(bad?.error?.code).toBe('POISONED');
  expect(bad?.attempts.map(({ outcome }) => outcome)).toEqual(['LOST', 'LOST', 'LOST']);
  expect(result.steps.find(({ stepId }) => stepId === 'fine')?.status).toBe('COMPLETED');
});

test('a step that is not idempotent is POISONED after three windows', async () => {
  await using mesh = await TestMesh.start();
  for (const worker of mesh.agents('worker', 5)) worker.crashOn('bad');
  const run = await mesh.startWorkflow(flow([step('bad')]));
  await mesh.advance('2m');
  expect((await run.result()).error?.code).toBe('POISONED');
  expect(run).toHaveHistory(['bad#1 LOST', 'bad#2 LOST', 'bad#3 LOST']);
});

test('an attempt that is not accepted in time goes to another agent, and its agent is kept away for a while', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.neverAccept('a').neverAccept('b');
  second.setResponse('a', 'second').setResponse('b', 'second');
  const run = await mesh.startWorkflow(flow([step('a', idempotent), step('b', idempotent)]));
  await mesh.advance('4.9s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  await stepThrough(mesh, run, 30_000);
  expect(run.history()[0]?.outcome).toBe('NOT_ACCEPTED');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(first.calls).toHaveLength(0);
});

test('a step that is not idempotent waits for the grace after it was not accepted', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.neverAccept('a');
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('14.9s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
});

test('an agent that takes an attempt too late is told to stop, and its slot comes back', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2, { slots: 1 });
  first.setResponse('a', 'late').setDelay('a', '1h');
  second.setResponse('a', 'second');
  await mesh.settle();
  first.slow('4s');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)]));
  await mesh.advance('20s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
  expect(mesh.controlPlane.listAgents('default')[0]?.instances.map(({ slotsUsed }) => slotsUsed)).toEqual([0, 0]);
});

test('an agent that is about to leave refuses, and the step goes elsewhere without a try', async () => {
  await using mesh = await TestMesh.start();
  const first = mesh.agent('worker');
  const second = mesh.agent('worker', { slots: 1 });
  first.setResponse('long', 1).setDelay('long', '20s');
  await mesh.startWorkflow(flow([step('long')], { name: 'Long' }));
  first.setResponse('a', 1);
  second.setResponse('a', 2).setDelay('a', '1s');
  await mesh.settle();
  first.slow('1s');
  const leaving = first.stop(60_000);
  // Its word that it leaves is still under way.
  const run = await mesh.startWorkflow(flow([parallel('p', [step('a'), step('b', { action: 'a' })])]));
  await mesh.advance('1m');
  await leaving;
  expect((await run.result()).status).toBe('COMPLETED');
  expect(
    run
      .history()
      .map(({ outcome }) => outcome)
      .sort(),
  ).toEqual(['COMPLETED', 'COMPLETED', 'REJECTED']);
  expect(run.history().every((entry) => entry.try === 1)).toBe(true);
});

test('a handler hands its work back, and another agent does it', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', () => {
    throw new HandBack('not me');
  });
  second.setResponse('a', 'done');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('5s');
  expect(run).toHaveHistory(['a#1 HANDED_BACK', 'a#2 COMPLETED']);
});

test('an agent that leaves in order lets its work finish, hands back the rest, and nothing is lost', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('short', 1).setDelay('short', '3s').setResponse('long', 1).setDelay('long', '1h');
  const run = await mesh.startWorkflow(flow([parallel('p', [step('short'), step('long')])]));
  second.setResponse('long', 2).setDelay('long', '5s');
  await mesh.settle();
  const leaving = first.stop(10_000);
  await mesh.advance('20s');
  await leaving;
  expect(run).toHaveHistory(['short#1 COMPLETED', 'long#1 HANDED_BACK', 'long#2 COMPLETED']);
  expect(mesh.controlPlane.listAgents('default')[0]?.status).toBe('READY');
});

test('a new start of an agent after a crash takes work at once', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').crashOn('a').setResponse('a', 'again');
  const run = await mesh.startWorkflow(flow([step('a', idempotent)]));
  const before = worker.instanceId;
  worker.restart();
  await mesh.advance('1s');
  expect(worker.instanceId).not.toBe(before);
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
});

test('the next attempt gets the last checkpoint', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', async (_, ctx) => {
    for (let i = 1; ; i++) {
      ctx.checkpoint({ done: i });
      await mesh.sleep('2s', ctx.signal);
    }
  });
  second.setResponse('a', (_, ctx) => ctx.lastCheckpoint);
  const run = await mesh.startWorkflow(flow([step('a', idempotent)], { output: '${{ steps.a.output }}' }));
  await mesh.advance('5s');
  first.crash();
  await mesh.advance('1s');
  expect((await run.result()).output).toEqual({ done: 3 });
});

test('an agent that comes back after it was given up is told to stop, and its slots are counted until it has', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2, { slots: 1 });
  const deaf = async () => {
    await mesh.sleep('10m');
    return 'too late';
  };
  first.setResponse('a', deaf);
  second.setResponse('a', 'second').setDelay('a', '5m');
  const run = await mesh.startWorkflow(flow([step('a')], { output: '${{ steps.a.output }}' }));
  first.cut();
  await mesh.advance('40s');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 OPEN']);
  first.mend();
  await mesh.advance('20s');
  const used = (): readonly number[] =>
    mesh.controlPlane.listAgents('default')[0]?.instances.map(({ slotsUsed }) => slotsUsed) ?? [];
  expect(used()).toEqual([1, 1]);
  // Both slots are taken, so the next run waits instead of being refused.
  const next = await mesh.startWorkflow(flow([step('a')], { name: 'Next' }));
  expect(next).toHaveHistory([]);
  await mesh.advance('20m');
  expect((await run.result()).output).toBe('second');
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  expect(used()).toEqual([0, 0]);
  expect(next.history().every(({ outcome }) => outcome === 'COMPLETED')).toBe(true);
});
