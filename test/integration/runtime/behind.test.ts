/** An agent that reads its stream too slowly: it keeps what it has, gets nothing new, and work again when it has caught up. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

test('an agent that is behind gets stops and answers but no assignments, explain says why, and it catches up', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const first = await mesh.startWorkflow(flow([step('a')]));
  const [held] = agent.assignments;
  await agent.say(accepted(held?.attemptId ?? ''));
  await agent.queueFilled(true);

  const second = await mesh.startWorkflow(flow([step('a')]));
  expect(agent.assignments).toHaveLength(1);
  expect(second).toHaveHistory([]);
  const { summary, candidates } = await mesh.orchestrator.explainStep(second.id, 'a');
  expect(`${summary} ${JSON.stringify(candidates)}`).toContain('it reads its stream too slowly');
  const { events } = await mesh.controlPlane.getAgent('default', 'raw');
  expect(events.map(({ kind }) => kind)).toContain('BEHIND');

  await agent.say(completed(held?.attemptId ?? '', 1));
  expect(agent.acks).toEqual(['a#1 ACCEPTED']);
  expect(first).toHaveHistory(['a#1 COMPLETED']);
  expect(agent.assignments).toHaveLength(1);

  await agent.queueFilled(false);
  expect(agent.assignments.map(({ runId }) => runId)).toEqual([first.id, second.id]);
});

test('a new stream starts with an empty queue, and what the old one says of its own is ignored', async () => {
  await using mesh = await TestMesh.start();
  const old = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await old.queueFilled(true);
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await old.queueFilled(true);
  const run = await mesh.startWorkflow(flow([step('a')]));
  expect(old.assignments).toEqual([]);
  expect(agent.assignments.map(({ runId }) => runId)).toEqual([run.id]);
});
