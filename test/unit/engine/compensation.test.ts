/** What a run that does not complete undoes, and in which order. */
import { expect, test } from 'vitest';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, sequential, startsOf, statuses, step, stepThrough } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

/** A step with a compensation `undo-ID`, which gets what the step gave. */
function undoable(id: string, more: Source = {}, undo: Source = {}): Source {
  const compensate = {
    id: `undo-${id}`,
    action: `undo-${id}`,
    parameters: { of: `\${{ steps.${id}.output }}` },
    ...undo,
  };
  return step(id, { compensate, ...more });
}

/** Every action answers with its name; those of `broken` fail. */
function fleet(mesh: TestMesh, actions: string, ...broken: readonly string[]) {
  const worker = mesh.agent('worker', { slots: 20 });
  for (const action of actions.split(' ')) {
    if (broken.includes(action)) worker.failWith(action, `NO_${action.toUpperCase().replaceAll('-', '_')}`);
    else worker.setResponse(action, action);
  }
  return worker;
}

function undone(run: TestRun): readonly string[] {
  return startsOf(run).filter((path) => path.includes('undo-'));
}

test('what completed is undone in reverse order of completion, each with the output of its step', async () => {
  await using mesh = await TestMesh.start();
  const worker = fleet(mesh, 'a b c d undo-a undo-b undo-c', 'd')
    .setDelay('a', '3s')
    .setDelay('b', '1s')
    .setDelay('c', '2s');
  const run = await mesh.startWorkflow(flow([parallel('p', [undoable('a'), undoable('b'), undoable('c')]), step('d')]));
  await stepThrough(mesh, run, 10_000);
  expect(run.order().filter((line) => line.includes('undo-'))).toEqual([
    'start undo-a#1 worker',
    'end undo-a#1 COMPLETED',
    'start undo-c#1 worker',
    'end undo-c#1 COMPLETED',
    'start undo-b#1 worker',
    'end undo-b#1 COMPLETED',
  ]);
  expect(worker.calls.filter(({ action }) => action.startsWith('undo-')).map(({ input }) => input)).toEqual([
    { of: 'a' },
    { of: 'c' },
    { of: 'b' },
  ]);
  const result = await run.result();
  expect(result).toMatchObject({ status: 'FAILED', error: { code: 'NO_D' }, cleanupErrors: [] });
  expect(result.steps.find(({ path }) => path === 'undo-a')).toMatchObject({ compensates: 'a', cleanup: true });
});

test('a run that completes undoes nothing, and says nothing of compensations', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b tidy', 'tidy');
  const run = await mesh.startWorkflow(flow([undoable('a'), undoable('b')], { finally: [step('tidy')] }));
  await stepThrough(mesh, run, 1_000);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', cleanupErrors: [{ code: 'NO_TIDY' }] });
  expect(await statuses(run)).toEqual({ a: 'COMPLETED', b: 'COMPLETED', tidy: 'FAILED' });
  const { completedSteps, totalSteps } = await mesh.orchestrator.getRun(run.id);
  expect([completedSteps, totalSteps]).toEqual([3, 3]);
});

test.each([
  ['a cancel', {}, async (run: TestRun) => void (await run.cancel()), 'CANCELLED'],
  ['the timeout of the run', { timeout: '10s' }, async () => undefined, 'TIMED_OUT'],
])('%s undoes what completed', async (_, more, act, status) => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b undo-a undo-b').setDelay('b', '1h');
  const run = await mesh.startWorkflow(flow([undoable('a'), undoable('b')], more));
  await mesh.advance('5s');
  await act(run);
  await stepThrough(mesh, run, 60_000);
  expect(startsOf(run)).toEqual(['a', 'b', 'undo-a']);
  expect((await run.result()).status).toBe(status);
  expect(await statuses(run)).toEqual({ a: 'COMPLETED', b: 'CANCELLED', 'undo-a': 'COMPLETED' });
});

test('an output of the run that cannot be made is a failure like others', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a undo-a');
  const run = await mesh.startWorkflow(flow([undoable('a')], { output: '${{ params.missing }}' }));
  await stepThrough(mesh, run, 1_000);
  expect(startsOf(run)).toEqual(['a', 'undo-a']);
  expect((await run.result()).status).toBe('FAILED');
});

test('compensations begin after all of the body, cleanup in it included, and `finally` after them', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b guard alarm tidy undo-a', 'b')
    .setDelay('guard', '5s')
    .setDelay('alarm', '2s')
    .setDelay('undo-a', '3s');
  const run = await mesh.startWorkflow(
    flow(
      [
        undoable('a'),
        step('guard', { dependencies: ['a'], runOn: 'always' }),
        step('b', { dependencies: ['a'] }),
        step('alarm', { dependencies: ['b'], runOn: 'failure' }),
      ],
      { finally: [step('tidy')] },
    ),
  );
  await stepThrough(mesh, run, 20_000);
  const ends = (path: string): number => run.order().findIndex((line) => line.startsWith(`end ${path}#1`));
  const starts = (path: string): number => run.order().findIndex((line) => line.startsWith(`start ${path}#1`));
  expect(starts('undo-a')).toBeGreaterThan(Math.max(ends('guard'), ends('alarm'), ends('b')));
  expect(starts('tidy')).toBeGreaterThan(ends('undo-a'));
  expect((await run.result()).status).toBe('FAILED');
});

test('a paused run that times out is undone before `finally`, too', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b tidy undo-a').setDelay('a', '2s').setDelay('undo-a', '5s');
  const run = await mesh.startWorkflow(flow([undoable('a'), step('b')], { timeout: '1m', finally: [step('tidy')] }));
  await mesh.advance('1s');
  await mesh.orchestrator.pauseRun(run.id);
  await stepThrough(mesh, run, 120_000);
  expect(run.order().slice(-4)).toEqual([
    'start undo-a#1 worker',
    'end undo-a#1 COMPLETED',
    'start tidy#1 worker',
    'end tidy#1 COMPLETED',
  ]);
  expect((await run.result()).status).toBe('TIMED_OUT');
});

test('a step that completes within the grace of a stop is undone, too', async () => {
  await using mesh = await TestMesh.start();
  const stubborn = async () => {
    await mesh.sleep('5s');
    return 'late';
  };
  fleet(mesh, 'a undo-a undo-b').setResponse('b', stubborn);
  const run = await mesh.startWorkflow(flow([undoable('a'), undoable('b')]));
  await mesh.advance('1s');
  await run.cancel();
  await stepThrough(mesh, run, 20_000);
  expect(startsOf(run)).toEqual(['a', 'b', 'undo-b', 'undo-a']);
});

test('a compensation that fails is told beside the outcome, and the others run all the same', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b c d tidy undo-a undo-b undo-c', 'd', 'undo-b');
  const run = await mesh.startWorkflow(
    flow(
      [
        undoable('a'),
        undoable('b', {}, { retry: { tries: 2, backoff: '1s', jitter: false } }),
        undoable('c', {}, { parameters: { x: '${{ steps.c.output.missing }}' } }),
        step('d'),
      ],
      { finally: [step('tidy')] },
    ),
  );
  await stepThrough(mesh, run, 10_000);
  expect(run).toHaveHistory([
    'a#1 COMPLETED',
    'b#1 COMPLETED',
    'c#1 COMPLETED',
    'd#1 FAILED',
    'undo-b#1 FAILED',
    'undo-b#2 FAILED',
    'undo-a#1 COMPLETED',
    'tidy#1 COMPLETED',
  ]);
  const result = await run.result();
  expect(result).toMatchObject({ status: 'FAILED', error: { code: 'NO_D', step: 'd' } });
  expect(result.cleanupErrors).toMatchObject([
    { code: 'MISSING_DATA', step: 'undo-c' },
    { code: 'NO_UNDO_B', step: 'undo-b' },
  ]);
});

test('`when` of a compensation may say that there is nothing to undo', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b c undo-a', 'c');
  const run = await mesh.startWorkflow(
    flow([undoable('a'), undoable('b', {}, { when: 'steps.b.output != "b"' }), step('c')]),
  );
  await stepThrough(mesh, run, 1_000);
  expect(undone(run)).toEqual(['undo-a']);
  expect(await run.result()).toMatchObject({ status: 'FAILED', cleanupErrors: [] });
  expect(await statuses(run)).toMatchObject({ 'undo-b': 'SKIPPED', 'undo-a': 'COMPLETED' });
});

test('what its fallback completed is undone with the output of the fallback', async () => {
  await using mesh = await TestMesh.start();
  const worker = fleet(mesh, 'a invoice b undo-a', 'a', 'b');
  const run = await mesh.startWorkflow(
    flow([undoable('a', { fallback: { id: 'invoice', action: 'invoice' } }), step('b')]),
  );
  await stepThrough(mesh, run, 1_000);
  expect(startsOf(run)).toEqual(['a', 'invoice', 'b', 'undo-a']);
  expect(worker.calls.at(-1)?.input).toEqual({ of: 'invoice' });
});

test('a second cancel kills the cleanup, and names what was not undone', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b c d tidy undo-a undo-b undo-c').setDelay('d', '1h').setDelay('undo-b', '1h');
  const run = await mesh.startWorkflow(
    flow([undoable('a'), undoable('b'), undoable('c'), step('d')], { finally: [step('tidy')] }),
  );
  await mesh.advance('1s');
  await run.cancel();
  await mesh.advance('1s');
  expect(undone(run)).toEqual(['undo-c', 'undo-b']);
  await run.cancel();
  await expectReplay(mesh, run);
  const result = await run.result();
  expect(result).toMatchObject({ status: 'CANCELLED', error: { code: 'CANCELLED' } });
  expect(result.cleanupErrors).toMatchObject([{ code: 'NOT_COMPENSATED' }]);
  expect(result.cleanupErrors[0]?.message).toBe('"a", "b" were not compensated: the cleanup was ended before');
  expect(await statuses(run)).toMatchObject({
    'undo-a': 'SKIPPED',
    'undo-b': 'CANCELLED',
    'undo-c': 'COMPLETED',
    tidy: 'SKIPPED',
  });
});

test('compensations share the cleanupTimeout, and what is over it is named', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b c undo-a undo-b', 'c').setDelay('undo-b', '20s').setDelay('undo-a', '20s');
  const run = await mesh.startWorkflow(flow([undoable('a'), undoable('b'), step('c')], { cleanupTimeout: '30s' }));
  await stepThrough(mesh, run, 60_000);
  expect(run).toHaveHistory([
    'a#1 COMPLETED',
    'b#1 COMPLETED',
    'c#1 FAILED',
    'undo-b#1 COMPLETED',
    'undo-a#1 CANCELLED',
  ]);
  const { cleanupErrors, durationMs } = await run.result();
  expect(cleanupErrors.map(({ message }) => message)).toEqual([
    '"a" was not compensated: the cleanup was ended before',
  ]);
  expect(durationMs).toBe(30_000);
});

test('the iterations of a loop are undone from the last to the first, each with its own values', async () => {
  await using mesh = await TestMesh.start();
  let n = 0;
  const worker = fleet(mesh, 'a d undo-a undo-take undo-give', 'd')
    .setResponse('take', () => ++n)
    .setResponse('give', (input) => input);
  const seen = { own: '${{ steps.take.output }}', n: '${{ iteration }}', last: '${{ last }}' };
  const body = [
    undoable('take', {}, { parameters: seen }),
    undoable('give', { parameters: { took: '${{ steps.take.output }}' } }),
  ];
  const run = await mesh.startWorkflow(
    flow([undoable('a'), loop('l', body, { until: 'iteration >= 3', delay: '1s' }), step('d')]),
  );
  await stepThrough(mesh, run, 10_000);
  expect(undone(run)).toEqual([
    'l/3/undo-give',
    'l/3/undo-take',
    'l/2/undo-give',
    'l/2/undo-take',
    'l/1/undo-give',
    'l/1/undo-take',
    'undo-a',
  ]);
  const inputs = worker.calls.filter(({ action }) => action === 'undo-take').map(({ input }) => input);
  expect(inputs).toEqual([
    { own: 3, n: 3, last: { took: 2 } },
    { own: 2, n: 2, last: { took: 1 } },
    { own: 1, n: 1, last: null },
  ]);
  expect(await statuses(run)).toMatchObject({ l: 'COMPLETED', 'l/1/undo-take': 'COMPLETED' });
});

test('loops in loops, and the iteration that failed, are undone in the order of completion', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'x y bad undo-x undo-y', 'bad');
  const inner = loop('in', [undoable('x')], { until: 'iteration >= 2' });
  const body = [inner, undoable('y'), step('bad', { when: 'iteration == 2' })];
  const run = await mesh.startWorkflow(flow([loop('out', body, { until: 'iteration >= 5' })]));
  await stepThrough(mesh, run, 5_000);
  expect(undone(run)).toEqual([
    'out/2/undo-y',
    'out/2/in/2/undo-x',
    'out/2/in/1/undo-x',
    'out/1/undo-y',
    'out/1/in/2/undo-x',
    'out/1/in/1/undo-x',
  ]);
});

test('a block is undone before the steps in it, and a branch as the run took it', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b c d undo-a undo-s undo-b', 'd');
  const run = await mesh.startWorkflow(
    flow([
      sequential('s', [undoable('a')], { compensate: { id: 'undo-s', action: 'undo-s' } }),
      { id: 'if', type: 'condition', if: 'true', then: [undoable('b')], else: [undoable('c')] },
      step('d'),
    ]),
  );
  await stepThrough(mesh, run, 1_000);
  expect(undone(run)).toEqual(['undo-b', 'undo-s', 'undo-a']);
});

test('compensations survive restarts and lost agents', async () => {
  await using mesh = await TestMesh.start();
  const worker = fleet(mesh, 'a b c undo-a undo-b', 'c').setDelay('undo-b', '5s').setDelay('undo-a', '5s');
  const run = await mesh.startWorkflow(flow([undoable('a'), undoable('b'), step('c')]));
  await mesh.advance('2s');
  await mesh.restart();
  await mesh.advance('2s');
  await expectReplay(mesh, run);
  mesh.crash();
  worker.restart();
  await mesh.restart();
  await stepThrough(mesh, run, 120_000, 20);
  expect(run).toHaveHistory([
    'a#1 COMPLETED',
    'b#1 COMPLETED',
    'c#1 FAILED',
    'undo-b#1 LOST',
    'undo-b#2 COMPLETED',
    'undo-a#1 COMPLETED',
  ]);
  expect(await run.result()).toMatchObject({ status: 'FAILED', cleanupErrors: [] });
});

test('a restart in a loop that was left behind finds the iterations again', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'take d undo-take', 'd').setDelay('undo-take', '5s');
  const run = await mesh.startWorkflow(flow([loop('l', [undoable('take')], { until: 'iteration >= 3' }), step('d')]));
  await mesh.advance('7s');
  await mesh.restart();
  await stepThrough(mesh, run, 30_000);
  expect(undone(run)).toEqual(['l/3/undo-take', 'l/2/undo-take', 'l/1/undo-take']);
  expect(await run.result()).toMatchObject({ status: 'FAILED', cleanupErrors: [] });
});

test('a loop without compensations keeps nothing of its iterations, one with them does', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'plain take undo-take d', 'd').setDelay('d', '1s');
  const run = await mesh.startWorkflow(
    flow([
      loop('none', [step('plain')], { until: 'iteration >= 20' }),
      loop('some', [undoable('take')], { until: 'iteration >= 20' }),
      step('d'),
    ]),
  );
  await mesh.settle();
  const { state } = await mesh.controlPlane.getRun('default', run.id);
  const kept = (slot: number) => state.root.steps[slot]?.detail?.loop?.kept.size;
  expect([kept(0), kept(1)]).toEqual([0, 20]);
  // The list of a run is no longer for it.
  expect((await mesh.orchestrator.getRun(run.id)).steps).toHaveLength(3);
});

test('hundreds of iterations are undone, each once', async () => {
  await using mesh = await TestMesh.start();
  // With time between them, so that no instant has all of the work in it.
  fleet(mesh, 'take d undo-take', 'd').setDelay('undo-take', 10);
  const body = [undoable('take')];
  const run = await mesh.startWorkflow(
    flow([loop('l', body, { until: 'iteration >= 300', maxIterations: 300, delay: 10 }), step('d')]),
  );
  for (let slice = 0; slice < 20; slice++) await mesh.advance('1s');
  expect((await run.result()).status).toBe('FAILED');
  expect(undone(run)).toEqual(Array.from({ length: 300 }, (_, i) => `l/${300 - i}/undo-take`));
});
