/** Tries, attempts, backoff, and the four timeouts. */
import { expect, test } from 'vitest';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, statuses, step, stepThrough } from './flow.ts';

function gaps(run: TestRun): readonly number[] {
  const starts = run.history().map(({ startedAt }) => startedAt);
  return starts.slice(1).map((at, i) => at - (starts[i] ?? 0));
}

test('tries again with a backoff that doubles up to its maximum', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO', { times: 4 }).setResponse('a', 'fine');
  const retry = { tries: 5, backoff: '1s', factor: 2, maxBackoff: '3s', jitter: false };
  const run = await mesh.startWorkflow(flow([step('a', { retry })]));
  await stepThrough(mesh, run, 60_000, 30);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(gaps(run)).toEqual([1_000, 2_000, 3_000, 3_000]);
  expect(run.history().map((entry) => entry.try)).toEqual([1, 2, 3, 4, 5]);
});

test('full jitter stays within the backoff and differs from attempt to attempt', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO', { times: 6 }).setResponse('a', 'fine');
  const run = await mesh.startWorkflow(flow([step('a', { retry: { tries: 7, backoff: '10s', factor: 1 } })]));
  await mesh.advance('2m');
  expect((await run.result()).status).toBe('COMPLETED');
  for (const gap of gaps(run)) expect(gap).toBeLessThanOrEqual(10_000);
  expect(new Set(gaps(run)).size).toBe(6);
});

test('a backoff whose power overflows is still a backoff', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').failWith('a', 'NO').failWith('b', 'NO');
  const run = await mesh.startWorkflow(flow([step('a', { retry: { tries: 160, backoff: 0, factor: 100 } })]));
  expect((await run.result()).error?.code).toBe('NO');
  expect(worker.calls).toHaveLength(160);
  const slow = { tries: 160, backoff: '1s', factor: 100, maxBackoff: '1s', jitter: false };
  const other = await mesh.startWorkflow(flow([step('b', { retry: slow })], { name: 'Slow' }));
  await mesh.advance('3m');
  expect((await other.result()).error).toMatchObject({ code: 'NO', attempt: 160 });
});

test('fails with the last error when the tries are used up', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').failWith('a', 'NO');
  const run = await mesh.startWorkflow(flow([step('a', { retries: 2 })]));
  await mesh.advance('1m');
  expect((await run.result()).error).toMatchObject({ code: 'NO', attempt: 3 });
  expect(worker.calls).toHaveLength(3);
  await mesh.advance('24h');
  expect(worker.calls).toHaveLength(3);
});

test('does not try again what the handler, or the policy, calls final', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').failWith('a', 'FINAL', { retryable: false }).failWith('b', 'BAD_CARD');
  const first = await mesh.startWorkflow(flow([step('a', { retries: 5 })]));
  const second = await mesh.startWorkflow(
    flow([step('b', { retry: { tries: 5, nonRetryable: ['BAD_CARD'] } })], { name: 'B' }),
  );
  expect((await first.result()).error?.code).toBe('FINAL');
  expect((await second.result()).error?.code).toBe('BAD_CARD');
  expect(worker.calls).toHaveLength(2);
});

test('waits as long as the handler asks for', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'BUSY', { times: 1, retryAfterMs: 20_000 }).setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([step('a', { retries: 1 })]));
  await mesh.advance('1m');
  expect(gaps(run)).toEqual([20_000]);
});

test('goes to another agent after a failure while there is one', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.failWith('a', 'NO');
  second.setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([step('a', { retries: 1 })]));
  await mesh.advance('1m');
  expect(run.history().map(({ instance }) => instance)).toEqual([first.instanceId, second.instanceId]);
});

test('hand-backs and losses are attempts and not tries', async () => {
  await using mesh = await TestMesh.start();
  const { HandBack } = await import('../../../src/agent-sdk/index.ts');
  const [first, second, third] = mesh.agents('worker', 3);
  let handBacks = 0;
  first.setResponse('a', () => {
    if (handBacks++ === 0) throw new HandBack('not today');
    return 'fine';
  });
  second.crashOn('a');
  third.failWith('a', 'NO', { times: 1 });
  const run = await mesh.startWorkflow(flow([step('a', { retry: { tries: 2, backoff: 0 } })]));
  await stepThrough(mesh, run, 60_000);
  expect(run).toHaveHistory(['a#1 HANDED_BACK', 'a#2 LOST', 'a#3 FAILED', 'a#4 COMPLETED']);
  expect(run.history().map((entry) => entry.try)).toEqual([1, 1, 1, 2]);
});

test('an agent that hands everything back gets the step again after a pause, not in a loop', async () => {
  await using mesh = await TestMesh.start();
  const { HandBack } = await import('../../../src/agent-sdk/index.ts');
  const worker = mesh.agent('worker').setResponse('a', () => {
    throw new HandBack('never');
  });
  await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('20s');
  expect(worker.calls.length).toBeGreaterThan(1);
  expect(worker.calls.length).toBeLessThan(25);
});

test('`timeout` ends an attempt, stops its handler and tries again when that has stopped', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 'late').setDelay('a', Number.POSITIVE_INFINITY);
  const run = await mesh.startWorkflow(flow([step('a', { timeout: '3s', retry: { tries: 2, backoff: 0 } })]));
  await mesh.advance('3s');
  expect(run).toHaveHistory(['a#1 TIMED_OUT', 'a#2 OPEN']);
  await expectReplay(mesh, run);
  await mesh.advance('3s');
  const result = await run.result();
  expect(result.status).toBe('FAILED');
  expect(result.error?.code).toBe('STEP_TIMEOUT');
  expect(await statuses(run)).toEqual({ a: 'TIMED_OUT' });
  expect(worker.calls).toHaveLength(2);
});

test('after a timeout a handler that ignores its signal keeps the next try waiting for the grace, not longer', async () => {
  await using mesh = await TestMesh.start();
  const deaf = async () => {
    await mesh.sleep('1h');
    return 'late';
  };
  mesh.agent('worker').setResponse('a', deaf);
  const run = await mesh.startWorkflow(flow([step('a', { timeout: '3s', retry: { tries: 2, backoff: 0 } })]));
  await mesh.advance('12.9s');
  expect(run).toHaveHistory(['a#1 TIMED_OUT']);
  await mesh.advance('200ms');
  expect(run).toHaveHistory(['a#1 TIMED_OUT', 'a#2 OPEN']);
  expect(gaps(run)).toEqual([13_000]);
});

test('an idempotent step is tried again at once after a timeout', async () => {
  await using mesh = await TestMesh.start();
  const deaf = async () => {
    await mesh.sleep('1h');
    return 'late';
  };
  const [first, second] = mesh.agents('worker', 2);
  first.setResponse('a', deaf);
  second.setResponse('a', 'fine');
  const run = await mesh.startWorkflow(
    flow([step('a', { idempotent: true, timeout: '3s', retry: { tries: 2, backoff: 0 } })]),
  );
  await mesh.advance('3s');
  expect(run).toHaveHistory(['a#1 TIMED_OUT', 'a#2 COMPLETED']);
});

test('`totalTimeout` spans all tries and backoffs', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setDelay('a', '2s');
  const retry = { tries: 100, backoff: '4s', factor: 1, jitter: false };
  const run = await mesh.startWorkflow(flow([step('a', { totalTimeout: '13s', retry })]));
  await stepThrough(mesh, run, 30_000);
  const result = await run.result();
  expect(result.error?.code).toBe('TOTAL_TIMEOUT');
  expect(result.durationMs).toBe(13_000);
  expect(run).toHaveHistory(['a#1 FAILED', 'a#2 FAILED', 'a#3 TIMED_OUT']);
});

test('`totalTimeout` of a block stops what runs in it and skips the rest', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h').setResponse('b', 1);
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('a'), step('b')], { totalTimeout: '5s', concurrency: 1 })]),
  );
  await stepThrough(mesh, run, 10_000);
  expect((await run.result()).error).toMatchObject({ code: 'TOTAL_TIMEOUT', step: 'p' });
  expect(await statuses(run)).toEqual({ p: 'TIMED_OUT', a: 'CANCELLED', b: 'SKIPPED' });
});

test('`totalTimeout` of a block that puts up with failures makes it TIMED_OUT, also after one', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setResponse('b', 1).setDelay('b', '1h');
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('a'), step('b')], { totalTimeout: '5s', onFailure: 'continue' })]),
  );
  await stepThrough(mesh, run, 10_000);
  expect(await statuses(run)).toEqual({ p: 'TIMED_OUT', a: 'FAILED', b: 'CANCELLED' });
  await expectReplay(mesh, run);
});

test('`queueTimeout` fails a step that no agent takes with NO_AGENT', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([step('nobody', { queueTimeout: '7s' })]));
  await mesh.advance('6.9s');
  await expect(run.result()).rejects.toThrow(/"nobody#1" \(queued\) in 100ms/);
  await mesh.advance('200ms');
  expect((await run.result()).error).toMatchObject({ code: 'NO_AGENT', step: 'nobody' });
  await expectReplay(mesh, run);
});

test('without a `queueTimeout` a step waits for its agent as long as it takes, and says so', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('7d');
  await expect(run.result()).rejects.toMatchObject({ code: 'NOTHING_RUNNABLE' });
  expect((await run.handle.explain('a')).summary).toMatch(/NO_AGENT/);
  mesh.agent('late').setResponse('a', 1);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('`heartbeatTimeout` ends a silent handler and leaves one that reports alone', async () => {
  await using mesh = await TestMesh.start();
  const lively = async (_: unknown, ctx: { progress(fraction: number): void }) => {
    for (let i = 0; i < 10; i++) {
      await mesh.sleep('4s');
      ctx.progress(i / 10);
    }
    return 'fine';
  };
  mesh.agent('worker').setResponse('lively', lively).setResponse('silent', 1).setDelay('silent', '1h');
  const run = await mesh.startWorkflow(
    flow([
      parallel('p', [
        step('lively', { heartbeatTimeout: '5s' }),
        step('silent', { heartbeatTimeout: '5s', onFailure: 'continue' }),
      ]),
    ]),
  );
  await stepThrough(mesh, run, 60_000, 20);
  expect(await statuses(run)).toEqual({ p: 'COMPLETED', lively: 'COMPLETED', silent: 'TIMED_OUT' });
  expect(run).toHaveHistory(['lively#1 COMPLETED', 'silent#1 TIMED_OUT']);
});

test('a capability states the timeout of steps that state none', async () => {
  await using mesh = await TestMesh.start();
  const { capability } = await import('../../../src/core/capability.ts');
  const { z } = await import('zod');
  const quick = capability('quick', { input: z.unknown(), output: z.unknown(), timeout: '2s' });
  mesh.agent('worker').setResponse(quick, 1).setDelay(quick, '1h');
  const run = await mesh.startWorkflow(flow([step('quick')]));
  await mesh.advance('2s');
  expect((await run.result()).error?.code).toBe('STEP_TIMEOUT');
});
