/** A step starts exactly once per attempt, after everything it depends on has ended. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import {
  endsBefore,
  expectReplay,
  flow,
  loop,
  parallel,
  sequential,
  startsOf,
  statuses,
  step,
  stepThrough,
} from './flow.ts';

test('runs a chain one step after the other, each once, and hands outputs on', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  worker.setResponse('a', { n: 1 });
  worker.setResponse('b', (input) => ({ got: input }));
  worker.setResponse('c', (input) => input);
  const run = await mesh.startWorkflow(
    flow(
      [
        step('a'),
        step('b', { parameters: { n: '${{ steps.a.output.n + 1 }}', who: '${{ params.who }}' } }),
        step('c', { parameters: '${{ steps.b.output }}' }),
      ],
      { output: { last: '${{ steps.c.output }}' } },
    ),
    { who: 'ann' },
  );
  expect(run.order()).toEqual([
    'start a#1 worker',
    'end a#1 COMPLETED',
    'start b#1 worker',
    'end b#1 COMPLETED',
    'start c#1 worker',
    'end c#1 COMPLETED',
  ]);
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  expect(result.output).toEqual({ last: { got: { n: 2, who: 'ann' } } });
  expect(worker.calls.map(({ action }) => action)).toEqual(['a', 'b', 'c']);
});

test('starts the end of a diamond once, after both sides', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  for (const id of ['top', 'left', 'right', 'bottom']) worker.setResponse(id, id);
  worker.setDelay('left', '2s').setDelay('right', '5s');
  const run = await mesh.startWorkflow(
    flow([
      step('top'),
      step('left', { dependencies: ['top'] }),
      step('right', { dependencies: ['top'] }),
      step('bottom', { dependencies: ['left', 'right'] }),
    ]),
  );
  await stepThrough(mesh, run, 10_000);
  expect(startsOf(run)).toEqual(['top', 'left', 'right', 'bottom']);
  expect(run.history().map(({ startedAt }) => startedAt - (run.history()[0]?.startedAt ?? 0))).toEqual([
    0, 0, 0, 5_000,
  ]);
  expect(endsBefore(run, 'left', 'bottom')).toBe(true);
  expect(endsBefore(run, 'right', 'bottom')).toBe(true);
});

test('starts steps with no dependencies at once, wherever they stand', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  worker.setResponse('slow', 1).setResponse('after', 2).setResponse('free', 3).setDelay('slow', '3s');
  const run = await mesh.startWorkflow(flow([step('slow'), step('after'), step('free', { dependencies: [] })]));
  expect(startsOf(run)).toEqual(['slow', 'free']);
  await mesh.advance('3s');
  expect(startsOf(run)).toEqual(['slow', 'free', 'after']);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('nests parallel and sequential blocks; a block ends when all in it has', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) worker.setResponse(id, id);
  worker.setDelay('a', '1s').setDelay('c', '4s').setDelay('d', '2s');
  const run = await mesh.startWorkflow(
    flow(
      [
        parallel('outer', [
          sequential('left', [step('a'), parallel('inner', [step('b'), step('c')])]),
          sequential('right', [step('d'), step('e')]),
        ]),
        step('f', { parameters: { all: '${{ steps.outer.output }}' } }),
      ],
      { output: '${{ steps.outer.output }}' },
    ),
  );
  await stepThrough(mesh, run, 10_000);
  expect(startsOf(run)).toEqual(['a', 'd', 'b', 'c', 'e', 'f']);
  for (const before of ['b', 'c', 'e']) expect(endsBefore(run, before, 'f')).toBe(true);
  expect((await run.result()).output).toEqual({ left: { b: 'b', c: 'c' }, right: 'e' });
});

test('keeps at most `concurrency` children running, in order, and starts the next with each end', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker', { slots: 10 });
  const ids = ['s0', 's1', 's2', 's3', 's4', 's5', 's6'];
  for (const id of ids) worker.setResponse(id, id).setDelay(id, '10s');
  worker.setDelay('s1', '3s');
  const run = await mesh.startWorkflow(
    flow([
      parallel(
        'window',
        ids.map((id) => step(id)),
        { concurrency: 2 },
      ),
    ]),
  );
  await stepThrough(mesh, run, 60_000, 20);
  let open = 0;
  let most = 0;
  for (const line of run.order()) {
    open += line.startsWith('start') ? 1 : -1;
    most = Math.max(most, open);
  }
  expect(most).toBe(2);
  expect(startsOf(run)).toEqual(ids);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a window goes on past children that are skipped', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  for (const id of ['a', 'b', 'c', 'd']) worker.setResponse(id, id);
  const run = await mesh.startWorkflow(
    flow([
      parallel(
        'window',
        [step('a', { when: 'false' }), step('b', { when: 'false' }), step('c'), step('d', { dependencies: ['c'] })],
        { concurrency: 1 },
      ),
    ]),
  );
  expect(startsOf(run)).toEqual(['c', 'd']);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('runs the ETL flow with every step once, on the agent it names', async () => {
  await using mesh = await TestMesh.start();
  const steps = [
    parallel('extract', [
      step('from-database', { agentId: 'db' }),
      step('from-api', { agentId: 'api' }),
      step('from-files', { agentId: 'files' }),
    ]),
    sequential('transform', [
      step('clean', { agentId: 'cleaner', parameters: { rows: '${{ steps.extract.output }}' } }),
      step('validate', { agentId: 'validator', parameters: { rows: '${{ steps.clean.output }}' } }),
      step('enrich', { agentId: 'enricher', parameters: { rows: '${{ steps.validate.output }}' } }),
    ]),
    step('load', { agentId: 'loader', retries: 2, parameters: { rows: '${{ steps.transform.output }}' } }),
    step('notify', { agentId: 'notifier', parameters: { loaded: '${{ steps.load.output.count }}' } }),
  ];
  mesh.agent('db').setResponse('from-database', [1, 2]).setDelay('from-database', '3s');
  mesh.agent('api').setResponse('from-api', [3]).setDelay('from-api', '1s');
  mesh.agent('files').setResponse('from-files', []);
  mesh.agent('cleaner').setResponse('clean', ({ rows }) => Object.values(rows).flat());
  mesh.agent('validator').setResponse('validate', ({ rows }) => rows);
  mesh.agent('enricher').setResponse('enrich', ({ rows }) => rows.map((n: number) => n * 10));
  mesh.agent('loader').setResponse('load', ({ rows }) => ({ count: rows.length, rows }));
  const notifier = mesh.agent('notifier').setResponse('notify', { sent: true });
  const run = await mesh.startWorkflow(flow(steps, { timeout: '5m', output: '${{ steps.load.output }}' }));
  await stepThrough(mesh, run, 5_000);
  expect(run).toHaveHistory([
    'from-database#1 COMPLETED',
    'from-api#1 COMPLETED',
    'from-files#1 COMPLETED',
    'clean#1 COMPLETED',
    'validate#1 COMPLETED',
    'enrich#1 COMPLETED',
    'load#1 COMPLETED',
    'notify#1 COMPLETED',
  ]);
  expect(run.history().map(({ agent }) => agent)).toEqual([
    'db',
    'api',
    'files',
    'cleaner',
    'validator',
    'enricher',
    'loader',
    'notifier',
  ]);
  for (const source of ['from-database', 'from-api', 'from-files']) expect(endsBefore(run, source, 'clean')).toBe(true);
  expect((await run.result()).output).toEqual({ count: 3, rows: [10, 20, 30] });
  expect(notifier.calls.map(({ input }) => input)).toEqual([{ loaded: 3 }]);
});

test('gives the steps of more important runs away first', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker', { slots: 1 }).setResponse('work', 1).setDelay('work', '1s');
  const workflow = flow([step('work')]);
  for (const priority of ['normal', 'low', 'normal', 'critical', 'high'] as const) {
    await mesh.startWorkflow(workflow, {}, { priority, labels: { priority } });
  }
  await mesh.advance('10s');
  const runs = new Map((await mesh.orchestrator.listRuns()).map((run) => [run.runId, run]));
  const order = worker.calls.map(({ attempt }) => runs.get(attempt.runId)?.labels.priority);
  expect(order).toEqual(['normal', 'critical', 'high', 'normal', 'low']);
});

test('a priority of the step goes before that of the run', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker', { slots: 1 });
  for (const id of ['first', 'low', 'high']) worker.setResponse(id, id).setDelay(id, '1s');
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('first'), step('low', { priority: 'low' }), step('high', { priority: 'high' })])]),
  );
  await mesh.advance('5s');
  expect(worker.calls.map(({ action }) => action)).toEqual(['high', 'first', 'low']);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('skips a step whose `when` is false; what depends on it runs', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', { ok: false }).setResponse('b', 1).setResponse('c', 2);
  const run = await mesh.startWorkflow(flow([step('a'), step('b', { when: 'steps.a.output.ok' }), step('c')]));
  expect(await statuses(run)).toEqual({ a: 'COMPLETED', b: 'SKIPPED', c: 'COMPLETED' });
  expect(worker.calls.map(({ action }) => action)).toEqual(['a', 'c']);
  await expectReplay(mesh, run);
});

test('an expression over what a skipped step would have given fails the step, and is not tried again', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setResponse('b', 2);
  const run = await mesh.startWorkflow(
    flow([step('a', { when: 'false' }), step('b', { retries: 3, parameters: { x: '${{ steps.a.output.y }}' } })]),
  );
  const result = await run.result();
  expect(result.status).toBe('FAILED');
  expect(result.error?.code).toBe('MISSING_DATA');
  expect(run.history()).toEqual([]);
});

test('`has` and `default` work through what is missing', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .setResponse('a', 1)
    .setResponse('b', (input) => input);
  const run = await mesh.startWorkflow(
    flow([
      step('a', { when: 'false' }),
      step('b', { parameters: { x: '${{ default(steps.a.output.y, 7) }}', there: '${{ has(steps.a.output.y) }}' } }),
    ]),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls[0]?.input).toEqual({ x: 7, there: false });
});

test('`output` of a block sees what the block gives by itself as `result`, also when it is large', async () => {
  await using mesh = await TestMesh.start();
  const large = 'x'.repeat(10_000);
  mesh.agent('worker').setResponse('a', 1).setResponse('b', large).setResponse('c', 3).setResponse('d', 4);
  const run = await mesh.startWorkflow(
    flow(
      [
        parallel('p', [step('a'), step('b')], { output: 'size(result.b)' }),
        sequential('s', [step('c')], { output: { last: '${{ result }}' } }),
        loop('l', [step('d')], { until: 'iteration == 2', output: 'result + 1' }),
      ],
      { output: { p: '${{ steps.p.output }}', s: '${{ steps.s.output }}', l: '${{ steps.l.output }}' } },
    ),
  );
  expect((await run.result()).output).toEqual({ p: 10_000, s: { last: 3 }, l: 5 });
  await expectReplay(mesh, run);
});
