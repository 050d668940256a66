/** An agent says that the input of a step is wrong, while another one still has the step. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

test.each([
  ['fails', {}, ['FAILED INVALID_INPUT']],
  ['falls back', { fallback: { id: 'instead', action: 'instead' } }, ['COMPLETED']],
])('the step %s at once, and the result of the other is too late', async (_, more, end) => {
  await using mesh = await TestMesh.start();
  const first = mesh.agent('first').setResponse('a', 'late').setDelay('a', '20s');
  const run = await mesh.startWorkflow(flow([step('a', { idempotent: true, ...more })]));
  await mesh.advance('1s');
  first.cut();
  const raw = new RawAgent(mesh);
  await raw.say(hello('raw-1', ['a', 'instead']));
  await mesh.advance('1s');
  const [assigned] = raw.assignments;
  const attemptId = assigned?.attemptId ?? '';
  expect(attemptId).toBe(`${run.id}/a#2`);
  const update = { type: 'rejected', attemptId, reason: 'INVALID_INPUT', message: 'no table' } as const;
  await raw.say({ type: 'report', updates: [update], results: [] });
  first.mend();
  if (raw.assignments.length > 1) {
    const fallback = `${run.id}/instead#1`;
    await raw.say(accepted(fallback));
    await raw.say(completed(fallback, 'saved'));
  }
  await mesh.advance('1m');
  await expectReplay(mesh, run);
  expect(
    run
      .history()
      .slice(0, 2)
      .map(({ path, number, outcome }) => `${path}#${number} ${outcome}`),
  ).toEqual(['a#1 LOST', 'a#2 REJECTED']);
  const { steps } = await run.result();
  expect([
    `${steps[0]?.status} ${steps[0]?.usedFallback === true ? '' : (steps[0]?.error?.code ?? '')}`.trim(),
  ]).toEqual(end);
});
