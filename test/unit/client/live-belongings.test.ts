/** The picture of a run with fallbacks, compensations and tries is the one that the server lists. */
import { expect, test } from 'vitest';
import { createLiveRun } from '../../../src/client/live-run.ts';
import type { RunView } from '../../../src/client/views.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, map, step } from '../engine/flow.ts';

const pictureOf = ({ steps }: RunView): readonly string[] =>
  steps.map(({ path, status, fallbackOf = '', compensates = '', usedFallback }) =>
    [path, status, fallbackOf, compensates, usedFallback].join(' '),
  );

test('shows what belongs to steps where the server lists it, also of items and in another try', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').failWith('a', 'NO').failWith('bad', 'NO');
  for (const action of ['help', 'undo', 'b', 'undo-b']) worker.setResponse(action, 1).setDelay(action, '2s');
  const belongings = { fallback: { id: 'help', action: 'help' }, compensate: { id: 'undo', action: 'undo' } };
  const item = step('b', { compensate: { id: 'undo-b', action: 'undo-b' } });
  const run = await mesh.startWorkflow(
    flow([step('a', belongings), map('each', '[1, 2]', item), step('bad')], { retries: 1 }),
  );
  const live = createLiveRun(await mesh.orchestrator.getRun(run.id));
  const follow = async (): Promise<void> => {
    for await (const event of run.handle.events()) live.apply(event);
  };
  const done = follow();
  for (let i = 0; i < 30; i++) {
    await mesh.advance('1s');
    const shown = await mesh.orchestrator.getRun(run.id);
    expect(new Set(pictureOf(live.view()))).toEqual(new Set(pictureOf(shown)));
    expect(live.view().totalSteps).toBe(shown.totalSteps);
  }
  await done;
  expect(pictureOf(live.view()).filter((line) => !line.includes('/'))).toEqual([
    'a COMPLETED   true',
    'help COMPLETED a  false',
    'undo COMPLETED  a false',
    'each COMPLETED   false',
    'bad FAILED   false',
  ]);
});
