/** Conditions, switches and set: one branch runs, chosen once; what stands in the others is skipped. */
import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { type MockAgent, TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, sequential, startsOf, statuses, step, stepThrough } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

function condition(id: string, text: string, then: readonly Source[], more: Source = {}): Source {
  return { id, type: 'condition', if: text, then, ...more };
}

function choose(id: string, text: string, cases: Readonly<Record<string, readonly Source[]>>, more: Source = {}) {
  const written = Object.entries(cases).map(([equals, steps]) => ({ equals, steps }));
  return { id, type: 'switch', switch: text, cases: written, ...more };
}

function set(id: string, value: unknown, more: Source = {}): Source {
  return { id, type: 'set', set: value, ...more };
}

/** Starts and ends of attempts and blocks, and skips with their reason, as they were decided. */
function told(run: TestRun): readonly string[] {
  return run.journal().flatMap(lineOf);
}

function lineOf(event: RunEvent): readonly string[] {
  switch (event.type) {
    case 'BlockStarted':
      return [`open ${event.path}${event.branch === undefined ? '' : ` branch ${event.branch}`}`];
    case 'AttemptStarted':
      return [`start ${event.path}#${event.number}`];
    case 'AttemptEnded':
      return [`end ${event.path}#${event.number} ${event.outcome}`];
    case 'StepCompleted':
      return [`completed ${event.path}`];
    case 'StepFailed':
      return [`failed ${event.path} ${event.failure.code}`];
    case 'StepSkipped':
      return [`skipped ${event.path} ${event.reason}`];
    case 'StepCancelled':
      return [`cancelled ${event.path}`];
    default:
      return [];
  }
}

function workerOn(mesh: TestMesh, ...actions: readonly string[]): MockAgent {
  const worker = mesh.agent('worker');
  for (const action of actions) worker.setResponse(action, { from: action });
  return worker;
}

const decision = condition('decide', 'params.n > 4', [step('big'), step('bigger')], {
  else: [step('small'), step('smaller')],
});

test('runs the steps of then in a row and skips all of else when the block opens', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'big', 'bigger', 'after');
  const workflow = flow([decision, step('after')], { output: 'steps.decide.output' });
  const run = await mesh.startWorkflow(workflow, { n: 5 });
  expect(told(run)).toEqual([
    'open decide branch 0',
    'skipped small BRANCH',
    'skipped smaller BRANCH',
    'start big#1',
    'end big#1 COMPLETED',
    'completed big',
    'start bigger#1',
    'end bigger#1 COMPLETED',
    'completed bigger',
    'completed decide',
    'start after#1',
    'end after#1 COMPLETED',
    'completed after',
  ]);
  expect((await run.result()).output).toEqual({ from: 'bigger' });
  await expectReplay(mesh, run);
});

test('runs else when the condition is false, and gives the output of its last step', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'small', 'smaller');
  const run = await mesh.startWorkflow(flow([decision], { output: 'steps.decide.output' }), { n: 4 });
  expect(told(run).slice(0, 4)).toEqual([
    'open decide branch 1',
    'skipped big BRANCH',
    'skipped bigger BRANCH',
    'start small#1',
  ]);
  expect((await run.result()).output).toEqual({ from: 'smaller' });
});

test('completes with null when there is no else', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'after');
  const workflow = flow([condition('decide', 'false', [step('a')], { totalTimeout: '1m' }), step('after')], {
    output: { decided: '${{ steps.decide.output }}', a: "${{ default(steps.a.output, 'none') }}" },
  });
  const run = await mesh.startWorkflow(workflow);
  expect(told(run).slice(0, 4)).toEqual([
    'open decide branch 1',
    'skipped a BRANCH',
    'completed decide',
    'start after#1',
  ]);
  const result = await run.result();
  expect(result).toMatchObject({ status: 'COMPLETED', output: { decided: null, a: 'none' } });
});

test('takes the first case that equals the value, and the default when none does', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'post', 'call', 'log');
  const workflow = flow([
    { ...choose('tell', 'params.by', { mail: [step('post')], phone: [step('call')] }), default: [step('log')] },
  ]);
  const opened = async (by: unknown) => told(await mesh.startWorkflow(workflow, { by }));
  expect((await opened('phone')).slice(0, 4)).toEqual([
    'open tell branch 1',
    'skipped post BRANCH',
    'skipped log BRANCH',
    'start call#1',
  ]);
  expect((await opened('mail')).slice(0, 4)).toEqual([
    'open tell branch 0',
    'skipped call BRANCH',
    'skipped log BRANCH',
    'start post#1',
  ]);
  expect((await opened(7)).slice(0, 4)).toEqual([
    'open tell branch 2',
    'skipped post BRANCH',
    'skipped call BRANCH',
    'start log#1',
  ]);
});

test.each([
  [1, 0],
  [1.5, 1],
  ['1', 2],
  [true, 3],
  [null, 4],
  [[1], 5],
  [{ a: 1 }, 5],
])('a case fits by type and value: %j takes branch %i', async (given, branch) => {
  await using mesh = await TestMesh.start();
  workerOn(mesh);
  const cases = [1, 1.5, '1', true, null].map((equals, i) => ({ equals, steps: [set(`s${i}`, equals)] }));
  const run = await mesh.startWorkflow(flow([{ id: 'pick', type: 'switch', switch: '${{ params.given }}', cases }]), {
    given,
  });
  expect(told(run)[0]).toBe(`open pick branch ${branch}`);
});

test('blocks inside a branch that is not taken never open', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'b');
  const inside = [parallel('p', [step('x'), condition('deep', 'true', [step('y')])]), step('z')];
  const run = await mesh.startWorkflow(flow([condition('c', 'false', inside, { else: [step('b')] })]));
  expect(told(run).slice(0, 4)).toEqual(['open c branch 1', 'skipped p BRANCH', 'skipped z BRANCH', 'start b#1']);
  await expectReplay(mesh, run);
  expect(await statuses(run)).toEqual({
    c: 'COMPLETED',
    p: 'SKIPPED',
    x: 'SKIPPED',
    deep: 'SKIPPED',
    y: 'SKIPPED',
    z: 'SKIPPED',
    b: 'COMPLETED',
  });
});

test('steps of a branch keep their own edges, and always does not save one in the other branch', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'a', 'b', 'c');
  const then = [step('a'), step('b', { dependencies: [] }), step('c', { dependencies: ['a', 'b'] })];
  const other = [step('d'), step('tidy', { runOn: 'always' })];
  const run = await mesh.startWorkflow(flow([condition('pick', 'true', then, { else: other })]));
  expect(told(run).slice(0, 5)).toEqual([
    'open pick branch 0',
    'skipped d BRANCH',
    'skipped tidy BRANCH',
    'start a#1',
    'start b#1',
  ]);
  expect(startsOf(run)).toEqual(['a', 'b', 'c']);
});

test('a failure in the branch fails the block and the run, after what runs on failure there', async () => {
  await using mesh = await TestMesh.start();
  const worker = workerOn(mesh, 'undo');
  worker.failWith('a', 'BROKEN');
  const then = [step('a'), step('b'), step('undo', { dependencies: ['a'], runOn: 'failure' })];
  const run = await mesh.startWorkflow(flow([condition('c', 'true', then), step('after')]));
  expect(told(run)).toEqual([
    'open c branch 0',
    'start a#1',
    'end a#1 FAILED',
    'failed a BROKEN',
    'skipped b RUN_ENDING',
    'start undo#1',
    'end undo#1 COMPLETED',
    'completed undo',
    'failed c BROKEN',
    'skipped after RUN_ENDING',
  ]);
  expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'BROKEN' } });
});

test('with onFailure continue what depends on the block runs all the same', async () => {
  await using mesh = await TestMesh.start();
  const worker = workerOn(mesh, 'after');
  worker.failWith('a', 'BROKEN');
  const run = await mesh.startWorkflow(
    flow([condition('c', 'true', [step('a'), step('b')], { onFailure: 'continue' }), step('after')]),
  );
  expect(told(run)).toEqual([
    'open c branch 0',
    'start a#1',
    'end a#1 FAILED',
    'failed a BROKEN',
    'skipped b DEPENDENCY',
    'failed c BROKEN',
    'start after#1',
    'end after#1 COMPLETED',
    'completed after',
  ]);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a condition that cannot be read fails the block, and nothing in it starts', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh);
  const broken = (text: string) => flow([condition('c', text, [step('a')], { else: [step('b')] })]);
  const missing = await mesh.startWorkflow(broken('params.n > 4'));
  expect(told(missing)).toEqual(['failed c MISSING_DATA']);
  const number = await mesh.startWorkflow(broken('params.n'), { n: 1 });
  expect(told(number)).toEqual(['failed c BAD_EXPRESSION']);
  expect((await number.result()).error?.message).toBe('"if" of step "c" must be true or false; it is a number');
  await expectReplay(mesh, number);
});

test('the choice is made when the block starts and stays, whatever the time is later and after a restart', async () => {
  await using mesh = await TestMesh.start();
  const worker = workerOn(mesh, 'slow', 'late', 'never');
  worker.setDelay('slow', '10m');
  const workflow = flow(
    [condition('c', "now - run.startedAt < duration('1m')", [step('slow'), step('late')], { else: [step('never')] })],
    { output: 'steps.c.output' },
  );
  const run = await mesh.startWorkflow(workflow);
  await mesh.advance('5m');
  await mesh.restart();
  await stepThrough(mesh, run, 10 * 60_000);
  expect(told(run).filter((line) => !line.startsWith('end'))).toEqual([
    'open c branch 0',
    'skipped never BRANCH',
    'start slow#1',
    'completed slow',
    'start late#1',
    'completed late',
    'completed c',
  ]);
  expect((await run.result()).output).toEqual({ from: 'late' });
});

test('when, totalTimeout and output are those of every block', async () => {
  await using mesh = await TestMesh.start();
  const worker = workerOn(mesh, 'a');
  worker.setDelay('slow', '10m').setResponse('slow', 1);
  const workflow = flow(
    [
      condition('not', 'params.missing', [step('x')], { when: 'false' }),
      condition('shaped', 'true', [step('a')], { output: { kept: '${{ steps.a.output.from }}' } }),
      condition('late', 'true', [step('slow')], { totalTimeout: '1m', onFailure: 'continue' }),
      set('seen', '${{ [steps.shaped.output.kept, steps.late.error.code] }}'),
    ],
    { output: 'steps.seen.output' },
  );
  const run = await mesh.startWorkflow(workflow);
  await stepThrough(mesh, run, 120_000);
  expect(await statuses(run)).toMatchObject({ not: 'SKIPPED', x: 'SKIPPED', late: 'TIMED_OUT', slow: 'CANCELLED' });
  expect((await run.result()).output).toEqual(['a', 'TOTAL_TIMEOUT']);
});

test('a sibling that fails fast stops what runs in the branch; a cancel does, too', async () => {
  await using mesh = await TestMesh.start();
  const worker = workerOn(mesh, 'slow', 'next');
  worker.setDelay('slow', '10m').failWith('bad', 'BROKEN').setDelay('bad', '5s');
  const inside = condition('c', 'true', [step('slow'), step('next')], { else: [step('other')] });
  const fast = await mesh.startWorkflow(flow([parallel('p', [inside, step('bad')], { onFailure: 'failFast' })]));
  await stepThrough(mesh, fast, 60_000);
  expect(await statuses(fast)).toEqual({
    p: 'FAILED',
    c: 'CANCELLED',
    slow: 'CANCELLED',
    next: 'SKIPPED',
    other: 'SKIPPED',
    bad: 'FAILED',
  });
  const run = await mesh.startWorkflow(flow([inside]));
  await run.cancel();
  await stepThrough(mesh, run, 60_000);
  expect(await statuses(run)).toEqual({ c: 'CANCELLED', slow: 'CANCELLED', next: 'SKIPPED', other: 'SKIPPED' });
});

test('set computes its value from what is there, passes large values on, and needs no agent', async () => {
  await using mesh = await TestMesh.start();
  const worker = workerOn(mesh, 'use');
  worker.setResponse('load', { rows: ['x'.repeat(100_000)], n: 2 });
  const run = await mesh.startWorkflow(
    flow(
      [
        step('load'),
        set('all', '${{ steps.load.output }}'),
        set('sum', {
          n: '${{ steps.all.output.n * 2 }}',
          size: '${{ size(steps.all.output.rows) }}',
          fixed: [1, null],
        }),
        set('nothing', null),
        step('use', { parameters: { sum: '${{ steps.sum.output.n }}', nothing: '${{ steps.nothing.output }}' } }),
      ],
      { output: 'steps.sum.output' },
    ),
  );
  expect(told(run).slice(3, 9)).toEqual([
    'open all',
    'completed all',
    'open sum',
    'completed sum',
    'open nothing',
    'completed nothing',
  ]);
  expect(worker.calls.at(-1)?.input).toEqual({ sum: 4, nothing: null });
  expect((await run.result()).output).toEqual({ n: 4, size: 1, fixed: [1, null] });
  await expectReplay(mesh, run);
});

test('a set that cannot be computed fails like any step', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'after');
  const handled = await mesh.startWorkflow(
    flow([set('bad', '${{ params.a.b }}', { onFailure: 'continue' }), step('after')]),
  );
  expect(told(handled).slice(0, 2)).toEqual(['failed bad MISSING_DATA', 'start after#1']);
  const run = await mesh.startWorkflow(flow([set('bad', '${{ 1 / 0 }}'), step('after')]));
  expect(told(run)).toEqual(['failed bad BAD_EXPRESSION', 'skipped after RUN_ENDING']);
});

test('sets fill no place in the window of a parallel for longer than their decision', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'a', 'b');
  const children = [set('s1', 1), step('a'), set('s2', '${{ params }}'), sequential('row', [set('s3', 3), step('b')])];
  const run = await mesh.startWorkflow(
    flow([parallel('p', children, { concurrency: 1 })], { output: 'steps.p.output' }),
    {},
  );
  expect(told(run)).toEqual([
    'open p',
    'open s1',
    'completed s1',
    'start a#1',
    'end a#1 COMPLETED',
    'completed a',
    'open s2',
    'completed s2',
    'open row',
    'open s3',
    'completed s3',
    'start b#1',
    'end b#1 COMPLETED',
    'completed b',
    'completed row',
    'completed p',
  ]);
  expect((await run.result()).output).toEqual({ s1: 1, a: { from: 'a' }, s2: {}, row: { from: 'b' } });
});

test('a paused run does not choose; what is chosen when it goes on is what holds then', async () => {
  await using mesh = await TestMesh.start();
  workerOn(mesh, 'a', 'yes', 'no').setDelay('a', '1s');
  const run = await mesh.startWorkflow(
    flow([step('a'), condition('c', "now - run.startedAt > duration('30m')", [step('yes')], { else: [step('no')] })]),
  );
  await mesh.settle();
  await mesh.orchestrator.pauseRun(run.id);
  await mesh.advance('1h');
  expect(told(run)).toEqual(['start a#1', 'end a#1 COMPLETED', 'completed a']);
  await mesh.orchestrator.resumeRun(run.id);
  await mesh.settle();
  expect(told(run).slice(3, 6)).toEqual(['open c branch 0', 'skipped no BRANCH', 'start yes#1']);
  await expectReplay(mesh, run);
});
