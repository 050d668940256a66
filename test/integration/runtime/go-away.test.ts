/** The control plane ends streams: on its way out, or to have an instance say Hello again. No attempt runs twice for it. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { accepted, hello, RawAgent } from './raw-agent.ts';

test('a restart in order reroutes nothing: what runs is taken up where it was, idempotent or not', async () => {
  await using mesh = await TestMesh.start();
  const agents = mesh.agents('worker', 2);
  for (const agent of agents) agent.setResponse('a', 'done').setDelay('a', '20s');
  const run = await mesh.startWorkflow(flow([step('a', { idempotent: true })]));
  await mesh.advance('2s');
  const holder = agents.find(({ calls }) => calls.length > 0);
  await mesh.controlPlane.stop();
  // The other one is there first.
  holder?.cut();
  await mesh.restart();
  await mesh.advance('5s');
  holder?.mend();
  await mesh.advance('30s');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(agents.flatMap(({ calls }) => calls)).toHaveLength(1);
});

test('streams that end while the control plane stops make nobody unreachable', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(flow([step('a', { idempotent: true })]));
  await agent.say(accepted(agent.assignments[0]?.attemptId ?? ''));
  const stopped = mesh.controlPlane.stop();
  await Promise.all([agent.drop(), stopped]);
  expect(agent.heard.at(-1)).toMatchObject({ type: 'goAway', reason: 'SHUTDOWN' });
  expect(mesh.journal(run.id).map(({ type }) => type)).not.toContain('AttemptUnreachable');
  expect(run).toHaveHistory(['a#1 OPEN']);
});
