/** Another try of a run whose steps were undone: what was compensated is not done any more. */
import { expect, test } from 'vitest';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, sequential, startsOf, step } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

function undoable(id: string, more: Source = {}): Source {
  return step(id, { compensate: { id: `undo-${id}`, action: 'undo' }, ...more });
}

/** `fail` fails until `mend`; every other action answers with its name. */
function fleet(mesh: TestMesh, actions: string) {
  let isMended = false;
  const worker = mesh.agent('worker').setResponse('undo', 1);
  for (const action of actions.split(' ')) worker.setResponse(action, action);
  worker.setResponse('fail', () => {
    if (!isMended) throw new Error('not yet');
    return 'fail';
  });
  return {
    worker,
    mend() {
      isMended = true;
    },
  };
}

async function ended(mesh: TestMesh, steps: readonly Source[], more: Source = {}): Promise<TestRun> {
  const run = await mesh.startWorkflow(flow(steps, more));
  expect((await run.result()).status).toBe('FAILED');
  return run;
}

function takenOver(run: TestRun): readonly string[] {
  return run.journal().flatMap((event) => (event.type === 'StepTakenOver' ? [event.path] : []));
}

test('what was compensated starts again with everything after it; what nobody undid does not', async () => {
  await using mesh = await TestMesh.start();
  const { mend } = fleet(mesh, 'free a b');
  const old = await ended(mesh, [
    step('free', { dependencies: [] }),
    undoable('a', { dependencies: [] }),
    step('b', { dependencies: ['a'] }),
    step('fail', { dependencies: ['free', 'b'] }),
  ]);
  expect(startsOf(old)).toEqual(['free', 'a', 'b', 'fail', 'undo-a']);
  mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['free']);
  expect(startsOf(run)).toEqual(['a', 'b', 'fail']);
  await expectReplay(mesh, run);
});

test('a compensation that failed may have undone a part: its step starts again', async () => {
  await using mesh = await TestMesh.start();
  const { worker, mend } = fleet(mesh, 'a');
  worker.failWith('undo', 'HALF', { times: 1 });
  const old = await ended(mesh, [undoable('a'), step('fail')]);
  mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(startsOf(run)).toEqual(['a', 'fail']);
});

test('blocks around what was undone open again and keep the rest', async () => {
  await using mesh = await TestMesh.start();
  const { mend } = fleet(mesh, 'a b c');
  const old = await ended(mesh, [
    parallel('p', [undoable('a'), sequential('s', [step('b'), undoable('c')])]),
    step('fail'),
  ]);
  mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['b']);
  expect(startsOf(run)).toEqual(['a', 'c', 'fail']);
  await expectReplay(mesh, run);
});

test('a block that was undone starts again with everything in it', async () => {
  await using mesh = await TestMesh.start();
  const { mend } = fleet(mesh, 'a b');
  const compensate = { id: 'undo-p', action: 'undo' };
  const old = await ended(mesh, [parallel('p', [step('a'), step('b')], { compensate }), step('fail')]);
  mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(startsOf(run)).toEqual(['a', 'b', 'fail']);
});

test('a loop with an iteration that was undone begins anew', async () => {
  await using mesh = await TestMesh.start();
  const { mend } = fleet(mesh, 'a b');
  const old = await ended(mesh, [
    loop('l', [undoable('a')], { until: 'iteration >= 2' }),
    loop('m', [step('b')], { until: 'iteration >= 2', dependencies: [] }),
    step('fail', { dependencies: ['l', 'm'] }),
  ]);
  mend();
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('COMPLETED');
  expect(takenOver(run)).toEqual(['m']);
  expect(startsOf(run)).toEqual(['l/1/a', 'l/2/a', 'fail']);
});

test('what completed and was not undone is taken over, and undone in the order of the old run when the new one fails, too', async () => {
  await using mesh = await TestMesh.start();
  const { worker } = fleet(mesh, 'a b c');
  worker.setDelay('a', '3s').setDelay('b', '1s').setDelay('c', '2s');
  // Nobody can undo anything until the cleanup of the first run is over.
  const compensate = (id: string) => ({ id: `undo-${id}`, action: 'reverse' });
  const steps = ['a', 'b', 'c'].map((id) => step(id, { compensate: compensate(id) }));
  const old = await mesh.startWorkflow(flow([parallel('p', steps), step('fail')], { cleanupTimeout: '5s' }));
  await mesh.advance('20s');
  expect((await old.result()).cleanupErrors).toMatchObject([{ code: 'NOT_COMPENSATED' }]);
  worker.setResponse('reverse', 1);
  const run = await mesh.retryRun(old.id);
  expect((await run.result()).status).toBe('FAILED');
  expect(takenOver(run)).toEqual(['p', 'b', 'c', 'a']);
  expect(startsOf(run)).toEqual(['fail', 'undo-a', 'undo-c', 'undo-b']);
  await expectReplay(mesh, run);
});

test('a rerun undoes what it did itself', async () => {
  await using mesh = await TestMesh.start();
  fleet(mesh, 'a');
  const old = await ended(mesh, [undoable('a'), step('fail')]);
  const run = await mesh.rerunRun(old.id);
  expect((await run.result()).status).toBe('FAILED');
  expect(startsOf(run)).toEqual(['a', 'fail', 'undo-a']);
});
