/** A handler that waits for a call holds its slot: what that means where the call needs one there. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { callsOf, endsOf, ordersOf } from './call-stage.ts';

test('a call that needs the slot of its own caller waits, says so, and ends with the attempt', async () => {
  await using mesh = await TestMesh.start();
  const only = mesh.agent('only', { slots: 1 });
  only.setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k' })).setResponse('work', 1);
  const run = await mesh.startWorkflow(flow([step('ask', { timeout: '1m' })]));
  await mesh.advance('10s');
  const [call] = callsOf(mesh);
  const explained = await mesh.orchestrator.explainStep(call?.runId ?? '', 'call');
  expect(explained).toMatchObject({
    waitReason: 'NO_SLOT',
    summary: `busy: 1 can take it, none has a free slot; ${run.id}/ask#1, which waits for this step, holds one of them`,
    next: 'more slots on only, or another agent that offers the same',
    candidates: [{ text: `1 of 1 slots; ${run.id}/ask#1 there waits for this step` }],
  });
  await mesh.advance('2m');
  expect(run).toHaveHistory(['ask#1 TIMED_OUT']);
  expect(endsOf(mesh)).toEqual(['call/work CANCELLED']);
  expect(ordersOf(mesh)).toEqual([[]]);
});

test('also when the slot is held further up, and another agent that offers the same lets all go on', async () => {
  await using mesh = await TestMesh.start();
  const only = mesh.agent('only', { slots: 1 });
  only.setResponse('ask', (_, { invoke }) => invoke('middle', {}, { key: 'k' })).setResponse('work', 1);
  mesh.agent('middle').setResponse('middle', (_, { invoke }) => invoke('work', {}, { key: 'k' }));
  const run = await mesh.startWorkflow(flow([step('ask')], { output: '${{ steps.ask.output }}' }));
  await mesh.advance('10s');
  const inner = callsOf(mesh).find(({ workflow }) => workflow === 'call/work');
  const { summary } = await mesh.orchestrator.explainStep(inner?.runId ?? '', 'call');
  expect(summary).toContain(`${run.id}/ask#1, which waits for this step, holds one of them`);
  mesh.agent('second').setResponse('work', 2);
  await mesh.advance('1s');
  expect((await run.result()).output).toBe(2);
  expect(ordersOf(mesh)).toEqual([
    ['start call#1 middle', 'end call#1 COMPLETED'],
    ['start call#1 second', 'end call#1 COMPLETED'],
  ]);
});
