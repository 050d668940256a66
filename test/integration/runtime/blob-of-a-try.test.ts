/** Blobs are named by their step, so another try of a run writes them again: what was there before must not be handed out. */
import { expect, test } from 'vitest';
import { decodeValue } from '../../../src/core/value.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, loop, step } from '../../unit/engine/flow.ts';

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

test('a large output that a run took over stays what it is when a later try of that run does the step again', async () => {
  // The loop fails when its one iteration is through, and begins anew with the next try.
  const body = [step('made'), step('asks', { dependencies: ['made'] })];
  const workflow = flow([loop('l', body, { while: 'true', maxIterations: 1 })], { retries: 1 });
  await using mesh = await TestMesh.start();
  let made = 0;
  let asked = 0;
  mesh
    .agent('worker')
    .setResponse('made', () => ({ which: ++made, pad: 'x'.repeat(8_000) }))
    .setResponse('asks', () => {
      if (++asked === 2) throw new Error('no');
      return 1;
    });
  const first = await mesh.startWorkflow(workflow);
  await mesh.advance('1m');
  expect(first).toHaveHistory([
    'l/1/made#1 COMPLETED',
    'l/1/asks#1 COMPLETED',
    'l/1/made#2 COMPLETED',
    'l/1/asks#2 FAILED',
  ]);
  const { id: runId } = await mesh.orchestrator.retryRun(first.id);
  await mesh.advance('1m');
  expect(made).toBe(3);
  const [taken] = mesh.journal(runId).filter((event) => event.type === 'StepTakenOver');
  if (taken?.output === undefined) throw new Error('nothing was taken over');
  const bytes = await mesh.controlPlane.readValue(runId, taken.output);
  expect(decodeValue(bytes)).toMatchObject({ which: 2 });
});
