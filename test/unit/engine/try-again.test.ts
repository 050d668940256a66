/** Workflow `retries`: what another try of the run keeps, what starts again, and when there is none. */
import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, sequential, statuses, step, stepThrough } from './flow.ts';

type TryStarted = Extract<RunEvent, { type: 'RunTryStarted' }>;

function triesOf(run: TestRun): readonly Omit<TryStarted, 'type' | 'at'>[] {
  const isTry = (event: RunEvent): event is TryStarted => event.type === 'RunTryStarted';
  return run
    .journal()
    .filter(isTry)
    .map(({ type: _, at: __, ...rest }) => rest);
}

/** Every action answers with its own name, but those of `broken` fail as often as they say. */
function worker(mesh: TestMesh, actions: string, broken: Readonly<Record<string, number>>) {
  const agent = mesh.agent('worker');
  for (const action of actions.split(' ')) {
    const times = broken[action] ?? 0;
    if (times > 0) agent.failWith(action, 'BROKEN', { times });
    agent.setResponse(action, action);
  }
  return agent;
}

test('a run that failed is tried again: what completed is kept, what failed and what comes after it starts again', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a b c d', { b: 1 });
  const run = await mesh.startWorkflow(
    flow(
      [
        step('a'),
        step('d', { dependencies: ['a'] }),
        step('b', { dependencies: ['a'], parameters: { try: '${{ run.try }}' } }),
        step('c'),
      ],
      { retries: 1, output: '${{ steps.c.output }}' },
    ),
  );
  const result = await run.result();
  expect(result).toMatchObject({ status: 'COMPLETED', output: 'c' });
  expect(run).toHaveHistory(['a#1 COMPLETED', 'd#1 COMPLETED', 'b#1 FAILED', 'b#2 COMPLETED', 'c#1 COMPLETED']);
  expect(run.order().filter((line) => line.includes(' a#'))).toEqual(['start a#1 worker', 'end a#1 COMPLETED']);
  expect(triesOf(run)).toEqual([{ try: 2, again: ['b', 'c'] }]);
  const shown = await mesh.orchestrator.getRun(run.id, { values: true });
  expect(shown).toMatchObject({ status: 'COMPLETED', tryNumber: 2, error: undefined });
  expect(shown.steps.find(({ path }) => path === 'b')?.input).toEqual({ kind: 'value', value: { try: 2 } });
  await expectReplay(mesh, run);
});

test('a run has no more tries than its workflow says, and ends with the last failure', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a', { a: 3 });
  const run = await mesh.startWorkflow(flow([step('a')], { retries: 2 }));
  expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'BROKEN', step: 'a', attempt: 3 } });
  expect(run).toHaveHistory(['a#1 FAILED', 'a#2 FAILED', 'a#3 FAILED']);
  expect(triesOf(run).map((each) => each.try)).toEqual([2, 3]);
  expect(run.journal().filter(({ type }) => type === 'RunEnded')).toHaveLength(1);
  await expectReplay(mesh, run);
});

test('each try of the run has all tries of the step', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a', { a: 3 });
  const retry = { tries: 2, backoff: '1s', jitter: false };
  const run = await mesh.startWorkflow(flow([step('a', { retry })], { retries: 1 }));
  await stepThrough(mesh, run, 10_000);
  expect(run).toHaveHistory(['a#1 FAILED', 'a#2 FAILED', 'a#3 FAILED', 'a#4 COMPLETED']);
  expect(run.history().map((entry) => entry.try)).toEqual([1, 2, 1, 2]);
});

test('cleanup runs in every try, and what ran on the failure does not when there is none', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a b undo always tidy', { b: 1 });
  const run = await mesh.startWorkflow(
    flow(
      [
        step('a'),
        step('always', { dependencies: ['a'], runOn: 'always' }),
        step('b', { dependencies: ['a'] }),
        step('undo', { dependencies: ['b'], runOn: 'failure' }),
      ],
      { finally: [step('tidy')], retries: 1 },
    ),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  const order = run.order().filter((line) => line.startsWith('start'));
  expect(order).toEqual([
    'start a#1 worker',
    'start always#1 worker',
    'start b#1 worker',
    'start undo#1 worker',
    'start tidy#1 worker',
    'start always#2 worker',
    'start b#2 worker',
    'start tidy#2 worker',
  ]);
  expect(await statuses(run)).toMatchObject({ undo: 'SKIPPED', tidy: 'COMPLETED' });
  await expectReplay(mesh, run);
});

test('large values that a try makes leave those of the try before as they are', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'b tell', { b: 1 });
  const pad = 'x'.repeat(limits.inlineEventBytesMax);
  const run = await mesh.startWorkflow(
    flow(
      [
        { id: 'note', type: 'set', set: { try: '${{ run.try }}', pad: '${{ params.pad }}' } },
        step('b', { dependencies: ['note'] }),
        { id: 'told', type: 'set', runOn: 'always', set: { of: '${{ steps.b.status }}', pad: '${{ params.pad }}' } },
        step('tell', { runOn: 'always', parameters: '${{ steps.told.output }}' }),
      ],
      { retries: 1 },
    ),
    { pad },
  );
  expect((await run.result()).status).toBe('COMPLETED');
  const named = run.journal().flatMap((event) => {
    const stored = event.type === 'StepReady' ? event.input : event.type === 'StepCompleted' ? event.output : undefined;
    return stored?.kind === 'blob' ? [`${event.type} ${stored.blobId}`] : [];
  });
  expect(named).toEqual([
    'StepCompleted out/note',
    'StepCompleted out/told',
    'StepReady out/told',
    'StepCompleted out/told~2',
    'StepReady out/told~2',
  ]);
  await expectReplay(mesh, run);
});

test('a loop keeps the iterations that ended, and what completed in the one that failed', async () => {
  await using mesh = await TestMesh.start();
  const seen: unknown[] = [];
  let fails = true;
  mesh
    .agent('worker')
    .setResponse('first', (input: unknown) => {
      seen.push(input);
      return input;
    })
    .setResponse('second', (input: unknown) => {
      if (!fails || JSON.stringify(input) !== '3') return input;
      fails = false;
      throw new Error('not now');
    });
  const body = [step('first', { parameters: '${{ iteration }}' }), step('second', { parameters: '${{ iteration }}' })];
  const run = await mesh.startWorkflow(
    flow([loop('poll', body, { until: 'iteration >= 4' })], { retries: 1, output: '${{ steps.poll.output }}' }),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 4 });
  expect(seen).toEqual([1, 2, 3, 4]);
  expect(triesOf(run)).toEqual([{ try: 2, again: ['poll', 'poll/3/second'], continued: ['poll'] }]);
  // The numbers of attempts go on, so that no attempt of the iteration before is taken for one of this.
  expect(run.history().map(({ path, number }) => `${path}#${number}`)).toEqual([
    'poll/1/first#1',
    'poll/1/second#1',
    'poll/2/first#1',
    'poll/2/second#1',
    'poll/3/first#1',
    'poll/3/second#1',
    'poll/3/second#2',
    'poll/4/first#2',
    'poll/4/second#2',
  ]);
  await expectReplay(mesh, run);
});

test('a loop that ran as often as it may begins anew, and so does one after a step that starts again', async () => {
  await using mesh = await TestMesh.start();
  let isDone = false;
  const agent = worker(mesh, 'x y', { x: 1 });
  agent.setResponse('look', () => isDone);
  const full = await mesh.startWorkflow(
    flow([loop('poll', [step('look')], { until: 'last', maxIterations: 2 }), step('y')], { retries: 1, name: 'Full' }),
  );
  expect(await full.result()).toMatchObject({ status: 'FAILED', error: { code: 'LOOP_LIMIT' } });
  expect(full.history().map(({ path, number }) => `${path}#${number}`)).toEqual([
    'poll/1/look#1',
    'poll/2/look#1',
    'poll/1/look#2',
    'poll/2/look#2',
  ]);
  isDone = true;
  const after = await mesh.startWorkflow(
    flow(
      [
        step('x', { onFailure: 'continue' }),
        loop('poll', [step('look')], { until: 'last', maxIterations: 2 }),
        { id: 'check', type: 'set', set: '${{ steps.x.output }}' },
      ],
      { retries: 1, name: 'After' },
    ),
  );
  expect((await after.result()).status).toBe('COMPLETED');
  expect(after.history().map(({ path, number, outcome }) => `${path}#${number} ${outcome}`)).toEqual([
    'x#1 FAILED',
    'poll/1/look#1 COMPLETED',
    'x#2 COMPLETED',
    'poll/1/look#2 COMPLETED',
  ]);
  await expectReplay(mesh, after);
});

test('a loop that is cleanup begins anew in every try, and is not gone on with', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a x', { a: 1 });
  const run = await mesh.startWorkflow(
    flow([step('a'), loop('tidy', [step('x')], { runOn: 'always', until: 'iteration >= 2', maxIterations: 3 })], {
      retries: 1,
    }),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  const bodies = run.journal().flatMap((event) => (event.type === 'BodyStarted' ? [event.number] : []));
  expect(bodies).toEqual([1, 2, 1, 2]);
  expect(triesOf(run)).toEqual([{ try: 2, again: ['a', 'tidy'] }]);
  await expectReplay(mesh, run);
});

test('a block keeps its completed children, and a branch is not chosen again', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a b c d e f', { c: 1, e: 1 });
  const run = await mesh.startWorkflow(
    flow(
      [
        parallel('p', [step('a'), sequential('s', [step('b'), step('c'), step('d')])], { onFailure: 'failFast' }),
        { id: 'if', type: 'condition', if: 'run.try < 3', then: [step('f'), step('e')], else: [step('never')] },
      ],
      { retries: 2 },
    ),
  );
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory([
    'a#1 COMPLETED',
    'b#1 COMPLETED',
    'c#1 FAILED',
    'c#2 COMPLETED',
    'd#1 COMPLETED',
    'f#1 COMPLETED',
    'e#1 FAILED',
    'e#2 COMPLETED',
  ]);
  await expectReplay(mesh, run);
});

test('a cancelled run is not tried again, nor one that is cancelled in the cleanup of a try that failed', async () => {
  await using mesh = await TestMesh.start();
  const agent = worker(mesh, 'a tidy', { a: 1 });
  agent.setDelay('tidy', '1m');
  const workflow = flow([step('a')], { retries: 3, finally: [step('tidy')] });
  const failing = await mesh.startWorkflow(workflow);
  expect(await mesh.orchestrator.getRun(failing.id)).toMatchObject({ status: 'ENDING', outcome: 'FAILED' });
  expect(await failing.cancel('enough')).toMatchObject({ accepted: true });
  await mesh.advance('2m');
  expect(await failing.result()).toMatchObject({ status: 'FAILED', error: { code: 'BROKEN' } });
  expect(failing).toHaveHistory(['a#1 FAILED', 'tidy#1 COMPLETED']);
  agent.setDelay('a', '1m');
  const running = await mesh.startWorkflow(workflow);
  await running.cancel();
  await mesh.advance('2m');
  expect((await running.result()).status).toBe('CANCELLED');
  expect(triesOf(running)).toEqual([]);
});

test('the timeout of the workflow spans all tries, and a run that timed out is not tried again', async () => {
  await using mesh = await TestMesh.start();
  const agent = worker(mesh, 'a', { a: 2 });
  agent.setDelay('a', '40s');
  const run = await mesh.startWorkflow(flow([step('a')], { retries: 5, timeout: '1m' }));
  await mesh.advance('2m');
  expect(await run.result()).toMatchObject({ status: 'TIMED_OUT', error: { code: 'RUN_TIMEOUT' } });
  expect(run).toHaveHistory(['a#1 FAILED', 'a#2 CANCELLED']);
  expect(triesOf(run).map(({ deadlineAt }) => deadlineAt)).toEqual([(run.journal()[0]?.at ?? 0) + 60_000]);
});

test('what may still run and must not run twice is waited for, and for a whole window where nobody hears the stop', async () => {
  await using mesh = await TestMesh.start();
  const agent = mesh.agent('worker').setResponse('a', 1).setDelay('a', Number.POSITIVE_INFINITY);
  const run = await mesh.startWorkflow(flow([step('a', { timeout: '5s' })], { retries: 1 }));
  await mesh.advance('5s');
  // The agent stops at once, and says so.
  expect(
    run.history().map(({ number, startedAt }) => [number, startedAt - (run.history()[0]?.startedAt ?? 0)]),
  ).toEqual([
    [1, 0],
    [2, 5_000],
  ]);
  agent.crash();
  const deaf = await mesh.startWorkflow(flow([step('b', { timeout: '5s' })], { retries: 1, name: 'Deaf' }));
  const other = mesh.agent('other').setResponse('b', 1).setDelay('b', Number.POSITIVE_INFINITY);
  await mesh.settle();
  other.crash();
  await mesh.advance('6s');
  expect(deaf.journal().map(({ type }) => type)).toContain('RunTryScheduled');
  expect(await mesh.orchestrator.getRun(deaf.id)).toMatchObject({ status: 'ENDING', tryNumber: 1 });
  await expectReplay(mesh, deaf);
  await mesh.advance('23s');
  expect(await mesh.orchestrator.getRun(deaf.id)).toMatchObject({ status: 'ENDING', tryNumber: 1 });
  await expectReplay(mesh, deaf);
  await mesh.advance('2s');
  expect(await mesh.orchestrator.getRun(deaf.id)).toMatchObject({ status: 'RUNNING', tryNumber: 2 });
  await expectReplay(mesh, deaf);
});

test('a try survives a restart at any time', async () => {
  await using mesh = await TestMesh.start();
  const agent = worker(mesh, 'a b', { b: 1 });
  agent.setDelay('a', '5s').setDelay('b', '5s');
  const run = await mesh.startWorkflow(flow([step('a'), step('b')], { retries: 1 }));
  await mesh.advance('7s');
  await mesh.restart();
  await mesh.advance('7s');
  expect(await mesh.orchestrator.getRun(run.id)).toMatchObject({ status: 'RUNNING', tryNumber: 2 });
  expect((await mesh.orchestrator.listRuns({ status: 'RUNNING' })).map(({ runId }) => runId)).toEqual([run.id]);
  await mesh.restart();
  await stepThrough(mesh, run, 30_000);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 FAILED', 'b#2 COMPLETED']);
});

test('a run that cannot go on is not tried again', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a', {});
  const run = await mesh.startWorkflow(flow([step('a', { parameters: '${{ params.missing }}' })], { retries: 2 }));
  // An expression that fails is a failure like any other.
  expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'MISSING_DATA' } });
  expect(triesOf(run).map((each) => each.try)).toEqual([2, 3]);
});

test('watchers see the try, and the picture of a run begins anew for what starts again', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a b', { b: 1 });
  const run = await mesh.startWorkflow(flow([step('a'), step('b')], { retries: 1 }));
  await run.result();
  const told: string[] = [];
  for await (const event of run.handle.events()) {
    if (event.type === 'runTryStarted') told.push(`${event.type} ${event.tryNumber} ${event.steps}`);
    else if (event.type === 'runEnding') told.push(`${event.type} ${event.outcome}`);
    else if (event.type === 'runEnded') told.push(`${event.type} ${event.status}`);
  }
  expect(told).toEqual(['runEnding FAILED', 'runTryStarted 2 b', 'runEnding COMPLETED', 'runEnded COMPLETED']);
});

test('what starts again gets its values of this try, also when they stand beside the journal', async () => {
  await using mesh = await TestMesh.start();
  const got: unknown[] = [];
  let made = 0;
  const large = (): string => String(++made).repeat(6_000 * made);
  mesh
    .agent('worker')
    .failWith('flaky', 'NO', { times: 1 })
    .setResponse('flaky', 1)
    .setResponse('make', large)
    .failWith('last', 'NO', { times: 1 })
    .setResponse('last', 1)
    .setResponse('use', (input: unknown) => {
      got.push(input);
      return {};
    });
  await mesh.registerWorkflow(flow([step('make')], { name: 'Sub', output: '${{ steps.make.output }}' }));
  const run = await mesh.startWorkflow(
    flow(
      [
        step('flaky', { onFailure: 'continue' }),
        { id: 'call', type: 'workflow', workflow: 'Sub' },
        { id: 'both', type: 'set', set: '${{ {"of": steps.call.output} }}' },
        step('use', { parameters: { text: '${{ steps.both.output.of + "!" }}' } }),
        step('last'),
      ],
      { retries: 1, output: '${{ steps.call.output }}' },
    ),
  );
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: '2'.repeat(12_000) });
  expect(got).toEqual([{ text: `${'1'.repeat(6_000)}!` }, { text: `${'2'.repeat(12_000)}!` }]);
  await expectReplay(mesh, run);
});
