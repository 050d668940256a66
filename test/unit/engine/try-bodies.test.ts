/** Workflow `retries` with maps and child runs: what completed is kept, and what starts again is new. */
import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { child, expectReplay, flow, loop, map, parallel, step, stepThrough } from './flow.ts';

const SUB = flow([step('work')], { name: 'Sub', output: '${{ steps.work.output }}' });

/** The events of a run that tell of its tries and its child runs, in order. */
function tale(run: TestRun, name: (runId: string) => string): readonly string[] {
  const line = (event: RunEvent): readonly string[] => {
    if (event.type === 'ChildStarted') return [`${event.path} has ${name(event.runId)}`];
    if (event.type === 'RunTryScheduled') return ['the next try waits'];
    if (event.type === 'RunTryStarted') return [`try ${event.try}: ${event.again}`];
    if (event.type === 'StepCompleted' || event.type === 'StepCancelled') return [`${event.path} ${event.type}`];
    if (event.type === 'StepFailed') return [`${event.path} StepFailed ${event.failure.code}`];
    return [];
  };
  return run.journal().flatMap(line);
}

/** Child runs as `1`, `2` ..., in the order of their starts. */
function naming(mesh: TestMesh): (runId: string) => string {
  const ids = [...mesh.data.runs.values()].filter(({ parentRunId }) => parentRunId !== undefined);
  return (runId) => String(ids.findIndex((row) => row.runId === runId) + 1);
}

const childStatuses = (mesh: TestMesh): readonly string[] =>
  [...mesh.data.runs.values()].filter(({ parentRunId }) => parentRunId !== undefined).map(({ status }) => status);

test('a map with nothing left to do begins anew, with a list that is evaluated anew', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').failWith('b', 'BROKEN', { times: 1 });
  worker.setResponse('a', (input: unknown) => input).setResponse('b', 'done');
  const run = await mesh.startWorkflow(
    flow(
      [
        map('each', '[run.try * 10, run.try * 10 + 1]', step('a', { parameters: '${{ item }}' }), {
          concurrency: 1,
          output: 'result[0] > 10 ? result : params.missing',
        }),
        step('b'),
      ],
      { retries: 2, output: '${{ [steps.each.output, steps.b.output] }}' },
    ),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [[20, 21], 'done'] });
  expect(run).toHaveHistory([
    'each/0/a#1 COMPLETED',
    'each/1/a#1 COMPLETED',
    'each/0/a#2 COMPLETED',
    'each/1/a#2 COMPLETED',
    'b#1 FAILED',
    'b#2 COMPLETED',
  ]);
  await expectReplay(mesh, run);
});

test('items that completed are kept, and those that did not begin again under numbers that were not given out yet', async () => {
  await using mesh = await TestMesh.start();
  let fails = true;
  mesh.agent('worker').setResponse('a', async (input: unknown) => {
    await mesh.sleep(input === 2 ? '3s' : '1s');
    if (input === 2 && fails) {
      fails = false;
      throw new Error('no');
    }
    return input;
  });
  const run = await mesh.startWorkflow(
    flow([map('each', '[0, 1, 2, 3, 4]', step('a', { parameters: '${{ item }}' }), { concurrency: 3 })], {
      retries: 1,
      output: '${{ steps.each.output }}',
    }),
  );
  await stepThrough(mesh, run, 20_000);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [0, 1, 2, 3, 4] });
  const ends = run.order().filter((line) => line.startsWith('end'));
  expect(ends.filter((line) => line.includes('each/0/a'))).toEqual(['end each/0/a#1 COMPLETED']);
  expect(ends.filter((line) => line.includes('each/2/a'))).toEqual([
    'end each/2/a#1 FAILED',
    'end each/2/a#2 COMPLETED',
  ]);
  expect(run.journal().filter(({ type }) => type === 'BodyStarted')).toHaveLength(6);
  const { steps } = await mesh.orchestrator.getRun(run.id);
  expect(steps.map(({ path, items }) => [path, items])).toEqual([
    ['each', { total: 5, started: 5, ended: 5, failed: 0 }],
  ]);
  await expectReplay(mesh, run);
});

test('what an item left running and must not run twice is waited for before the next try', async () => {
  await using mesh = await TestMesh.start();
  const deaf = mesh.agent('deaf').setResponse('a', 1).setDelay('a', Number.POSITIVE_INFINITY);
  const run = await mesh.startWorkflow(flow([map('each', '[0]', step('a', { timeout: '5s' }))], { retries: 1 }));
  await mesh.settle();
  deaf.crash();
  await mesh.advance('6s');
  expect(tale(run, naming(mesh))).toEqual([
    'each/0/a StepFailed STEP_TIMEOUT',
    'each StepFailed STEP_TIMEOUT',
    'the next try waits',
  ]);
  mesh.agent('worker').setResponse('a', 1);
  await expectReplay(mesh, run);
  await mesh.advance('23s');
  expect(run).toHaveHistory(['each/0/a#1 TIMED_OUT']);
  await mesh.advance('2s');
  expect(tale(run, naming(mesh)).slice(-3)).toEqual(['try 2: each', 'each/0/a StepCompleted', 'each StepCompleted']);
  expect(run).toHaveHistory(['each/0/a#1 TIMED_OUT', 'each/0/a#2 COMPLETED']);
  await expectReplay(mesh, run);
});

test('a step that did not complete gets a new child run in the next try; one that did keeps its own', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('work', (input: unknown) => input)
    .failWith('other', 'BROKEN', { times: 1 })
    .setResponse('other', 'fine');
  await mesh.registerWorkflow(SUB);
  await mesh.registerWorkflow(flow([step('other')], { name: 'Other', output: '${{ steps.other.output }}' }));
  const run = await mesh.startWorkflow(
    flow([child('first', 'Sub'), child('second', 'Other')], { retries: 1, output: '${{ steps.second.output }}' }),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 'fine' });
  expect(tale(run, naming(mesh))).toEqual([
    'first has 1',
    'first StepCompleted',
    'second has 2',
    'second StepFailed CHILD_FAILED',
    'try 2: second',
    'second has 3',
    'second StepCompleted',
  ]);
  expect(childStatuses(mesh)).toEqual(['COMPLETED', 'FAILED', 'COMPLETED']);
  const { steps } = await mesh.orchestrator.getRun(run.id);
  expect(steps.map(({ child: mine }) => naming(mesh)(mine?.runId ?? ''))).toEqual(['1', '3']);
  await expectReplay(mesh, run);
});

test('the child runs of a try are over, cleanup included, before the next one begins', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('work', 1).setDelay('work', '20s');
  worker.setResponse('tidy', 1).setDelay('tidy', '30s');
  worker.failWith('bad', 'BROKEN', { times: 1 }).setResponse('bad', 1).setDelay('bad', '1s');
  await mesh.registerWorkflow(flow([step('work')], { name: 'Sub', finally: [step('tidy')] }));
  const run = await mesh.startWorkflow(flow([parallel('p', [child('call', 'Sub'), step('bad')])], { retries: 1 }));
  await stepThrough(mesh, run, 180_000, 60);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(tale(run, naming(mesh))).toEqual([
    'call has 1',
    'bad StepFailed BROKEN',
    'call StepCompleted',
    'p StepFailed BROKEN',
    'try 2: p,bad',
    'bad StepCompleted',
    'p StepCompleted',
  ]);
  await expectReplay(mesh, run);
});

test('a child run that the end of the cleanup kills is given the grace of a stop before the next try', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('work', 1).setDelay('work', '1s');
  worker.setResponse('tidy', 1).setDelay('tidy', '10m');
  worker.failWith('bad', 'BROKEN', { times: 1 }).setResponse('bad', 1);
  await mesh.registerWorkflow(
    flow([step('work', { timeout: '1h' })], { name: 'Sub', finally: [step('tidy')], cleanupTimeout: '2m' }),
  );
  const run = await mesh.startWorkflow(
    flow([child('call', 'Sub', { dependencies: [] }), step('bad', { dependencies: [] })], {
      retries: 1,
      cleanupTimeout: '5s',
    }),
  );
  await mesh.advance('14s');
  expect(tale(run, naming(mesh))).toEqual([
    'call has 1',
    'bad StepFailed BROKEN',
    'call StepCancelled',
    'the next try waits',
  ]);
  expect(childStatuses(mesh)).toEqual(['CANCELLED']);
  await mesh.advance('2s');
  expect(tale(run, naming(mesh)).slice(4)).toEqual(['try 2: call,bad', 'call has 2', 'bad StepCompleted']);
  await mesh.advance('10m');
  expect((await run.result()).status).toBe('COMPLETED');
  await expectReplay(mesh, run);
});

test('a loop that goes on with the iteration which failed gives its steps new child runs', async () => {
  await using mesh = await TestMesh.start();
  let fails = true;
  mesh.agent('worker').setResponse('work', (input: unknown) => {
    if (JSON.stringify(input) !== '{"i":2}' || !fails) return input;
    fails = false;
    throw new Error('no');
  });
  await mesh.registerWorkflow(
    flow([step('work', { parameters: '${{ params }}' })], { name: 'Sub', output: '${{ steps.work.output }}' }),
  );
  const body = child('call', 'Sub', { parameters: { i: '${{ iteration }}' } });
  const run = await mesh.startWorkflow(
    flow([loop('l', [body], { until: 'iteration >= 3', maxIterations: 5 })], {
      retries: 1,
      output: '${{ steps.l.output }}',
    }),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { i: 3 } });
  expect(tale(run, naming(mesh))).toEqual([
    'l/1/call has 1',
    'l/1/call StepCompleted',
    'l/2/call has 2',
    'l/2/call StepFailed CHILD_FAILED',
    'l StepFailed CHILD_FAILED',
    'try 2: l',
    'l/2/call has 3',
    'l/2/call StepCompleted',
    'l/3/call has 4',
    'l/3/call StepCompleted',
    'l StepCompleted',
  ]);
  await expectReplay(mesh, run);
});

test('tries of a child run are its own: its parent is told of the last one', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('work', 'BROKEN', { times: 2 }).setResponse('work', 'done');
  await mesh.registerWorkflow(flow([step('work')], { name: 'Sub', retries: 2, output: '${{ steps.work.output }}' }));
  const run = await mesh.startWorkflow(flow([child('call', 'Sub')], { output: '${{ steps.call.output }}' }));
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 'done' });
  expect(tale(run, naming(mesh))).toEqual(['call has 1', 'call StepCompleted']);
  expect(childStatuses(mesh)).toEqual(['COMPLETED']);
});
