/** When a run will probably end: by completed runs, in virtual time. */
import { expect, test } from 'vitest';
import { toProgress } from '../../../src/client/progress.ts';
import { PastRuns } from '../../../src/control-plane/runtime/past-runs.ts';
import { limits } from '../../../src/core/limits.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { flow, loop, parallel, step } from '../../unit/engine/flow.ts';

const minutes = (n: number): number => n * 60_000;

/** A worker whose actions take as long as their name says: `4m`. */
function worker(mesh: TestMesh, ...actions: readonly string[]): void {
  const agent = mesh.agent('worker');
  for (const action of actions) agent.setResponse(action, 1).setDelay(action, action.replace(/^\w-/, ''));
}

/** Milliseconds from now to the estimated end; undefined: there is none. */
async function etaOf(mesh: TestMesh, run: TestRun): Promise<number | undefined> {
  const { estimatedCompletion } = await mesh.orchestrator.getRun(run.id);
  return estimatedCompletion === undefined ? undefined : estimatedCompletion.getTime() - mesh.clock.now();
}

const chain = flow([step('a', { action: '4m' }), step('b', { action: '6m' })]);

test('there is no estimate without a run that completed', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, '4m', '6m');
  const first = await mesh.startWorkflow(chain);
  expect(await etaOf(mesh, first)).toBeUndefined();
  await first.cancel();
  await mesh.advance('1h');
  const second = await mesh.startWorkflow(chain);
  expect(await etaOf(mesh, second)).toBeUndefined();
});

test('an estimate moves on with the clock and with the steps, and is gone with the end', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, '4m', '6m');
  await mesh.startWorkflow(chain);
  await mesh.advance('1h');
  const run = await mesh.startWorkflow(chain);
  const seen: (number | undefined)[] = [await etaOf(mesh, run)];
  for (const slice of ['1m', '3m', '5m']) {
    await mesh.advance(slice);
    seen.push(await etaOf(mesh, run));
  }
  expect(seen).toEqual([minutes(10), minutes(9), minutes(6), minutes(1)]);
  await mesh.advance('1m');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(await etaOf(mesh, run)).toBeUndefined();
});

test('a run that is late is estimated anew by the steps that are left, and by nothing once it is later than every other', async () => {
  await using mesh = await TestMesh.start();
  const agent = mesh.agent('worker').setResponse('a', 1).setDelay('a', '4m').setResponse('b', 1).setDelay('b', '6m');
  const both = flow([step('a'), step('b')]);
  await mesh.startWorkflow(both);
  await mesh.advance('1h');
  agent.setDelay('a', '30m');
  const run = await mesh.startWorkflow(both);
  await mesh.advance('5m');
  // The step is longer than it ever was; the whole may still end as the whole did.
  expect(await etaOf(mesh, run)).toBe(minutes(5));
  await mesh.advance('10m');
  expect(await etaOf(mesh, run)).toBeUndefined();
  await mesh.advance('15m');
  expect(await etaOf(mesh, run)).toBe(minutes(6));
});

test('parallel steps count once, waits by their time, loops and steps that never ran by history', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, '4m', '6m', '1m');
  const wide = flow(
    [
      parallel('p', [step('x', { action: '4m' }), step('y', { action: '6m' })]),
      { id: 'cool', type: 'wait', for: '10m' },
      loop('poll', [step('check', { action: '1m' })], { until: 'iteration >= 3' }),
      step('rescue', { action: '4m', runOn: 'failure' }),
    ],
    { finally: [step('tidy', { action: '1m' })] },
  );
  await mesh.startWorkflow(wide);
  await mesh.advance('1h');
  const run = await mesh.startWorkflow(wide);
  expect(await etaOf(mesh, run)).toBe(minutes(6 + 10 + 3 + 1));
  await mesh.advance('5m');
  expect(await etaOf(mesh, run)).toBe(minutes(1 + 10 + 3 + 1));
  await mesh.advance('12m');
  expect(await etaOf(mesh, run)).toBe(minutes(2 + 1));
});

test('a window of a parallel makes its children wait for each other', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, '4m');
  const steps = Array.from({ length: 4 }, (_, i) => step(`s${i}`, { action: '4m' }));
  const windowed = flow([parallel('p', steps, { concurrency: 2 })]);
  await mesh.startWorkflow(windowed);
  await mesh.advance('1h');
  const run = await mesh.startWorkflow(windowed);
  expect(await etaOf(mesh, run)).toBe(minutes(8));
});

test('a paused run and one that is failing have none', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, '4m', '6m');
  await mesh.startWorkflow(chain);
  await mesh.advance('1h');
  const run = await mesh.startWorkflow(chain);
  await mesh.orchestrator.pauseRun(run.id);
  expect(await etaOf(mesh, run)).toBeUndefined();
  await mesh.orchestrator.resumeRun(run.id);
  expect(await etaOf(mesh, run)).toBe(minutes(10));
  await run.cancel();
  expect(await etaOf(mesh, run)).toBeUndefined();
});

test('history is there again after a restart', async () => {
  await using mesh = await TestMesh.start();
  worker(mesh, '4m', '6m');
  await mesh.startWorkflow(chain);
  await mesh.advance('1h');
  await mesh.restart();
  await mesh.advance('1m');
  const run = await mesh.startWorkflow(chain);
  expect(await etaOf(mesh, run)).toBe(minutes(10));
  expect((await mesh.orchestrator.getRun(run.id)).steps.map(({ usualMs }) => usualMs)).toEqual([
    minutes(4),
    minutes(6),
  ]);
});

test('whoever watches is told when the estimate changes, and progress has it', async () => {
  await using mesh = await TestMesh.start();
  const agent = mesh.agent('worker').setResponse('a', 1).setDelay('a', '4m').setResponse('b', 1).setDelay('b', '6m');
  const both = flow([step('a'), step('b')]);
  await mesh.startWorkflow(both);
  await mesh.advance('1h');
  agent.setDelay('a', '2m');
  const run = await mesh.startWorkflow(both);
  const startedAt = mesh.clock.now();
  const told: [number | undefined, number | undefined][] = [];
  const follow = async (): Promise<void> => {
    for await (const { run: seen, time } of mesh.orchestrator.trackRun(run.id)) {
      const { estimatedCompletion, etaMs } = toProgress(seen, time.getTime());
      told.push([estimatedCompletion && estimatedCompletion.getTime() - startedAt, etaMs]);
    }
  };
  const following = follow();
  await mesh.advance('1h');
  await following;
  expect(told[0]).toEqual([minutes(10), minutes(10)]);
  // Two minutes early with the first step.
  expect(told).toContainEqual([minutes(8), minutes(6)]);
  expect(told.at(-1)).toEqual([undefined, 0]);
  expect(told.every(([, etaMs]) => etaMs === undefined || etaMs >= 0)).toBe(true);
});

test('what is kept is bounded: workflows that completed longest ago make room', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1s');
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('2s');
  const { state } = await mesh.controlPlane.getRun('default', run.id);
  const past = new PastRuns({
    clock: mesh.clock,
    store: { listRuns: async () => ({ runs: [], next: '' }), loadJournal: async () => [] },
    runs: { inspect: async () => undefined },
    logger: silentLogger,
    readMax: 0,
  });
  const nameOf = (i: number): string => `Flow${i}`;
  for (let i = 0; i <= limits.pastWorkflowsMax; i++)
    past.note({ ...state, workflow: { ...state.workflow, name: nameOf(i) } });
  expect(past.of('default', nameOf(0))).toBeUndefined();
  expect(past.of('default', nameOf(1))?.whole.median()).toBe(1_000);
  const [only] = state.root.steps;
  if (only === undefined) throw new Error('no step');
  const steps = Array.from({ length: limits.pastStepsMax }, (_, i) =>
    Object.assign(Object.create(Object.getPrototypeOf(only)), only, { node: { ...only.node, id: `s${i}` } }),
  );
  past.note({ ...state, root: { ...state.root, steps } });
  expect(past.of('default', nameOf(limits.pastWorkflowsMax))).toBeUndefined();
  expect(past.of('default', 'Flow')?.steps.size).toBe(limits.pastStepsMax);
});
