/** Attempts that the control plane ends by its word, while nobody may hear it. */
import { expect, test } from 'vitest';
import type { MockAgent } from '../../../src/testing/index.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';
import { hello, RawAgent } from './raw-agent.ts';

const again = { retry: { tries: 2, backoff: '1ms', jitter: false } };

/** When attempts started, ms after the first. */
function starts(run: TestRun): readonly number[] {
  return run.history().map(({ startedAt }) => startedAt - (run.history()[0]?.startedAt ?? 0));
}

interface Work {
  /** Ms after it began; 0: it goes on. */
  stoppedAt: number;
}

/** Works for an hour unless it is told to stop; winding down takes a while. `onStart` happens before its acceptance leaves. */
function longWork(
  mesh: TestMesh,
  agent: MockAgent,
  { onStart = () => {}, windDown = 0 }: { readonly onStart?: () => void; readonly windDown?: number } = {},
): Work {
  const work: Work = { stoppedAt: 0 };
  agent.setResponse('a', async (_, ctx) => {
    const startedAt = mesh.clock.now();
    onStart();
    await mesh.sleep('1h', ctx.signal).catch(() => {});
    await mesh.sleep(windDown);
    work.stoppedAt = mesh.clock.now() - startedAt;
    throw ctx.signal.reason;
  });
  return work;
}

test('what is not accepted because the network went silent starts again when its first agent has stopped by its own clock', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  const work = longWork(mesh, first, { onStart: () => first.hold() });
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('29.5s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
  expect(work.stoppedAt).toBeGreaterThan(0);
  await expectReplay(mesh, run);
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
  expect(starts(run)[1]).toBeGreaterThan(work.stoppedAt);
  await expectReplay(mesh, run);
});

test('what times out in silence starts again when its first agent has stopped by its own clock', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  const work = longWork(mesh, first);
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a', { ...again, heartbeatTimeout: '5s' })]));
  await mesh.advance('1s');
  first.hold();
  await mesh.advance('28.5s');
  expect(run).toHaveHistory(['a#1 TIMED_OUT']);
  expect(work.stoppedAt).toBeGreaterThan(0);
  await mesh.advance('2s');
  expect(run).toHaveHistory(['a#1 TIMED_OUT', 'a#2 COMPLETED']);
  expect(starts(run)[1]).toBeGreaterThan(work.stoppedAt);
  await expectReplay(mesh, run);
});

test('a short window of a step is what is waited for, but not less than the grace', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  longWork(mesh, first, { onStart: () => first.hold() });
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a', { lossWindow: '8s' })]));
  await mesh.advance('16s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
  expect(starts(run)[1]).toBe(15_000);
});

test('a handler that ignores its signal on an agent that beats holds its step no longer than the grace and a beat', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', () => mesh.sleep('1h'));
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a', { ...again, timeout: '5s' })]));
  await mesh.advance('25s');
  expect(run).toHaveHistory(['a#1 TIMED_OUT', 'a#2 COMPLETED']);
  expect(starts(run)[1]).toBeGreaterThanOrEqual(15_000);
  expect(starts(run)[1]).toBeLessThanOrEqual(20_000);
  await expectReplay(mesh, run);
});

test('a stop that is read late is waited for until the handler has stopped', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  const work = longWork(mesh, first, { onStart: () => first.hold(), windDown: 4_000 });
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('14s');
  first.release();
  await mesh.advance('3s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
  await mesh.advance('2s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
  expect(starts(run)[1]).toBe(work.stoppedAt);
  expect(work.stoppedAt).toBe(18_000);
});

test('after a restart of the control plane nobody knows who heard what: a window from its start is waited out', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  const work = longWork(mesh, first, { onStart: () => first.hold() });
  second.setResponse('a', 'second');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('6s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
  await mesh.restart();
  await mesh.advance('29s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
  expect(work.stoppedAt).toBeGreaterThan(0);
  await mesh.advance('2s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
  expect(starts(run)[1]).toBeGreaterThan(work.stoppedAt);
  await expectReplay(mesh, run);
});

test('an instance that comes back without the attempt confirms that it stopped', async () => {
  await using mesh = await TestMesh.start();
  const raw = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  mesh.agent('worker').setResponse('a', 'second');
  await mesh.advance('6s');
  await raw.drop();
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
  await new RawAgent(mesh).say(hello('inst-0001', []));
  await mesh.settle();
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
  expect(starts(run)).toEqual([0, 7_000]);
  expect(run.journal().map(({ type }) => type)).toContain('StopConfirmed');
  await expectReplay(mesh, run);
});

test('an agent that does not say what it has heard has until its own clock ends the attempt', async () => {
  await using mesh = await TestMesh.start();
  const raw = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  mesh.agent('worker').setResponse('a', 'second');
  for (let number = 1; number <= 34; number++) {
    await mesh.advance('1s');
    await raw.say({ type: 'beat', number, load: 0, loopLagMs: 0 });
  }
  // The stop left 5 s after the start.
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
  await mesh.advance('2s');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 COMPLETED']);
});
