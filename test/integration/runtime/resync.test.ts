/** Both sides compare what an instance holds, and never find a difference where there is none. */
import { expect, test } from 'vitest';
import type { AgentFrame } from '../../../src/control-plane/registry/frames.ts';
import { digestOf } from '../../../src/core/held-digest.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, parallel, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

const beat = (number: number, acked: number, held: readonly string[] = []): AgentFrame => ({
  type: 'beat',
  number,
  load: 0,
  loopLagMs: 0,
  ...(acked === 0 ? {} : { holds: { acked, ...digestOf(held) } }),
});
const goAways = (agent: RawAgent): readonly string[] =>
  agent.heard.flatMap((frame) => (frame.type === 'goAway' ? [`${frame.reason} ${frame.message}`] : []));

/** Beats every 4 s; `holds` is what it says that it holds, `lag` how many acks it has yet to hear. */
async function beats(
  mesh: TestMesh,
  agent: RawAgent,
  [first, last]: readonly [number, number],
  holds: readonly string[],
  lag = 1,
): Promise<void> {
  for (let number = first; number <= last; number++) {
    await mesh.advance('4s');
    await agent.say(beat(number, Math.max(0, number - lag), holds));
  }
}

test('an attempt that never arrived is found by two beats, and the instance is asked to say Hello again', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const id = agent.assignments[0]?.attemptId ?? '';
  await agent.say(accepted(id));
  await beats(mesh, agent, [1, 2], []);
  expect(goAways(agent)).toEqual([]);
  await beats(mesh, agent, [3, 3], []);
  expect(goAways(agent)).toEqual(['RESYNC it holds 0 attempts where 1 are expected']);
  const again = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  expect(goAways(agent).at(-1)).toMatch(/^REPLACED/);
  expect(again.assignments.map(({ attemptId }) => attemptId)).toEqual([id]);
  await again.say(completed(id));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('what is on its way is no difference: an assignment, an ack, a result that waits for its answer', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a', 'b']));
  await beats(mesh, agent, [1, 2], []);
  await mesh.startWorkflow(flow([step('a')]));
  const id = agent.assignments[0]?.attemptId ?? '';
  // It has not heard of the assignment, for a long time.
  for (let number = 3; number <= 6; number++) {
    await mesh.advance('1s');
    await agent.say(beat(number, 2));
  }
  await agent.say(accepted(id));
  await beats(mesh, agent, [7, 9], [id]);
  await agent.say(completed(id));
  // It has not heard of the answer.
  for (let number = 10; number <= 13; number++) {
    await mesh.advance('4s');
    await agent.say(beat(number, 9, [id]));
  }
  await beats(mesh, agent, [14, 16], []);
  expect(goAways(agent)).toEqual([]);
});

test('the same number of other attempts is a difference, and an instance is asked once a minute', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.startWorkflow(flow([step('a')]));
  await agent.say(accepted(agent.assignments[0]?.attemptId ?? ''));
  await beats(mesh, agent, [1, 8], ['another']);
  expect(goAways(agent)).toEqual(['RESYNC it holds 1 attempts where 1 are expected, not the same']);
  await beats(mesh, agent, [9, 20], ['another']);
  expect(goAways(agent)).toHaveLength(2);
});

test('a slot whose assignment was lost on its way comes back, and what runs meanwhile does not notice', async () => {
  await using mesh = await TestMesh.start();
  const deaf = mesh
    .agent('worker', { slots: 2 })
    .neverAccept('a')
    .setResponse('a', 1)
    .setResponse('b', 1)
    .setDelay('b', '40s');
  const run = await mesh.startWorkflow(flow([step('a')], { timeout: '8s' }));
  await mesh.advance('9s');
  const used = () => mesh.controlPlane.listAgents('default')[0]?.instances.map(({ slotsUsed }) => slotsUsed);
  expect((await run.result()).status).toBe('TIMED_OUT');
  expect(used()).toEqual([1]);
  const other = await mesh.startWorkflow(flow([step('b')]));
  const { instanceId } = deaf;
  await mesh.advance('20s');
  expect(used()).toEqual([1]);
  const { events, instances } = await mesh.orchestrator.fetchAgent('worker');
  expect(instances.map((instance) => instance.instanceId)).toEqual([instanceId]);
  expect(events.map(({ kind }) => kind)).toEqual(['CONNECTED', 'RESYNC', 'RETURNED']);
  expect(other).toHaveHistory(['b#1 OPEN']);
  await mesh.advance('25s');
  expect(other).toHaveHistory(['b#1 COMPLETED']);
  expect(deaf.calls.map(({ action }) => action)).toEqual(['b']);
  expect(used()).toEqual([0]);
});

test('a slow and busy mesh finds no difference', async () => {
  await using mesh = await TestMesh.start();
  const agents = mesh.agents('worker', 3, { slots: 3 });
  for (const [i, agent] of agents.entries()) {
    agent.setResponse('a', 'x'.repeat(100)).setDelay('a', `${700 * (i + 1)}ms`);
    agent.slow(1_300 * i);
  }
  const each = Array.from({ length: 60 }, (_, i) => ({ id: `s${i}`, action: 'a' }));
  const run = await mesh.startWorkflow(flow([parallel('all', each)]));
  for (let i = 0; i < 60; i++) await mesh.advance('1s');
  expect((await run.result()).status).toBe('COMPLETED');
  const { events } = await mesh.orchestrator.fetchAgent('worker');
  expect(new Set(events.map(({ kind }) => kind))).toEqual(new Set(['CONNECTED']));
});
