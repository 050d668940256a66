/** Iterations come one after the other, each with steps of its own, and leave nothing behind but their output. */
import { expect, test } from 'vitest';
import { startRun } from '../../../src/control-plane/engine/commands/start-run.ts';
import { decide } from '../../../src/control-plane/engine/decide.ts';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { liveSteps } from '../../../src/control-plane/engine/frames.ts';
import { inlineValue } from '../../../src/core/stored-value.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import { expectReplay, flow, loop, parallel, startsOf, statuses, step, stepThrough } from './flow.ts';

/** Beginnings and ends of iterations with the attempts between. */
function iterationsOf(run: TestRun): readonly string[] {
  return run.journal().flatMap((event: RunEvent) => {
    switch (event.type) {
      case 'BodyStarted':
      case 'BodyEnded':
        return [`${event.type === 'BodyStarted' ? 'begin' : 'done'} ${event.path}/${event.number}`];
      case 'AttemptStarted':
        return [`start ${event.path}#${event.number}`];
      case 'AttemptEnded':
        return [`end ${event.path}#${event.number} ${event.outcome}`];
      default:
        return [];
    }
  });
}

/** Answers 1, 2, 3 and so on, whatever the input. */
function counter(): () => { readonly n: number } {
  let n = 0;
  return () => ({ n: ++n });
}

test('runs the body until the condition holds, one iteration after the other, and gives the last output', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('ask', counter());
  worker.setResponse('note', (input) => input).setResponse('after', (input) => input);
  const run = await mesh.startWorkflow(
    flow([
      loop(
        'poll',
        [
          step('ask', { parameters: { i: '${{ iteration }}', last: '${{ last }}' } }),
          step('note', { parameters: '${{ steps.ask.output }}' }),
        ],
        { until: 'last.n >= 2' },
      ),
      step('after', { parameters: '${{ steps.poll.output }}' }),
    ]),
  );
  expect(iterationsOf(run)).toEqual([
    'begin poll/1',
    'start poll/1/ask#1',
    'end poll/1/ask#1 COMPLETED',
    'start poll/1/note#1',
    'end poll/1/note#1 COMPLETED',
    'done poll/1',
    'begin poll/2',
    'start poll/2/ask#1',
    'end poll/2/ask#1 COMPLETED',
    'start poll/2/note#1',
    'end poll/2/note#1 COMPLETED',
    'done poll/2',
    'start after#1',
    'end after#1 COMPLETED',
  ]);
  const asked = worker.calls.filter(({ action }) => action === 'ask').map(({ input }) => input);
  expect(asked).toEqual([
    { i: 1, last: null },
    { i: 2, last: { n: 1 } },
  ]);
  expect(worker.calls.at(-1)?.input).toEqual({ n: 2 });
  expect(await statuses(run)).toEqual({ poll: 'COMPLETED', after: 'COMPLETED' });
  await expectReplay(mesh, run);
});

test('asks `while` before each iteration, with its number and the output of the one before', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('ask', counter());
  const run = await mesh.startWorkflow(
    flow([loop('poll', [step('ask')], { while: 'iteration <= 3 && (last == null || last.n < 9)' })], {
      output: '${{ steps.poll.output }}',
    }),
  );
  expect((await run.result()).output).toEqual({ n: 3 });
  expect(worker.calls).toHaveLength(3);
  const none = await mesh.startWorkflow(
    flow([loop('poll', [step('ask')], { while: 'false' })], { output: '${{ steps.poll.output }}' }),
  );
  expect(await none.result()).toMatchObject({ status: 'COMPLETED', output: null });
  expect(iterationsOf(none)).toEqual([]);
  await expectReplay(mesh, none);
});

test('fails with LOOP_LIMIT when it would go on beyond maxIterations, or stops there when told to', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('ask', counter());
  const body = [step('ask')];
  const failed = await mesh.startWorkflow(flow([loop('poll', body, { until: 'false', maxIterations: 3 })]));
  const { status, error } = await failed.result();
  expect([status, error?.code, error?.step]).toEqual(['FAILED', 'LOOP_LIMIT', 'poll']);
  expect(error?.message).toContain('3 times');
  expect(startsOf(failed)).toEqual(['poll/1/ask', 'poll/2/ask', 'poll/3/ask']);
  const stopped = await mesh.startWorkflow(
    flow(
      [
        loop('poll', body, {
          while: 'true',
          maxIterations: 2,
          onMaxIterations: 'stop',
          output: '{"n": last.n, "of": iteration}',
        }),
      ],
      {
        output: '${{ steps.poll.output }}',
      },
    ),
  );
  expect(await stopped.result()).toMatchObject({ status: 'COMPLETED', output: { n: 5, of: 2 } });
});

test('waits the delay between two iterations, and neither before the first nor after the last', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('ask', counter());
  const run = await mesh.startWorkflow(
    flow([loop('poll', [step('ask')], { until: 'last.n >= 3', delay: '30s' })], { timeout: '10m' }),
  );
  const { steps } = await mesh.orchestrator.getRun(run.id);
  expect(steps.map(({ path, status, iterations }) => [path, status, iterations])).toEqual([['poll', 'WAITING', 1]]);
  await stepThrough(mesh, run, 120_000, 12);
  const at = run.history().map(({ startedAt }) => startedAt - (run.history()[0]?.startedAt ?? 0));
  expect(at).toEqual([0, 30_000, 60_000]);
  expect((await run.result()).durationMs).toBe(60_000);
});

test('a failure in the body fails the loop; `continue` on the loop lets the run go on', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').failWith('ask', 'NO').setResponse('never', 1).setResponse('after', 1);
  const body = [step('ask'), step('never')];
  const failed = await mesh.startWorkflow(flow([loop('poll', body, { until: 'true' }), step('after')]));
  expect((await failed.result()).error).toMatchObject({ code: 'NO', step: 'poll/1/ask' });
  expect(await statuses(failed)).toEqual({
    poll: 'FAILED',
    'poll/1/ask': 'FAILED',
    'poll/1/never': 'SKIPPED',
    after: 'SKIPPED',
  });
  const handled = await mesh.startWorkflow(
    flow([loop('poll', body, { until: 'true', onFailure: 'continue' }), step('after')]),
  );
  expect((await handled.result()).status).toBe('COMPLETED');
  expect(startsOf(handled)).toEqual(['poll/1/ask', 'after']);
  await expectReplay(mesh, handled);
});

test('a step of the body is tried again within its iteration, and numbers its attempts anew in the next', async () => {
  await using mesh = await TestMesh.start();
  let calls = 0;
  mesh.agent('worker').setResponse('ask', () => {
    calls += 1;
    if (calls % 2 === 1) throw new Error('flaky');
    return { n: calls };
  });
  const run = await mesh.startWorkflow(
    flow([
      loop('poll', [step('ask', { retry: { tries: 2, backoff: '1s', jitter: false } })], { until: 'last.n >= 4' }),
    ]),
  );
  await stepThrough(mesh, run, 5_000);
  expect(run).toHaveHistory([
    'poll/1/ask#1 FAILED',
    'poll/1/ask#2 COMPLETED',
    'poll/2/ask#1 FAILED',
    'poll/2/ask#2 COMPLETED',
  ]);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('an expression of a loop that fails is the failure of the loop', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('ask', { n: 1 });
  const run = await mesh.startWorkflow(flow([loop('poll', [step('ask')], { until: 'last.missing > 1' })]));
  expect((await run.result()).error).toMatchObject({ code: 'MISSING_DATA', step: 'poll' });
  await expectReplay(mesh, run);
});

test('a body may have blocks and loops in it; the inner loop hides the iteration of the outer', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  worker
    .setResponse('left', (input) => input)
    .setResponse('right', 2)
    .setResponse('deep', (input) => input);
  const run = await mesh.startWorkflow(
    flow(
      [
        loop(
          'outer',
          [
            parallel('both', [step('left', { parameters: '${{ iteration }}' }), step('right')]),
            loop('inner', [step('deep', { parameters: ['${{ iteration }}', '${{ steps.both.output.left }}'] })], {
              until: 'iteration == 2',
            }),
          ],
          { while: 'iteration <= 2' },
        ),
      ],
      { output: '${{ steps.outer.output }}' },
    ),
  );
  expect(startsOf(run)).toEqual([
    'outer/1/left',
    'outer/1/right',
    'outer/1/inner/1/deep',
    'outer/1/inner/2/deep',
    'outer/2/left',
    'outer/2/right',
    'outer/2/inner/1/deep',
    'outer/2/inner/2/deep',
  ]);
  expect((await run.result()).output).toEqual([2, 2]);
  await expectReplay(mesh, run);
});

test('the output of a body that ends with a parallel is put together, and a large one is stored beside the journal', async () => {
  await using mesh = await TestMesh.start();
  const large = 'x'.repeat(20_000);
  mesh.agent('worker').setResponse('a', large).setResponse('b', 2);
  const run = await mesh.startWorkflow(
    flow([loop('poll', [parallel('both', [step('a'), step('b')])], { until: 'size(last.a) > 5 && iteration == 2' })], {
      output: '${{ steps.poll.output }}',
    }),
  );
  expect((await run.result()).output).toEqual({ a: large, b: 2 });
  const ends = run.journal().filter((event) => event.type === 'BodyEnded');
  expect(ends.map((event) => event.type === 'BodyEnded' && event.output?.kind)).toEqual(['blob', 'blob']);
});

test('a cancel stops the iteration that runs, and one that waits for its time', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('ask', 1).setDelay('ask', '1h').setResponse('quick', 1);
  const running = await mesh.startWorkflow(flow([loop('poll', [step('ask')], { until: 'false' })]));
  const waiting = await mesh.startWorkflow(flow([loop('poll', [step('quick')], { until: 'false', delay: '1h' })]));
  await running.cancel('enough');
  await waiting.cancel('enough');
  expect(await statuses(running)).toEqual({ poll: 'CANCELLED', 'poll/1/ask': 'CANCELLED' });
  expect(await statuses(waiting)).toEqual({ poll: 'CANCELLED' });
  await expectReplay(mesh, running);
  await expectReplay(mesh, waiting);
});

test('a sibling that fails stops a loop, whose cleanup still runs', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('ask', 1).setDelay('ask', '1h').setResponse('tidy', 1);
  worker.failWith('bad', 'NO').setDelay('bad', '1s');
  const body = [step('ask'), step('tidy', { runOn: 'always' })];
  const run = await mesh.startWorkflow(
    flow([parallel('p', [loop('poll', body, { until: 'false' }), step('bad')], { onFailure: 'failFast' })]),
  );
  await stepThrough(mesh, run, 30_000);
  expect(await statuses(run)).toEqual({
    p: 'FAILED',
    poll: 'CANCELLED',
    'poll/1/ask': 'CANCELLED',
    'poll/1/tidy': 'COMPLETED',
    bad: 'FAILED',
  });
});

test('totalTimeout spans all iterations and the waits between', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('ask', 1).setDelay('ask', '1s');
  const run = await mesh.startWorkflow(
    flow([loop('poll', [step('ask')], { until: 'false', delay: '4s', totalTimeout: '12s', onFailure: 'continue' })]),
  );
  await stepThrough(mesh, run, 20_000, 20);
  expect(run.journal().filter(({ type }) => type === 'BodyEnded')).toHaveLength(3);
  const { steps, durationMs } = await run.result();
  expect(steps.map(({ path, status, error }) => [path, status, error?.code])).toEqual([
    ['poll', 'TIMED_OUT', 'TOTAL_TIMEOUT'],
  ]);
  expect(durationMs).toBe(12_000);
});

test('a paused run ends its iteration and begins none; time that passed meanwhile counts', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('ask', counter()).setDelay('ask', '5s');
  const flowOf = (more: object) => flow([loop('poll', [step('ask')], { until: 'last.n >= 3', ...more })]);
  for (const more of [{}, { delay: '10s', totalTimeout: '1h' }]) {
    const run = await mesh.startWorkflow(flowOf(more));
    await mesh.orchestrator.pauseRun(run.id);
    await stepThrough(mesh, run, 60_000, 6);
    expect(iterationsOf(run).filter((line) => /begin|done/.test(line))).toEqual(['begin poll/1', 'done poll/1']);
    await mesh.orchestrator.resumeRun(run.id);
    await mesh.settle();
    expect(iterationsOf(run).at(-1)).toBe('start poll/2/ask#1');
    await run.cancel();
    await expectReplay(mesh, run);
  }
});

test('goes on after the control plane was killed: in a body, and between two', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('ask', counter()).setDelay('ask', '2s');
  const run = await mesh.startWorkflow(flow([loop('poll', [step('ask')], { until: 'last.n >= 3', delay: '10s' })]));
  await mesh.advance('1s');
  mesh.crash();
  await mesh.restart();
  await mesh.advance('5s');
  expect(iterationsOf(run).at(-1)).toBe('done poll/1');
  mesh.crash();
  await mesh.restart();
  await stepThrough(mesh, run, 60_000);
  expect(iterationsOf(run).filter((line) => /begin|done/.test(line))).toEqual([
    'begin poll/1',
    'done poll/1',
    'begin poll/2',
    'done poll/2',
    'begin poll/3',
    'done poll/3',
  ]);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a body step whose agent is lost goes to another, within its iteration', async () => {
  await using mesh = await TestMesh.start();
  const first = mesh.agent('first').crashOn('ask');
  const run = await mesh.startWorkflow(flow([loop('poll', [step('ask')], { until: 'true' })]));
  mesh.agent('second').setResponse('ask', 1);
  await stepThrough(mesh, run, 120_000);
  expect(run).toHaveHistory(['poll/1/ask#1 LOST', 'poll/1/ask#2 COMPLETED']);
  expect(first.busyCount).toBe(0);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('an attempt that is fenced when its iteration ends frees its slot when it stops', async () => {
  await using mesh = await TestMesh.start();
  const slow = mesh.agent('slow', { slots: 1 }).setResponse('ask', 1).setDelay('ask', '40s');
  const run = await mesh.startWorkflow(
    flow([
      loop(
        'poll',
        [step('ask', { timeout: '10s', retry: { tries: 2, backoff: 0, onDifferentAgent: true }, idempotent: true })],
        {
          until: 'iteration == 2',
        },
      ),
    ]),
  );
  mesh.agent('quick').setResponse('ask', 1);
  await stepThrough(mesh, run, 30_000);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run.history()[0]).toMatchObject({ path: 'poll/1/ask', agent: 'slow', outcome: 'TIMED_OUT' });
  await mesh.advance('2m');
  expect(slow.busyCount).toBe(0);
  const next = await mesh.startWorkflow(flow([step('ask', { agentId: 'slow' })], { name: 'Next' }));
  await mesh.advance('1m');
  expect(next).toHaveHistory(['ask#1 COMPLETED']);
});

test('after 5,000 iterations a run holds the steps of one', () => {
  const body = [step('ask'), step('never', { when: 'false' })];
  const { definition } = flow([loop('poll', body, { while: 'iteration <= 5000', maxIterations: 5_000 })]);
  const context = { now: 1, values: new Map<string, Uint8Array>() };
  const value = inlineValue(encodeValue({ n: 1 }));
  const { state } = startRun(
    {
      type: 'StartRun',
      runId: 'r',
      namespace: 'default',
      workflow: compileWorkflow(definition, 1),
      params: value,
      priority: 'normal',
    },
    context,
  );
  const held = new Set<number>();
  for (let i = 1; i <= 5_000; i++) {
    const at = { path: `poll/${i}/ask`, instanceId: 'one' };
    decide(state, { type: 'AssignStep', ...at, agentId: 'a', idempotent: false, timeoutMs: 0 }, context);
    held.add(liveSteps(state).length);
    const result = { kind: 'completed', output: value } as const;
    const { answer } = decide(state, { type: 'SettleAttempt', ...at, number: 1, result }, context);
    expect(answer).toEqual({ type: 'result', verdict: 'ACCEPTED' });
  }
  expect([...held]).toEqual([3]);
  expect(liveSteps(state).map(({ path, status }) => [path, status])).toEqual([['poll', 'COMPLETED']]);
  expect([state.status, state.root.steps[0]?.detail?.loop?.iterations]).toEqual(['COMPLETED', 5_000]);
});

test('chooses a branch, and computes a value, anew in each iteration', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('odd', (input) => input)
    .setResponse('even', (input) => input);
  const run = await mesh.startWorkflow(
    flow(
      [
        loop(
          'l',
          [
            { id: 'n', type: 'set', set: { i: '${{ iteration }}', before: '${{ default(last.i, 0) }}' } },
            {
              id: 'pick',
              type: 'condition',
              if: 'steps.n.output.i % 2 == 1',
              then: [step('odd', { parameters: '${{ steps.n.output }}' })],
              else: [step('even', { parameters: '${{ steps.n.output }}' })],
            },
          ],
          { until: 'last.i == 3' },
        ),
      ],
      { output: 'steps.l.output' },
    ),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { i: 3, before: 2 } });
  expect(run).toHaveHistory(['l/1/odd#1 COMPLETED', 'l/2/even#1 COMPLETED', 'l/3/odd#1 COMPLETED']);
  await expectReplay(mesh, run);
});

test('stands in a branch, and is skipped with it', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('ask', counter())
    .setResponse('other', () => 'no');
  const workflow = flow(
    [
      {
        id: 'c',
        type: 'condition',
        if: 'params.go',
        then: [loop('l', [step('ask')], { until: 'last.n >= 2' })],
        else: [step('other')],
      },
    ],
    { output: 'steps.c.output' },
  );
  const chosen = await mesh.startWorkflow(workflow, { go: true });
  expect(await chosen.result()).toMatchObject({ status: 'COMPLETED', output: { n: 2 } });
  await expectReplay(mesh, chosen);
  const left = await mesh.startWorkflow(workflow, { go: false });
  expect(await left.result()).toMatchObject({ status: 'COMPLETED', output: 'no' });
  expect(await statuses(left)).toMatchObject({ l: 'SKIPPED' });
  await expectReplay(mesh, left);
});
