/** Another try of an ended run: what it takes over, what starts again, and that its journal needs nothing of the run before. */
import { expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import type { Workflow } from '../../../src/workflow/builder/index.ts';
import type { Untyped } from '../../../src/workflow/builder/recorded.ts';
import { expectReplay, flow, loop, parallel, sequential, statuses, step } from './flow.ts';

type Flow = Workflow<Untyped, Untyped>;

/** Every action answers with its own name, but for those of `broken`, which fail until `mend`. */
function worker(mesh: TestMesh, actions: string, ...broken: readonly string[]): { mend(): void; break(): void } {
  const agent = mesh.agent('worker', { slots: 1 });
  let isMended = false;
  for (const action of actions.split(' ')) {
    agent.setResponse(action, () => {
      if (!isMended && broken.includes(action)) throw new Error(`${action} is broken`);
      return action;
    });
  }
  return {
    mend() {
      isMended = true;
    },
    break() {
      isMended = false;
    },
  };
}

async function endedRun(mesh: TestMesh, definition: Flow, params: object = {}): Promise<TestRun> {
  const run = await mesh.startWorkflow(definition, params);
  expect((await run.result()).status).not.toBe('COMPLETED');
  return run;
}

function takenOver(run: TestRun): readonly string[] {
  const isTaken = (event: RunEvent): event is Extract<RunEvent, { type: 'StepTakenOver' }> =>
    event.type === 'StepTakenOver';
  return run
    .journal()
    .filter(isTaken)
    .map(({ path, status }) => (status === 'COMPLETED' ? path : `${path} ${status}`));
}

test('takes over what is done and starts what failed and what comes after it', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c d', 'b');
  const old = await endedRun(
    mesh,
    flow([
      step('a'),
      step('d', { dependencies: ['a'] }),
      step('b', { dependencies: ['a'], parameters: { from: '${{ steps.a.output }}', by: '${{ steps.a.agent }}' } }),
      step('c', { parameters: { n: '${{ steps.a.attempt }}' } }),
    ]),
  );
  expect(old).toHaveHistory(['a#1 COMPLETED', 'd#1 COMPLETED', 'b#1 FAILED']);
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['a', 'd']);
  expect(run).toHaveHistory(['b#1 COMPLETED', 'c#1 COMPLETED']);
  const { steps } = await mesh.orchestrator.getRun(run.id, { values: true });
  // Expressions see of the step what they saw before, its agent and the number of its attempts, too.
  expect(steps.find(({ path }) => path === 'b')?.input).toEqual({ kind: 'value', value: { from: 'a', by: 'worker' } });
  expect(steps.find(({ path }) => path === 'c')?.input).toEqual({ kind: 'value', value: { n: 1 } });
  expect(steps[0]).toMatchObject({ status: 'COMPLETED', takenOver: true, attempts: [], output: { value: 'a' } });
  await expectReplay(mesh, run);
});

test('a step that COMPLETED after one that did not starts again', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c d', 'a', 'd');
  const old = await endedRun(mesh, flow([step('a', { onFailure: 'continue' }), step('b'), step('d')]));
  expect(old).toHaveHistory(['a#1 FAILED', 'b#1 COMPLETED', 'd#1 FAILED']);
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual([]);
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'd#1 COMPLETED']);
});

test('cleanup starts again, and what ran on the failure does not run when there is none', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b undo always tidy', 'b');
  const old = await endedRun(
    mesh,
    flow(
      [
        step('a'),
        step('always', { dependencies: ['a'], runOn: 'always' }),
        step('b', { dependencies: ['a'] }),
        step('undo', { dependencies: ['b'], runOn: 'failure' }),
      ],
      { finally: [step('tidy')] },
    ),
  );
  expect(await statuses(old)).toEqual({
    a: 'COMPLETED',
    always: 'COMPLETED',
    b: 'FAILED',
    undo: 'COMPLETED',
    tidy: 'COMPLETED',
  });
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['a']);
  expect(run).toHaveHistory(['always#1 COMPLETED', 'b#1 COMPLETED', 'tidy#1 COMPLETED']);
  expect(await statuses(run)).toMatchObject({ undo: 'SKIPPED' });
  await expectReplay(mesh, run);
});

test('a step that its own `when` skipped stays skipped, and what came after it stays done', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c d', 'd');
  const old = await endedRun(mesh, flow([step('a'), step('b', { when: 'params.wanted' }), step('c'), step('d')]), {
    wanted: false,
  });
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['a', 'b SKIPPED', 'c']);
  expect(run).toHaveHistory(['d#1 COMPLETED']);
});

test('a block that did not complete keeps its completed children, but not those after one that failed', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c d e after', 'c');
  const old = await endedRun(
    mesh,
    flow([
      parallel('p', [
        step('a'),
        sequential('s', [step('b'), step('c'), step('d')]),
        step('e', { dependencies: ['s'], runOn: 'always' }),
      ]),
      step('after', { parameters: { all: '${{ steps.p.output }}' } }),
    ]),
  );
  expect(await statuses(old)).toMatchObject({ a: 'COMPLETED', b: 'COMPLETED', c: 'FAILED', d: 'SKIPPED', s: 'FAILED' });
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['a', 'b']);
  expect(run).toHaveHistory(['c#1 COMPLETED', 'd#1 COMPLETED', 'e#1 COMPLETED', 'after#1 COMPLETED']);
  const { steps } = await mesh.orchestrator.getRun(run.id, { values: true });
  expect(steps.at(-1)?.input).toEqual({ kind: 'value', value: { all: { a: 'a', s: 'd', e: 'e' } } });
  await expectReplay(mesh, run);
});

test('blocks with children that were taken over still open one after another in their window', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c d', 'b', 'd');
  const old = await endedRun(
    mesh,
    flow([
      parallel('p', [sequential('s', [step('a'), step('b')]), sequential('t', [step('c'), step('d')])], {
        concurrency: 1,
      }),
    ]),
  );
  expect(old).toHaveHistory(['a#1 COMPLETED', 'b#1 FAILED', 'c#1 COMPLETED', 'd#1 FAILED']);
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['a', 'c']);
  const told = run.journal().flatMap((event) => ('path' in event ? [`${event.type} ${event.path}`] : []));
  expect(told.indexOf('BlockStarted t')).toBeGreaterThan(told.indexOf('StepCompleted s'));
  await expectReplay(mesh, run);
});

test('a block that COMPLETED is taken over whole, with what failed in it', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b after', 'b', 'after');
  const old = await endedRun(
    mesh,
    flow([
      parallel('p', [step('a'), step('b')], { onFailure: 'continue' }),
      step('after', { parameters: { all: '${{ steps.p.output }}', why: '${{ steps.b.error.code }}' } }),
    ]),
  );
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['p', 'a', 'b FAILED']);
  expect(run).toHaveHistory(['after#1 COMPLETED']);
  const [before, after] = await Promise.all(
    [old, run].map(async ({ id }) => (await mesh.orchestrator.getRun(id, { values: true })).steps.at(-1)?.input),
  );
  expect(after).toEqual(before);
  await expectReplay(mesh, run);
});

test('a block whose dependency starts again starts again with everything in it', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c', 'a', 'c');
  const old = await endedRun(
    mesh,
    flow([step('a', { onFailure: 'continue' }), parallel('p', [step('b'), step('c', { dependencies: ['b'] })])]),
  );
  expect(old).toHaveHistory(['a#1 FAILED', 'b#1 COMPLETED', 'c#1 FAILED']);
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'c#1 COMPLETED']);
});

test('a quorum counts the children that were taken over', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c', 'b', 'c');
  const old = await endedRun(mesh, flow([parallel('p', [step('a'), step('b'), step('c')], { quorum: 2 })]));
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['b#1 COMPLETED']);
  await expectReplay(mesh, run);
});

test('a run whose steps had all completed only ends again', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, 'a tidy');
  const old = await endedRun(mesh, flow([step('a')], { output: '${{ params.missing }}', finally: [step('tidy')] }));
  const run = await mesh.retryRun(old.id);
  expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'MISSING_DATA' } });
  expect(run).toHaveHistory(['tidy#1 COMPLETED']);
  await expectReplay(mesh, run);
});

test('a retry of a retry takes over what either of them did', async () => {
  await using mesh = await TestMesh.start();
  const agent = mesh.agent('worker');
  const broken = new Set(['b', 'c']);
  for (const action of ['a', 'b', 'c']) {
    agent.setResponse(action, () => {
      if (broken.has(action)) throw new Error('no');
      return action;
    });
  }
  const first = await endedRun(
    mesh,
    flow([step('a'), step('b'), step('c', { parameters: { n: '${{ steps.a.attempt }}' } })]),
  );
  broken.delete('b');
  const second = await mesh.retryRun(first.id);
  expect((await second.result()).status).toBe('FAILED');
  broken.delete('c');
  const third = await mesh.retryRun(second.id);
  expect((await third.result()).status).toBe('COMPLETED');
  expect(takenOver(third)).toEqual(['a', 'b']);
  expect(third).toHaveHistory(['c#1 COMPLETED']);
  const { retryOf, steps } = await mesh.orchestrator.getRun(third.id, { values: true });
  expect(retryOf).toBe(second.id);
  expect(steps.at(-1)?.input).toEqual({ kind: 'value', value: { n: 1 } });
});

test('a cancelled run goes on where it was stopped', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setResponse('b', 2).setDelay('b', '10m');
  const old = await mesh.startWorkflow(flow([step('a'), step('b')]));
  await old.cancel();
  const run = await mesh.retryRun(old.id);
  await mesh.advance('20m');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['b#1 COMPLETED']);
});

test('a cancel before a block opens leaves the children that were taken over as they are', async () => {
  await using mesh = await TestMesh.start();
  const agent = mesh.agent('worker').setResponse('a', 1).setResponse('c', 1).failWith('b', 'NO').failWith('d', 'NO');
  const old = await endedRun(
    mesh,
    flow([
      parallel('p', [sequential('s', [step('a'), step('b')]), sequential('t', [step('c'), step('d')])], {
        concurrency: 1,
      }),
    ]),
  );
  agent.setResponse('b', 1).setDelay('b', '1h');
  const run = await mesh.retryRun(old.id);
  await run.cancel();
  expect(await statuses(run)).toEqual({
    p: 'CANCELLED',
    s: 'CANCELLED',
    a: 'COMPLETED',
    b: 'CANCELLED',
    t: 'SKIPPED',
    c: 'COMPLETED',
    d: 'SKIPPED',
  });
  await expectReplay(mesh, run);
});

test('takes a loop over whole when it completed, and goes on in the iteration that was cut short when not', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c', 'b');
  const old = await endedRun(
    mesh,
    flow([
      loop('done', [step('a')], { until: 'iteration >= 2' }),
      loop('open', [step('c', { parameters: '${{ steps.done.output }}' }), step('b', { when: 'iteration == 2' })], {
        until: 'iteration >= 2',
      }),
    ]),
  );
  expect(old).toHaveHistory([
    'done/1/a#1 COMPLETED',
    'done/2/a#1 COMPLETED',
    'open/1/c#1 COMPLETED',
    'open/2/c#1 COMPLETED',
    'open/2/b#1 FAILED',
  ]);
  fleet.mend();
  const run = await mesh.retryRun(old.id);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED' });
  expect(takenOver(run)).toEqual(['done', 'open/2/c']);
  expect(run).toHaveHistory(['open/2/b#1 COMPLETED']);
  await expectReplay(mesh, run);
});

test('the output of a condition that was taken over is that of the branch that ran', async () => {
  await using mesh = await TestMesh.start();
  const fleet = worker(mesh, 'a b c', 'c');
  const choice = { id: 'choice', type: 'condition', if: 'params.flag', then: [step('a')], else: [step('b')] };
  const source = flow([choice, step('c', { parameters: { from: '${{ steps.choice.output }}' } })]);
  for (const [flag, branch] of [
    [true, 'a'],
    [false, 'b'],
  ] as const) {
    const old = await endedRun(mesh, source, { flag });
    fleet.mend();
    const run = await mesh.retryRun(old.id);
    expect((await run.result()).status).toBe('COMPLETED');
    expect(run).toHaveHistory(['c#1 COMPLETED']);
    const { steps } = await mesh.orchestrator.getRun(run.id, { values: true });
    expect(steps.find(({ path }) => path === 'c')?.input).toEqual({ kind: 'value', value: { from: branch } });
    await expectReplay(mesh, run);
    if (flag) fleet.break();
  }
});
