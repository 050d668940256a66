/** Fallbacks and compensations together with tries of the run, with maps and with child runs. */
import { expect, test } from 'vitest';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { child, expectReplay, flow, loop, map, sequential, startsOf, statuses, step, stepThrough } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

/** A compensation `undo-ID`, which gets what the step gave, and what else it may see. */
function undo(id: string, sees: Source = {}): Source {
  return { id: `undo-${id}`, action: `undo-${id}`, parameters: { of: `\${{ steps.${id}.output }}`, ...sees } };
}

/** Every action answers with its name; those of `broken` fail as often as they say. */
function fleet(mesh: TestMesh, actions: string, broken: Readonly<Record<string, number>>) {
  const worker = mesh.agent('worker', { slots: 20 });
  for (const action of actions.split(' ')) {
    const times = broken[action] ?? 0;
    if (times > 0) worker.failWith(action, 'BROKEN', { times });
    worker.setResponse(action, action);
  }
  return worker;
}

/** Starts of attempts, and where the next try begins. */
function story(run: TestRun): readonly string[] {
  return run
    .journal()
    .flatMap((event) =>
      event.type === 'AttemptStarted'
        ? [`${event.path}#${event.number}`]
        : event.type === 'RunTryStarted'
          ? [`try ${event.try}`]
          : [],
    );
}

test('what completed is undone when the last try failed, and not before another one', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b tidy undo-a', { b: 2 });
  const run = await mesh.startWorkflow(
    flow([step('a', { compensate: undo('a') }), step('b')], { retries: 1, finally: [step('tidy')] }),
  );
  expect((await run.result()).status).toBe('FAILED');
  expect(story(run)).toEqual(['a#1', 'b#1', 'tidy#1', 'try 2', 'b#2', 'undo-a#1', 'tidy#2']);
  await expectReplay(mesh, run);
});

test('a run that completes with its second try undoes nothing', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b undo-a', { b: 1 });
  const run = await mesh.startWorkflow(flow([step('a', { compensate: undo('a') }), step('b')], { retries: 1 }));
  expect((await run.result()).status).toBe('COMPLETED');
  expect(story(run)).toEqual(['a#1', 'b#1', 'try 2', 'b#2']);
  expect(Object.keys(await statuses(run))).toEqual(['a', 'b']);
  await expectReplay(mesh, run);
});

test('a cancel in the cleanup of a try that failed is the end: what completed is undone', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b tidy undo-a', { b: 1 }).setDelay('tidy', '30s');
  const run = await mesh.startWorkflow(
    flow([step('a', { compensate: undo('a') }), step('b')], { retries: 1, finally: [step('tidy')] }),
  );
  await mesh.advance('5s');
  await mesh.orchestrator.cancelRun(run.id);
  await stepThrough(mesh, run, 60_000);
  expect(await run.result()).toMatchObject({ status: 'FAILED', cleanupErrors: [] });
  expect(story(run)).toEqual(['a#1', 'b#1', 'tidy#1', 'undo-a#1']);
  await expectReplay(mesh, run);
});

/** A run whose second try waits for an attempt that nobody confirms; `undo-a` takes longer than that wait. */
async function runBeforeItsSecondTry(mesh: TestMesh, more: Source): Promise<TestRun> {
  fleet(mesh, 'a undo-a', {}).setDelay('undo-a', '25s').setDelay('a', '1s');
  const deaf = mesh.agent('deaf').setResponse('b', 1).setDelay('b', Number.POSITIVE_INFINITY);
  const run = await mesh.startWorkflow(
    flow([step('a', { compensate: undo('a') }), step('b', { timeout: '5s' })], { retries: 1, ...more }),
  );
  await mesh.advance('2s');
  deaf.crash();
  await mesh.advance('6s');
  expect(run.journal().at(-1)?.type).toBe('RunTryScheduled');
  return run;
}

test('a cancel while the next try waits: what completed is undone, with the whole cleanupTimeout', async () => {
  await using mesh = await TestMesh.start();
  const run = await runBeforeItsSecondTry(mesh, { cleanupTimeout: '30s' });
  await mesh.orchestrator.cancelRun(run.id);
  await mesh.restart();
  await stepThrough(mesh, run, 40_000);
  expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'STEP_TIMEOUT' }, cleanupErrors: [] });
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 TIMED_OUT', 'undo-a#1 COMPLETED']);
  expect(run.journal().filter(({ type }) => type.startsWith('RunTry'))).toMatchObject([
    { type: 'RunTryScheduled' },
    { type: 'RunTryDropped' },
  ]);
});

test('a run whose time is over while the next try waits undoes what completed, too', async () => {
  await using mesh = await TestMesh.start();
  const run = await runBeforeItsSecondTry(mesh, { cleanupTimeout: '30s', timeout: '10s' });
  await stepThrough(mesh, run, 60_000);
  expect(await run.result()).toMatchObject({ status: 'FAILED', cleanupErrors: [] });
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 TIMED_OUT', 'undo-a#1 COMPLETED']);
});

test('the cleanupTimeout ends compensations after such a cancel, and so does a second cancel', async () => {
  await using mesh = await TestMesh.start();
  const run = await runBeforeItsSecondTry(mesh, { cleanupTimeout: '8s' });
  await mesh.orchestrator.cancelRun(run.id);
  await stepThrough(mesh, run, 9_000, 3);
  expect((await run.result()).cleanupErrors).toMatchObject([{ code: 'NOT_COMPENSATED', step: 'a' }]);
  await using other = await TestMesh.start();
  const twice = await runBeforeItsSecondTry(other, { cleanupTimeout: '1h' });
  await other.orchestrator.cancelRun(twice.id);
  await other.advance('1s');
  await other.orchestrator.cancelRun(twice.id);
  await other.advance('1s');
  expect((await twice.result()).cleanupErrors).toMatchObject([{ code: 'NOT_COMPENSATED', step: 'a' }]);
});

test('the end of the cleanup of a try drops no compensation that the next try may owe', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b tidy undo-a', { b: 2 }).setDelay('tidy', '30s');
  const run = await mesh.startWorkflow(
    flow([step('a', { compensate: undo('a') }), step('b')], {
      retries: 1,
      finally: [step('tidy')],
      cleanupTimeout: '10s',
    }),
  );
  await stepThrough(mesh, run, 120_000, 60);
  expect((await run.result()).status).toBe('FAILED');
  expect(story(run)).toEqual(['a#1', 'b#1', 'tidy#1', 'try 2', 'b#2', 'undo-a#1', 'tidy#2']);
  await expectReplay(mesh, run);
});

test('a step that starts again is undone once, for what it did last', async () => {
  await using mesh = await TestMesh.start();
  let calls = 0;
  const worker = fleet(mesh, 'a undo-b', { a: 2 }).setResponse('b', () => ++calls);
  const run = await mesh.startWorkflow(
    flow([step('a', { onFailure: 'continue' }), step('b', { compensate: undo('b') }), step('c')], {
      retries: 1,
      output: '${{ params.missing }}',
    }),
  );
  worker.setResponse('c', 1);
  await run.result();
  expect(story(run)).toEqual(['a#1', 'b#1', 'c#1', 'try 2', 'a#2', 'b#2', 'c#2', 'undo-b#1']);
  expect(worker.calls.filter(({ action }) => action === 'undo-b').map(({ input }) => input)).toEqual([{ of: 2 }]);
  await expectReplay(mesh, run);
});

test('a loop that goes on owes its earlier iterations, and what completed in the one that was cut short', async () => {
  await using mesh = await TestMesh.start();
  let fails = 2;
  const worker = fleet(mesh, 'undo-a', {}).setResponse('a', (input: unknown) => input);
  worker.setResponse('b', (input: unknown) => {
    if (input !== 2 || fails-- <= 0) return input;
    throw new Error('no');
  });
  const body = [
    step('a', { parameters: '${{ iteration }}', compensate: undo('a', { i: '${{ iteration }}' }) }),
    step('b', { parameters: '${{ iteration }}' }),
  ];
  const run = await mesh.startWorkflow(
    flow([loop('l', body, { until: 'iteration >= 3', maxIterations: 5 })], { retries: 1 }),
  );
  expect((await run.result()).status).toBe('FAILED');
  expect(story(run)).toEqual([
    'l/1/a#1',
    'l/1/b#1',
    'l/2/a#1',
    'l/2/b#1',
    'try 2',
    'l/2/b#2',
    'l/2/undo-a#1',
    'l/1/undo-a#1',
  ]);
  expect(worker.calls.filter(({ action }) => action === 'undo-a').map(({ input }) => input)).toEqual([
    { of: 2, i: 2 },
    { of: 1, i: 1 },
  ]);
  await expectReplay(mesh, run);
});

test('the items of a map that ended are undone, the last one first, and see which item it was', async () => {
  await using mesh = await TestMesh.start();
  const worker = fleet(mesh, 'undo-a bad', { bad: 1 }).setResponse('a', (input: unknown) => input);
  const each = step('a', {
    parameters: '${{ item }}',
    compensate: undo('a', { item: '${{ item }}', index: '${{ index }}' }),
  });
  const run = await mesh.startWorkflow(
    flow([map('each', '["x", "y", "z"]', each, { concurrency: 1 }), step('bad')], {}),
  );
  expect((await run.result()).status).toBe('FAILED');
  expect(startsOf(run)).toEqual(
    ['each/0/a#1', 'each/1/a#1', 'each/2/a#1', 'bad#1', 'each/2/undo-a#1', 'each/1/undo-a#1', 'each/0/undo-a#1'].map(
      (line) => line.replace('#1', ''),
    ),
  );
  expect(worker.calls.filter(({ action }) => action === 'undo-a').map(({ input }) => input)).toEqual([
    { of: 'z', item: 'z', index: 2 },
    { of: 'y', item: 'y', index: 1 },
    { of: 'x', item: 'x', index: 0 },
  ]);
  expect((await mesh.orchestrator.getRun(run.id)).steps.map(({ path, status }) => `${path} ${status}`)).toContain(
    'each/0/undo-a COMPLETED',
  );
  await expectReplay(mesh, run);
});

test('what completed in an item that failed is undone, too, and a map that starts again owes nothing of before', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a b undo-a', { b: 2 });
  const row = sequential('row', [step('a', { compensate: undo('a') }), step('b')]);
  const run = await mesh.startWorkflow(flow([map('each', '[1]', row)], { retries: 1 }));
  expect((await run.result()).status).toBe('FAILED');
  expect(story(run)).toEqual(['each/0/a#1', 'each/0/b#1', 'try 2', 'each/0/a#2', 'each/0/b#2', 'each/0/undo-a#2']);
  await expectReplay(mesh, run);
});

test('an item completes by its fallback, and so does a map', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a help b rescue', { a: 1, b: 1 });
  const run = await mesh.startWorkflow(
    flow(
      [
        map('each', '[1, 2]', step('a', { fallback: { id: 'help', action: 'help' } }), { concurrency: 1 }),
        map('other', '[1]', step('b'), { fallback: { id: 'rescue', action: 'rescue' } }),
      ],
      { output: '${{ [steps.each.output, steps.other.output] }}' },
    ),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [['help', 'a'], 'rescue'] });
  await expectReplay(mesh, run);
});

test('a step whose child run failed completes by its fallback', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'work help after', { work: 1 });
  await mesh.registerWorkflow(flow([step('work')], { name: 'Sub' }));
  const fallback = { id: 'help', action: 'help', parameters: { why: '${{ steps.call.error.code }}' } };
  const run = await mesh.startWorkflow(
    flow([child('call', 'Sub', { fallback }), step('after')], { output: '${{ steps.call.output }}' }),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 'help' });
  expect(story(run)).toEqual(['help#1', 'after#1']);
  await expectReplay(mesh, run);
});

test('a step that is a child run is undone with what that gave; its assert and output see it, too', async () => {
  await using mesh = await TestMesh.start();
  const worker = fleet(mesh, 'work undo-call bad', { bad: 1 });
  await mesh.registerWorkflow(flow([step('work')], { name: 'Sub', output: '${{ steps.work.output }}' }));
  const more = { compensate: undo('call'), output: { got: '${{ result }}' }, assert: 'output.got == "work"' };
  const run = await mesh.startWorkflow(flow([child('call', 'Sub', more), step('bad')]));
  expect((await run.result()).status).toBe('FAILED');
  expect(story(run)).toEqual(['bad#1', 'undo-call#1']);
  expect(worker.calls.find(({ action }) => action === 'undo-call')?.input).toEqual({ of: { got: 'work' } });
  await expectReplay(mesh, run);
});

test('a fallback is asked again in the next try of the run', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a help', { a: 2, help: 1 });
  const run = await mesh.startWorkflow(
    flow([step('a', { fallback: { id: 'help', action: 'help' } })], { retries: 1, output: '${{ steps.a.output }}' }),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 'help' });
  expect(story(run)).toEqual(['a#1', 'help#1', 'try 2', 'a#2', 'help#2']);
  expect(await statuses(run)).toEqual({ a: 'COMPLETED', help: 'COMPLETED' });
  await expectReplay(mesh, run);
});
