/** What a failure stops, and what runs although something failed. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { endsBefore, expectReplay, flow, parallel, sequential, startsOf, statuses, step, stepThrough } from './flow.ts';

test('a failure that nobody handles fails the run with step, attempt, agent and error, and skips the rest', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).failWith('b', 'DISK_FULL', { message: 'no room' }).setResponse('c', 1);
  const run = await mesh.startWorkflow(flow([step('a'), step('b'), step('c')]));
  const result = await run.result();
  expect(result.status).toBe('FAILED');
  expect(result.error).toMatchObject({ code: 'DISK_FULL', message: 'no room', step: 'b', attempt: 1, agent: 'worker' });
  expect(await statuses(run)).toEqual({ a: 'COMPLETED', b: 'FAILED', c: 'SKIPPED' });
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 FAILED']);
  await expectReplay(mesh, run);
});

test('a skip because something failed goes on through the chain and names its cause', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setResponse('x', 1);
  const run = await mesh.startWorkflow(
    flow([parallel('p', [sequential('s', [step('a'), step('b'), step('c')]), step('x')])]),
  );
  const skipped = run.journal().filter((event) => event.type === 'StepSkipped');
  expect(
    skipped.map((event) => (event.type === 'StepSkipped' ? [event.path, event.reason, event.because] : [])),
  ).toEqual([
    ['b', 'DEPENDENCY', 'a'],
    ['c', 'DEPENDENCY', 'b'],
  ]);
  expect(await statuses(run)).toEqual({
    p: 'FAILED',
    s: 'FAILED',
    a: 'FAILED',
    b: 'SKIPPED',
    c: 'SKIPPED',
    x: 'COMPLETED',
  });
});

test('`onFailure: continue` handles a failure: dependents run and see status and error', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .failWith('a', 'NO', { message: 'never' })
    .setResponse('b', (input) => input);
  const run = await mesh.startWorkflow(
    flow([
      step('a', { onFailure: 'continue' }),
      step('b', { parameters: { status: '${{ steps.a.status }}', code: '${{ steps.a.error.code }}' } }),
    ]),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls.at(-1)?.input).toEqual({ status: 'FAILED', code: 'NO' });
});

test('waitAll lets siblings finish and then fails', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setResponse('b', 1).setDelay('b', '5s').setResponse('after', 1);
  const run = await mesh.startWorkflow(flow([parallel('p', [step('a'), step('b')]), step('after')]));
  await stepThrough(mesh, run, 10_000);
  expect(await statuses(run)).toEqual({ p: 'FAILED', a: 'FAILED', b: 'COMPLETED', after: 'SKIPPED' });
  expect((await run.result()).error?.code).toBe('NO');
  expect(run).toHaveHistory(['a#1 FAILED', 'b#1 COMPLETED']);
});

test('failFast stops siblings that run and skips those that did not start', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('bad', 'NO').setDelay('bad', '1s').setResponse('slow', 1).setDelay('slow', '1h');
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('bad'), step('slow'), step('never')], { onFailure: 'failFast', concurrency: 2 })]),
  );
  await stepThrough(mesh, run, 5_000);
  expect(await statuses(run)).toEqual({ p: 'FAILED', bad: 'FAILED', slow: 'CANCELLED', never: 'SKIPPED' });
  expect(run).toHaveHistory(['bad#1 FAILED', 'slow#1 CANCELLED']);
  expect((await run.result()).durationMs).toBe(1_000);
});

test('a quorum completes the block when enough children have, and stops the rest', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setResponse('b', 2).setResponse('c', 3).setDelay('c', '1s');
  mesh.agent('slow').setResponse('d', 4).setDelay('d', '1h');
  const children = [step('a'), step('b'), step('c'), step('d'), step('e')];
  const run = await mesh.startWorkflow(
    flow([parallel('p', children, { quorum: 2 })], { output: '${{ steps.p.output }}' }),
  );
  await stepThrough(mesh, run, 20_000);
  expect(await statuses(run)).toEqual({
    p: 'COMPLETED',
    a: 'FAILED',
    b: 'COMPLETED',
    c: 'COMPLETED',
    d: 'CANCELLED',
    e: 'CANCELLED',
  });
  expect((await run.result()).output).toEqual({ b: 2, c: 3 });
  expect(run).toHaveHistory(['a#1 FAILED', 'b#1 COMPLETED', 'c#1 COMPLETED', 'd#1 CANCELLED']);
  await expectReplay(mesh, run);
});

test('a quorum that can no longer be reached stops the rest and fails', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').failWith('b', 'NO').setResponse('c', 3).setDelay('c', '1h');
  const run = await mesh.startWorkflow(flow([parallel('p', [step('a'), step('b'), step('c')], { quorum: 2 })]));
  await stepThrough(mesh, run, 20_000);
  expect(await statuses(run)).toEqual({ p: 'FAILED', a: 'FAILED', b: 'FAILED', c: 'CANCELLED' });
  const { error } = await run.result();
  expect(error).toMatchObject({ code: 'QUORUM_NOT_REACHED', step: 'p' });
  expect(error?.message).toContain('only 0 of 2');
  expect(error?.message).toContain('the first failure: NO');
});

test('`continue` completes the block; failed children have no output, only status and error', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .failWith('a', 'NO')
    .setResponse('b', 2)
    .setResponse('c', (input) => input);
  const run = await mesh.startWorkflow(
    flow([
      parallel('p', [step('a'), step('b')], { onFailure: 'continue' }),
      step('c', { parameters: { all: '${{ steps.p.output }}', a: '${{ steps.a.status }}' } }),
    ]),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls.at(-1)?.input).toEqual({ all: { b: 2 }, a: 'FAILED' });
});

test('`runOn: failure` runs when a dependency failed, and is skipped when none did', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO').setResponse('rescue', 1).setResponse('b', 1).setResponse('ok', 1);
  const failing = await mesh.startWorkflow(
    flow([step('a'), step('rescue', { runOn: 'failure' }), step('b', { dependencies: ['a'] })]),
  );
  expect(await statuses(failing)).toEqual({ a: 'FAILED', rescue: 'COMPLETED', b: 'SKIPPED' });
  expect((await failing.result()).status).toBe('FAILED');
  const fine = await mesh.startWorkflow(flow([step('ok'), step('rescue', { runOn: 'failure' })], { name: 'Fine' }));
  expect(await statuses(fine)).toEqual({ ok: 'COMPLETED', rescue: 'SKIPPED' });
  expect((await fine.result()).status).toBe('COMPLETED');
});

test('`runOn: always` and `finally` run after a failure, in order, and their own failure does not change the outcome', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .failWith('a', 'NO')
    .setResponse('always', 1)
    .failWith('tidy', 'TIDY_FAILED')
    .setResponse('report', 1);
  const run = await mesh.startWorkflow(
    flow([step('a'), step('always', { runOn: 'always' })], {
      finally: [step('tidy'), step('report', { runOn: 'always' })],
    }),
  );
  const result = await run.result();
  expect(result.status).toBe('FAILED');
  expect(result.error?.code).toBe('NO');
  expect(result.cleanupErrors.map(({ code }) => code)).toEqual(['TIDY_FAILED']);
  expect(startsOf(run)).toEqual(['a', 'always', 'tidy', 'report']);
  expect(endsBefore(run, 'always', 'tidy')).toBe(true);
  await expectReplay(mesh, run);
});

test('`finally` runs after a body that ended well, and its failure does not change the outcome', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 7).failWith('tidy', 'TIDY_FAILED');
  const run = await mesh.startWorkflow(flow([step('a')], { finally: [step('tidy')], output: '${{ steps.a.output }}' }));
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  expect(result.output).toBe(7);
  expect(result.cleanupErrors).toHaveLength(1);
});

test('an unhandled failure stops what else runs in the body, with a grace in which a result still counts', async () => {
  await using mesh = await TestMesh.start();
  const stubborn = async () => {
    await mesh.sleep('4s');
    return 'done anyway';
  };
  mesh.agent('worker').failWith('bad', 'NO').setDelay('bad', '1s').setResponse('stubborn', stubborn);
  mesh.agent('other').setResponse('next', 1);
  const run = await mesh.startWorkflow(
    flow([
      step('bad', { dependencies: [] }),
      step('stubborn', { dependencies: [] }),
      step('next', { dependencies: ['stubborn'] }),
    ]),
  );
  await stepThrough(mesh, run, 20_000);
  expect(await statuses(run)).toEqual({ bad: 'FAILED', stubborn: 'COMPLETED', next: 'SKIPPED' });
  expect((await run.result()).status).toBe('FAILED');
});

test('the run waits no longer than the grace for a handler that ignores its signal', async () => {
  await using mesh = await TestMesh.start();
  const deaf = async () => {
    await mesh.sleep('1h');
    return 'late';
  };
  mesh.agent('worker').failWith('bad', 'NO').setDelay('bad', '1s').setResponse('deaf', deaf);
  const run = await mesh.startWorkflow(flow([step('bad', { dependencies: [] }), step('deaf', { dependencies: [] })]));
  await mesh.advance('10.9s');
  await expect(run.result()).rejects.toMatchObject({ code: 'NOTHING_RUNNABLE' });
  await mesh.advance('200ms');
  expect(await statuses(run)).toEqual({ bad: 'FAILED', deaf: 'CANCELLED' });
  expect((await run.result()).durationMs).toBe(11_000);
  await mesh.advance('2h');
  expect(run).toHaveHistory(['bad#1 FAILED', 'deaf#1 CANCELLED']);
});

test('`output` shapes the result, `assert` judges it and fails the step without another try', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .setResponse('a', { rows: [1, 2, 3] })
    .setResponse('b', { rows: [] });
  const run = await mesh.startWorkflow(
    flow([
      step('a', { output: { n: '${{ size(result.rows) }}' }, assert: 'output.n == 3' }),
      step('b', { retries: 3, output: { n: '${{ size(result.rows) }}' }, assert: 'output.n > 0' }),
    ]),
  );
  const result = await run.result();
  expect(result.steps[0]?.output).toEqual({ n: 3 });
  expect(result.error).toMatchObject({ code: 'ASSERTION_FAILED', step: 'b' });
  expect(worker.calls).toHaveLength(2);
});

test('`retry.onAssert` tries again after a false assert', async () => {
  await using mesh = await TestMesh.start();
  let n = 0;
  mesh.agent('worker').setResponse('a', () => ++n);
  const run = await mesh.startWorkflow(
    flow([step('a', { assert: 'output >= 3', retry: { tries: 5, onAssert: true, backoff: '1s' } })]),
  );
  await mesh.advance('1m');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['a#1 FAILED', 'a#2 FAILED', 'a#3 COMPLETED']);
});

test('a broken `output` of the run fails it, and `finally` still runs', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', {}).setResponse('tidy', 1);
  const run = await mesh.startWorkflow(
    flow([step('a')], { output: { x: '${{ steps.a.output.missing }}' }, finally: [step('tidy')] }),
  );
  const result = await run.result();
  expect(result.status).toBe('FAILED');
  expect(result.error?.code).toBe('MISSING_DATA');
  expect(startsOf(run)).toEqual(['a', 'tidy']);
});

test('a failure inside a block of `finally` is a cleanup failure and does not hang the run', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).failWith('x', 'NO').setResponse('y', 1);
  const run = await mesh.startWorkflow(
    flow([step('a')], { finally: [parallel('tidy', [step('x'), step('y')], { onFailure: 'failFast' })] }),
  );
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  expect(result.cleanupErrors.length).toBeGreaterThan(0);
  await expectReplay(mesh, run);
});

test('a result that is too large to read fails its step with LIMIT; passed on, it may have any size', async () => {
  await using mesh = await TestMesh.start();
  const large = 'x'.repeat(1_200_000);
  mesh
    .agent('worker')
    .setResponse('a', large)
    .setResponse('b', (input) => input);
  const run = await mesh.startWorkflow(
    flow([step('a', { output: 'size(result)', onFailure: 'continue' }), step('b', { parameters: { n: 1 } })]),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['a#1 FAILED', 'b#1 COMPLETED']);
  const { steps } = await mesh.orchestrator.getRun(run.id);
  expect(steps[0]?.error).toMatchObject({ code: 'LIMIT', step: 'a' });
  await expectReplay(mesh, run);
  const block = parallel('p', [step('a')], { output: 'size(result.a)', dependencies: [] });
  const second = await mesh.startWorkflow(flow([block], { name: 'Block' }));
  expect((await second.result()).error).toMatchObject({ code: 'LIMIT', step: 'p' });
  const third = await mesh.startWorkflow(
    flow([step('a'), step('b', { parameters: '${{ steps.a.output }}' })], { name: 'On' }),
  );
  expect(third).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
});
