/** Blobs are named by their step, so another try of a run writes them again: what was there before must not be handed out. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

test('a large input of another try of the run is that of this try, and not what was in memory of the last', async () => {
  const parameters = { at: '${{ string(now) }}', pad: '${{ params.pad }}' };
  const workflow = flow([step('a', { parameters })], { retries: 1 });
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '10s').failWith('a', 'NO', { times: 1 });
  const run = await mesh.startWorkflow(workflow, { pad: 'x'.repeat(8_000) });
  await mesh.advance('1m');
  expect(run.history().map(({ path, number, outcome }) => `${path}#${number} ${outcome}`)).toEqual([
    'a#1 FAILED',
    'a#2 COMPLETED',
  ]);
  const times = worker.calls.map(({ input }) => (input as { readonly at: string }).at);
  const starts = run.history().map(({ startedAt }) => new Date(startedAt).toISOString().replace('.000', ''));
  expect(times).toEqual(starts);
});
