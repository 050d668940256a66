/** What takes the place of a step that failed. */
import { expect, test } from 'vitest';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, sequential, startsOf, statuses, step, stepThrough } from './flow.ts';

/** The ends of steps as they were decided: `charge FELL BACK CARD_DECLINED`, `invoice COMPLETED`. */
function ends(run: TestRun): readonly string[] {
  return run.journal().flatMap((event) => {
    switch (event.type) {
      case 'StepFellBack':
        return [`${event.path} FELL BACK ${event.failure.code}`];
      case 'StepCompleted':
        return [`${event.path} COMPLETED`];
      case 'StepFailed':
        return [`${event.path} ${event.status} ${event.failure.code}`];
      case 'StepSkipped':
        return [`${event.path} SKIPPED ${event.reason}`];
      case 'StepCancelled':
        return [`${event.path} CANCELLED`];
      default:
        return [];
    }
  });
}

const invoice = { id: 'invoice', action: 'invoice' };

test('a fallback runs after all retries, and its owner completes with its output', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .failWith('charge', 'CARD_DECLINED')
    .setResponse('invoice', (input) => ({ by: 'mail', input }))
    .setResponse('ship', (input) => input);
  const parameters = { why: '${{ steps.charge.error.code }}', status: '${{ steps.charge.status }}' };
  const run = await mesh.startWorkflow(
    flow(
      [
        step('charge', { retry: { tries: 2, backoff: '1s', jitter: false }, fallback: { ...invoice, parameters } }),
        step('ship', {
          parameters: { paid: '${{ steps.charge.output.by }}', error: '${{ steps.charge.error.code }}' },
        }),
      ],
      { output: '${{ steps.charge.status }}' },
    ),
  );
  await stepThrough(mesh, run, 5_000);
  expect(run).toHaveHistory(['charge#1 FAILED', 'charge#2 FAILED', 'invoice#1 COMPLETED', 'ship#1 COMPLETED']);
  expect(ends(run)).toEqual([
    'charge FELL BACK CARD_DECLINED',
    'invoice COMPLETED',
    'charge COMPLETED',
    'ship COMPLETED',
  ]);
  const result = await run.result();
  expect(result).toMatchObject({ status: 'COMPLETED', output: 'COMPLETED', cleanupErrors: [] });
  expect(worker.calls.at(-2)?.input).toEqual({ why: 'CARD_DECLINED', status: 'FAILED' });
  expect(worker.calls.at(-1)?.input).toEqual({ paid: 'mail', error: 'CARD_DECLINED' });
  const [charge, fallback] = result.steps;
  expect(charge).toMatchObject({ status: 'COMPLETED', usedFallback: true, error: { code: 'CARD_DECLINED' } });
  expect(charge?.output).toEqual(fallback?.output);
  expect(fallback).toMatchObject({ path: 'invoice', fallbackOf: 'charge', usedFallback: false });
});

test('a step that times out falls back, and one that completes does not', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('slow', 1).setDelay('slow', '1h').setResponse('invoice', 2).setResponse('quick', 3);
  const run = await mesh.startWorkflow(
    flow([
      step('slow', { totalTimeout: '5s', fallback: invoice }),
      step('quick', { fallback: { id: 'unused', action: 'unused' } }),
    ]),
  );
  await stepThrough(mesh, run, 20_000);
  expect(ends(run)).toEqual(['slow FELL BACK TOTAL_TIMEOUT', 'invoice COMPLETED', 'slow COMPLETED', 'quick COMPLETED']);
  // What nobody called for is not told of.
  expect(await statuses(run)).toEqual({ slow: 'COMPLETED', invoice: 'COMPLETED', quick: 'COMPLETED' });
});

test('when the fallback fails too, its retries included, the owner fails with its own first failure', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('charge', 'CARD_DECLINED').failWith('invoice', 'NO_ADDRESS');
  const retry = { tries: 2, backoff: '1s', jitter: false };
  const run = await mesh.startWorkflow(flow([step('charge', { fallback: { ...invoice, retry } }), step('ship')]));
  await stepThrough(mesh, run, 5_000);
  expect(run).toHaveHistory(['charge#1 FAILED', 'invoice#1 FAILED', 'invoice#2 FAILED']);
  const result = await run.result();
  expect(result).toMatchObject({
    status: 'FAILED',
    error: { code: 'CARD_DECLINED', step: 'charge' },
    cleanupErrors: [],
  });
  expect(result.steps).toMatchObject([
    { path: 'charge', status: 'FAILED', usedFallback: false, error: { code: 'CARD_DECLINED' } },
    { path: 'invoice', status: 'FAILED', error: { code: 'NO_ADDRESS' } },
    { path: 'ship', status: 'SKIPPED' },
  ]);
});

test('a fallback whose `when` is false cannot help, and one whose input cannot be made fails', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('a', 'NO_A').failWith('b', 'NO_B').setResponse('invoice', 1);
  const run = await mesh.startWorkflow(
    flow([
      step('a', { onFailure: 'continue', fallback: { ...invoice, when: 'steps.a.error.code == "OTHER"' } }),
      step('b', { fallback: { id: 'bad', action: 'invoice', parameters: { x: '${{ steps.a.output }}' } } }),
    ]),
  );
  await stepThrough(mesh, run, 1_000);
  expect(ends(run)).toEqual([
    'a FELL BACK NO_A',
    'invoice SKIPPED WHEN',
    'a FAILED NO_A',
    'b FELL BACK NO_B',
    'bad FAILED MISSING_DATA',
    'b FAILED NO_B',
  ]);
  expect((await run.result()).error?.code).toBe('NO_B');
});

test('a step that fails before any agent has it falls back within the window of its block', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('invoice', 'saved').setDelay('invoice', '5s').setResponse('b', 2);
  const run = await mesh.startWorkflow(
    flow(
      [
        parallel('p', [step('a', { parameters: { x: '${{ params.missing }}' }, fallback: invoice }), step('b')], {
          concurrency: 1,
        }),
      ],
      { output: '${{ steps.p.output }}' },
    ),
  );
  await mesh.advance('1s');
  await expectReplay(mesh, run);
  expect(run).toHaveHistory(['invoice#1 OPEN']);
  await stepThrough(mesh, run, 10_000);
  expect(run).toHaveHistory(['invoice#1 COMPLETED', 'b#1 COMPLETED']);
  expect((await run.result()).output).toEqual({ a: 'saved', b: 2 });
});

test('the fallback of a block runs when all in it is over; a child that fails does not end the run', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('a', 1)
    .setDelay('a', '5s')
    .failWith('b', 'NO')
    .setResponse('c', 3)
    .setResponse('instead', 'saved')
    .setResponse('after', (input) => input);
  const run = await mesh.startWorkflow(
    flow([
      sequential('s', [step('a'), step('b', { dependencies: [] }), step('c', { dependencies: ['b'] })], {
        fallback: { id: 'instead', action: 'instead', parameters: { code: '${{ steps.b.error.code }}' } },
      }),
      step('after', { parameters: { from: '${{ steps.s.output }}' } }),
    ]),
  );
  await stepThrough(mesh, run, 10_000);
  expect(ends(run)).toEqual([
    'b FAILED NO',
    'c SKIPPED DEPENDENCY',
    'a COMPLETED',
    's FELL BACK NO',
    'instead COMPLETED',
    's COMPLETED',
    'after COMPLETED',
  ]);
  expect((await run.result()).status).toBe('COMPLETED');
});

test.each([
  ['a wait', { id: 'w', type: 'wait', until: 'params.missing' }],
  ['a set', { id: 'w', type: 'set', set: '${{ params.missing }}' }],
  ['a condition', { id: 'w', type: 'condition', if: 'params.missing', then: [step('t')] }],
  ['a switch', { id: 'w', type: 'switch', switch: 'params.missing', cases: [{ equals: 1, steps: [step('t')] }] }],
  ['a loop', loop('w', [step('t')], { while: 'params.missing' })],
  ['a parallel', parallel('w', [step('broken')])],
])('%s has a fallback like any step', async (_, source) => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('invoice', 'saved').failWith('broken', 'NO');
  const run = await mesh.startWorkflow(flow([{ ...source, fallback: invoice }], { output: '${{ steps.w.output }}' }));
  await stepThrough(mesh, run, 1_000);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 'saved' });
});

test('a signal that nobody sent falls back, and takes no signal after that', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('invoice', 'asked ben').setDelay('invoice', '10s');
  const run = await mesh.startWorkflow(
    flow([{ id: 'ok', type: 'signal', signal: 'go', timeout: '5s', fallback: invoice }], {
      output: '${{ steps.ok.output }}',
    }),
  );
  await mesh.advance('6s');
  await mesh.orchestrator.signal(run.id, 'go', 1);
  await stepThrough(mesh, run, 20_000);
  expect(ends(run)).toEqual(['ok FELL BACK SIGNAL_TIMEOUT', 'invoice COMPLETED', 'ok COMPLETED']);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 'asked ben' });
  expect(run.journal().at(-1)).toMatchObject({ type: 'RunEnded', unconsumedSignals: 1 });
});

test('a loop whose body fails falls back, and so does a step in each iteration', async () => {
  await using mesh = await TestMesh.start();
  let n = 0;
  mesh
    .agent('worker')
    .setResponse('fetch', () => {
      n += 1;
      if (n % 2 === 0) throw new Error('every second one');
      return n;
    })
    .setResponse('cached', -1)
    .failWith('check', 'NO')
    .setResponse('instead', 'saved');
  const body = [
    step('fetch', { fallback: { id: 'cached', action: 'cached' } }),
    step('check', { when: 'iteration == 3' }),
  ];
  const run = await mesh.startWorkflow(
    flow([loop('l', body, { until: 'iteration >= 4', fallback: { id: 'instead', action: 'instead' } })], {
      output: '${{ steps.l.output }}',
    }),
  );
  await stepThrough(mesh, run, 1_000);
  expect(startsOf(run)).toEqual(['l/1/fetch', 'l/2/fetch', 'l/2/cached', 'l/3/fetch', 'l/3/check', 'instead']);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 'saved' });
});

test('a cancel stops a fallback that runs, and its owner is CANCELLED', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('charge', 'NO').setResponse('invoice', 1).setDelay('invoice', '1h');
  const run = await mesh.startWorkflow(flow([step('charge', { fallback: invoice }), step('ship')]));
  await mesh.advance('1s');
  await run.cancel();
  await stepThrough(mesh, run, 20_000);
  expect(ends(run)).toEqual([
    'charge FELL BACK NO',
    'invoice CANCELLED',
    'charge CANCELLED',
    'ship SKIPPED RUN_ENDING',
  ]);
  expect((await run.result()).status).toBe('CANCELLED');
});

test('a fallback that completes within the grace of a cancel completes its owner, and starts nothing', async () => {
  await using mesh = await TestMesh.start();
  const stubborn = async () => {
    await mesh.sleep('5s');
    return 'late';
  };
  mesh.agent('worker').failWith('charge', 'NO').setResponse('invoice', stubborn);
  const run = await mesh.startWorkflow(flow([step('charge', { fallback: invoice }), step('ship')]));
  await mesh.advance('1s');
  await run.cancel();
  await stepThrough(mesh, run, 20_000);
  expect(await statuses(run)).toEqual({ charge: 'COMPLETED', invoice: 'COMPLETED', ship: 'SKIPPED' });
});

test('a step that fails while the run is ending does not fall back, unless it is cleanup', async () => {
  await using mesh = await TestMesh.start();
  const failLate = async () => {
    await mesh.sleep('5s');
    throw new Error('late');
  };
  mesh
    .agent('worker')
    .setResponse('a', failLate)
    .setResponse('guard', failLate)
    .setResponse('saved', 1)
    .failWith('tidy', 'NO')
    .setResponse('broom', 1);
  const run = await mesh.startWorkflow(
    flow(
      [
        step('a', { dependencies: [], fallback: invoice }),
        step('guard', { dependencies: [], runOn: 'always', fallback: { id: 'saved', action: 'saved' } }),
      ],
      { finally: [step('tidy', { fallback: { id: 'broom', action: 'broom' } })] },
    ),
  );
  await mesh.advance('1s');
  await run.cancel();
  await stepThrough(mesh, run, 20_000);
  const result = await run.result();
  expect(result).toMatchObject({ status: 'CANCELLED', cleanupErrors: [] });
  expect(await statuses(run)).toEqual({
    a: 'CANCELLED',
    guard: 'COMPLETED',
    saved: 'COMPLETED',
    tidy: 'COMPLETED',
    broom: 'COMPLETED',
  });
});

test('failFast stops a sibling that is falling back', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .failWith('a', 'NO_A')
    .setResponse('invoice', 1)
    .setDelay('invoice', '1h')
    .failWith('b', 'NO_B')
    .setDelay('b', '3s');
  const run = await mesh.startWorkflow(
    flow([parallel('p', [step('a', { fallback: invoice }), step('b')], { onFailure: 'failFast' })]),
  );
  await stepThrough(mesh, run, 20_000);
  expect(await statuses(run)).toEqual({ p: 'FAILED', a: 'CANCELLED', invoice: 'CANCELLED', b: 'FAILED' });
  expect((await run.result()).error?.code).toBe('NO_B');
});

test('a pause holds a fallback back, and a cancel in it ends the owner', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('charge', 'NO').setDelay('charge', '2s').setResponse('invoice', 1);
  const definition = flow([step('charge', { fallback: invoice })]);
  const [resumed, cancelled] = [await mesh.startWorkflow(definition), await mesh.startWorkflow(definition)];
  await mesh.advance('1s');
  for (const { id } of [resumed, cancelled]) await mesh.orchestrator.pauseRun(id);
  await mesh.advance('1h');
  for (const run of [resumed, cancelled]) {
    expect(ends(run)).toEqual(['charge FELL BACK NO']);
    await expectReplay(mesh, run);
  }
  await mesh.orchestrator.resumeRun(resumed.id);
  await mesh.settle();
  expect((await resumed.result()).status).toBe('COMPLETED');
  await cancelled.cancel();
  expect(ends(cancelled)).toEqual(['charge FELL BACK NO', 'invoice SKIPPED RUN_ENDING', 'charge CANCELLED']);
  await expectReplay(mesh, cancelled);
});

test('a fallback survives a restart and the loss of its agent', async () => {
  await using mesh = await TestMesh.start();
  const [first, second] = mesh.agents('worker', 2);
  first.failWith('charge', 'NO').setResponse('invoice', 1).setDelay('invoice', '1h');
  const run = await mesh.startWorkflow(
    flow([step('charge', { fallback: invoice })], { output: '${{ steps.charge.output }}' }),
  );
  await mesh.advance('2s');
  await mesh.restart();
  await mesh.advance('5s');
  expect(run).toHaveHistory(['charge#1 FAILED', 'invoice#1 OPEN']);
  second.setResponse('invoice', 'second');
  first.crash();
  await stepThrough(mesh, run, 60_000);
  expect(run).toHaveHistory(['charge#1 FAILED', 'invoice#1 LOST', 'invoice#2 COMPLETED']);
  expect((await run.result()).output).toBe('second');
});

test('the output of a fallback may be of any size', async () => {
  await using mesh = await TestMesh.start();
  const big = 'x'.repeat(50_000);
  mesh
    .agent('worker')
    .failWith('a', 'NO')
    .setResponse('invoice', big)
    .setResponse('b', (input) => input);
  const run = await mesh.startWorkflow(
    flow([step('a', { fallback: invoice }), step('b', { parameters: { n: '${{ size(steps.a.output) }}' } })], {
      output: '${{ steps.b.output.n }}',
    }),
  );
  await stepThrough(mesh, run, 1_000);
  expect((await run.result()).output).toBe(50_000);
});

test('another try takes a step that its fallback completed over, with its output and failure', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .failWith('charge', 'NO')
    .setResponse('invoice', 'saved')
    .failWith('ship', 'LATER', { times: 1 });
  const old = await mesh.startWorkflow(
    flow([step('charge', { fallback: invoice }), step('ship', { parameters: { by: '${{ steps.charge.output }}' } })]),
  );
  expect((await old.result()).status).toBe('FAILED');
  worker.setResponse('ship', (input) => input);
  const run = await mesh.retryRun(old.id);
  const result = await run.result();
  expect(result.status).toBe('COMPLETED');
  expect(run).toHaveHistory(['ship#1 COMPLETED']);
  expect(worker.calls.at(-1)?.input).toEqual({ by: 'saved' });
  expect(result.steps[0]).toMatchObject({
    path: 'charge',
    status: 'COMPLETED',
    usedFallback: true,
    error: { code: 'NO' },
  });
  await expectReplay(mesh, run);
});

test('a result of a step whose fallback has it is too late', async () => {
  await using mesh = await TestMesh.start();
  const stubborn = async () => {
    await mesh.sleep('20s');
    return 'late';
  };
  mesh.agent('worker').setResponse('charge', stubborn).setResponse('invoice', 'in time').setDelay('invoice', '1m');
  const run = await mesh.startWorkflow(
    flow([step('charge', { timeout: '5s', fallback: invoice })], { output: '${{ steps.charge.output }}' }),
  );
  await stepThrough(mesh, run, 90_000);
  expect(run).toHaveHistory(['charge#1 TIMED_OUT', 'invoice#1 COMPLETED']);
  expect((await run.result()).output).toBe('in time');
});
