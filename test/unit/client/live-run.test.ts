/** The picture that a client keeps of a run from its events. */
import { expect, test } from 'vitest';
import { createLiveRun } from '../../../src/client/live-run.ts';
import type { RunView } from '../../../src/client/views.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, loop, map, sequential, step } from '../engine/flow.ts';

test('follows a loop: the steps of an iteration come and go, and the loop counts as one step', async () => {
  await using mesh = await TestMesh.start();
  let n = 0;
  mesh
    .agent('worker')
    .setResponse('ask', () => ({ n: ++n }))
    .setDelay('ask', '1s')
    .setResponse('after', 1);
  const run = await mesh.startWorkflow(
    flow([loop('poll', [step('ask')], { until: 'last.n >= 2', delay: '5s' }), step('after')]),
  );
  const live = createLiveRun(await mesh.orchestrator.getRun(run.id));
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of run.handle.events()) {
      live.apply(event);
      seen.push(pictureOf(live.view()));
    }
  })();
  await mesh.advance('30s');
  await done;
  expect([...new Set(seen)]).toEqual([
    '0/2 poll=RUNNING*1 poll/1/ask=RUNNING after=PENDING',
    '0/2 poll=RUNNING*1 poll/1/ask=READY after=PENDING',
    '0/2 poll=RUNNING*1 poll/1/ask=COMPLETED after=PENDING',
    '0/2 poll=WAITING*1 after=PENDING',
    '0/2 poll=RUNNING*2 after=PENDING',
    '0/2 poll=RUNNING*2 poll/2/ask=READY after=PENDING',
    '0/2 poll=RUNNING*2 poll/2/ask=RUNNING after=PENDING',
    '0/2 poll=RUNNING*2 poll/2/ask=COMPLETED after=PENDING',
    '1/2 poll=COMPLETED*2 after=PENDING',
    '1/2 poll=COMPLETED*2 after=READY',
    '1/2 poll=COMPLETED*2 after=RUNNING',
    '2/2 poll=COMPLETED*2 after=COMPLETED',
  ]);
});

test('follows a map: its counts, and the steps of the items that run, as the server lists them', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker', { slots: 40 }).setResponse('a', async (input) => {
    if (input === 3) throw new Error('no');
    await mesh.sleep(`${Number(input) + 1}s`);
    return input;
  });
  mesh.agent('other').setResponse('b', 1).setResponse('first', 1).setDelay('first', '500ms');
  const row = sequential('row', [step('a', { parameters: '${{ item }}' }), step('b')]);
  const list = Array.from({ length: 20 }, (_, i) => i);
  const run = await mesh.startWorkflow(
    flow([step('first'), map('each', 'params.list', row, { concurrency: 15, onFailure: 'continue' })]),
    { list },
  );
  const live = createLiveRun(await mesh.orchestrator.getRun(run.id));
  const follow = async (): Promise<void> => {
    for await (const event of run.handle.events()) live.apply(event);
  };
  const done = follow();
  for (let i = 0; i < 40; i++) {
    await mesh.advance('1s');
    const { steps, position, progress, completedSteps } = await mesh.orchestrator.getRun(run.id);
    const own = live.view();
    expect(own.position).toBe(position);
    expect(own.steps[1]?.items).toEqual(steps[1]?.items);
    expect([own.completedSteps, own.progress]).toEqual([completedSteps, progress]);
    const shown = (all: RunView['steps']) => [...new Set(all.flatMap(({ path }) => /^each\/\d+/.exec(path) ?? []))];
    expect(shown(own.steps)).toEqual(shown(steps));
    expect(shown(own.steps).length).toBeLessThanOrEqual(limits.mapItemsShown);
  }
  await done;
  expect(live.view().steps.map(({ path, status }) => [path, status])).toEqual([
    ['first', 'COMPLETED'],
    ['each', 'COMPLETED'],
  ]);
  expect(live.view().steps[1]?.items).toEqual({ total: 20, started: 20, ended: 20, failed: 1 });
});

test('begins anew with another try of the run, for what starts again', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).failWith('b', 'NO', { times: 1 }).setResponse('b', 2).setDelay('b', '1s');
  const run = await mesh.startWorkflow(flow([step('a'), loop('l', [step('b')], { until: 'true' })], { retries: 1 }));
  const live = createLiveRun(await mesh.orchestrator.getRun(run.id));
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of run.handle.events()) {
      live.apply(event);
      if (event.type.startsWith('run')) seen.push(`${event.type} ${live.view().tryNumber} ${pictureOf(live.view())}`);
    }
  })();
  await mesh.advance('30s');
  await done;
  expect(seen).toEqual([
    'runStarted 1 1/2 a=COMPLETED l=RUNNING*1 l/1/b=RUNNING',
    'runEnding 1 1/2 a=COMPLETED l=RUNNING*1 l/1/b=FAILED',
    'runTryStarted 2 1/2 a=COMPLETED l=PENDING',
    'runEnding 2 2/2 a=COMPLETED l=COMPLETED*1',
    'runEnded 2 2/2 a=COMPLETED l=COMPLETED*1',
  ]);
  const shown = await mesh.orchestrator.getRun(run.id);
  expect(live.view().steps.map(({ path, status }) => [path, status])).toEqual(
    shown.steps.map(({ path, status }) => [path, status]),
  );
});

function pictureOf({ completedSteps, totalSteps, steps }: RunView): string {
  const words = steps.map(
    ({ path, status, iterations }) => `${path}=${status}${iterations > 0 ? `*${iterations}` : ''}`,
  );
  return [`${completedSteps}/${totalSteps}`, ...words].join(' ');
}

test('shows a fallback and a compensation when they are called for, beside their steps and uncounted', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .failWith('charge', 'NO')
    .setDelay('charge', '1s')
    .setResponse('bill', 1)
    .failWith('refund', 'NO_REFUND')
    .failWith('ship', 'NO')
    .setDelay('ship', '1s');
  const fallback = { id: 'bill', action: 'bill' };
  const compensate = { id: 'refund', action: 'refund' };
  const run = await mesh.startWorkflow(flow([step('charge', { fallback, compensate }), step('ship')]));
  const live = createLiveRun(await mesh.orchestrator.getRun(run.id));
  const seen: string[] = [];
  const done = (async () => {
    for await (const event of run.handle.events()) {
      live.apply(event);
      seen.push(pictureOf(live.view()));
    }
  })();
  await mesh.advance('30s');
  await done;
  const shown = [...new Set(seen)];
  expect(shown).toContain('0/2 charge=RUNNING bill=READY ship=PENDING');
  expect(shown).toContain('1/2 charge=COMPLETED bill=COMPLETED ship=RUNNING');
  expect(shown.at(-1)).toBe('2/2 charge=COMPLETED bill=COMPLETED refund=FAILED ship=FAILED');
  const [charge, bill, refund] = live.view().steps;
  expect(charge).toMatchObject({ usedFallback: true, error: { code: 'NO' } });
  expect([refund?.compensates, bill?.fallbackOf]).toEqual(['charge', 'charge']);
  const { steps, cleanupErrors } = await mesh.orchestrator.getRun(run.id);
  expect(live.view().cleanupErrors).toEqual(cleanupErrors);
  expect(cleanupErrors).toMatchObject([{ code: 'NO_REFUND', step: 'refund' }]);
  const facts = (list: RunView['steps']) =>
    list
      .map(({ path, status, usedFallback, fallbackOf, compensates }) => [
        path,
        status,
        usedFallback,
        fallbackOf,
        compensates,
      ])
      .toSorted();
  expect(facts(live.view().steps)).toEqual(facts(steps));
});
