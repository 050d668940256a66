/** A person at the other end of the stream. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { completed, hello, RawAgent } from './raw-agent.ts';

const byHand = { isManual: true };
const held = (attemptId: string) => ({ held: [{ attemptId, isFinished: false, lastChunk: 0 }] });

test('a person may take ten minutes without a sign, and the step is theirs', async () => {
  await using mesh = await TestMesh.start();
  const person = await new RawAgent(mesh).say(hello('ada-1', ['a'], byHand));
  expect(person.heard[0]).toMatchObject({ type: 'welcome', beatIntervalMs: 0, silenceLimitMs: 0, acceptDeadlineMs: 0 });
  const run = await mesh.startWorkflow(flow([step('a')], { output: '${{ steps.a.output }}' }));
  await mesh.advance('10m');
  expect(run).toHaveHistory(['a#1 OPEN']);
  const [instance] = (await mesh.orchestrator.fetchAgent('raw')).instances;
  expect(instance).toMatchObject({ status: 'READY', isManual: true });
  await person.say(completed(person.assignments[0]?.attemptId ?? '', 'by hand'));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(person.acks).toEqual(['a#1 ACCEPTED']);
  expect((await run.result()).output).toBe('by hand');
});

test('the window of a person begins when the stream ends, and the step goes on when they are back', async () => {
  await using mesh = await TestMesh.start();
  const person = await new RawAgent(mesh).say(hello('ada-1', ['a'], byHand));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const id = person.assignments[0]?.attemptId ?? '';
  await mesh.advance('10m');
  await person.drop();
  await mesh.advance('29s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  const again = await new RawAgent(mesh).say(hello('ada-1', ['a'], { ...byHand, ...held(id) }));
  await mesh.advance('10m');
  expect(again.assignments).toEqual([]);
  await again.say(completed(id));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('a person who does not come back is lost after the window', async () => {
  await using mesh = await TestMesh.start();
  const person = await new RawAgent(mesh).say(hello('ada-1', ['a'], byHand));
  const run = await mesh.startWorkflow(flow([step('a')]));
  await mesh.advance('10m');
  await person.drop();
  await mesh.advance('31s');
  expect(run).toHaveHistory(['a#1 LOST']);
});

test('an attempt that a person forgot is sent again, and waits without an end', async () => {
  await using mesh = await TestMesh.start();
  const person = await new RawAgent(mesh).say(hello('ada-1', ['a'], byHand));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const id = person.assignments[0]?.attemptId ?? '';
  await person.drop();
  const again = await new RawAgent(mesh).say(hello('ada-1', ['a'], byHand));
  expect(again.assignments.map(({ attemptId }) => attemptId)).toEqual([id]);
  await mesh.advance('10m');
  await again.say(completed(id));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});
