/** Many instances lost at once: our network, not their death. And many moved at once, after their window. */
import { expect, test } from 'vitest';
import { type MockAgent, TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { flow, parallel } from '../../unit/engine/flow.ts';
import { accepted, hello, RawAgent } from './raw-agent.ts';

const many = (count: number, more: Readonly<Record<string, unknown>> = {}) =>
  flow([
    parallel(
      'all',
      Array.from({ length: count }, (_, i) => ({ id: `s${i}`, action: 'a', ...more })),
    ),
  ]);
const idempotent = { idempotent: true };
const seconds = (run: TestRun) => run.history().filter(({ number }) => number === 2);

function busyAgents(mesh: TestMesh, count: number): readonly MockAgent[] {
  const agents = Array.from({ length: count }, () => mesh.agent('worker', { slots: 1 }));
  for (const agent of agents) agent.setResponse('a', 'mine').setDelay('a', '20s');
  return agents;
}

test('of a fleet that is cut at once a tenth is believed dead, and the rest goes on when it is back', async () => {
  await using mesh = await TestMesh.start();
  const agents = busyAgents(mesh, 40);
  const run = await mesh.startWorkflow(many(40, idempotent));
  expect(run.history()).toHaveLength(40);
  const spare = mesh.agent('spare', { slots: 100 }).setResponse('a', 'theirs').setDelay('a', '60s');
  await mesh.settle();
  for (const agent of agents) agent.cut();
  await mesh.advance('10s');
  expect(seconds(run)).toHaveLength(4);
  for (const agent of agents) agent.mend();
  await mesh.advance('20s');
  expect(seconds(run)).toHaveLength(4);
  expect(run.history().filter(({ outcome }) => outcome === 'COMPLETED')).toHaveLength(40);
  expect(run.history().filter(({ number, outcome }) => number === 1 && outcome === 'COMPLETED')).toHaveLength(40);
  expect(spare.calls).toHaveLength(4);
});

test('three that crash in one second are rerouted at once, and the fourth waits out its window', async () => {
  await using mesh = await TestMesh.start();
  const agents = busyAgents(mesh, 4);
  const run = await mesh.startWorkflow(many(4, idempotent));
  const startedAt = mesh.clock.now();
  mesh.agent('spare', { slots: 4 }).setResponse('a', 'theirs');
  await mesh.settle();
  for (const agent of agents) agent.crash();
  await mesh.advance('29s');
  const ends = (number: number) => run.history().filter((entry) => entry.number === number);
  expect(ends(1).map(({ outcome }) => outcome)).toEqual(expect.arrayContaining(['LOST', 'LOST', 'LOST', 'OPEN']));
  expect(ends(2).map(({ outcome }) => outcome)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
  const waiting = ends(1).find(({ outcome }) => outcome === 'OPEN')?.path ?? '';
  const held = await mesh.orchestrator.fetchAgent('worker');
  expect(held.events.map(({ message }) => message).filter((message) => message.includes('too many'))).toHaveLength(1);
  await mesh.advance('2s');
  expect(run.history().at(-1)).toMatchObject({ path: waiting, number: 2, outcome: 'COMPLETED' });
  expect((run.history().at(-1)?.startedAt ?? 0) - startedAt).toBeGreaterThanOrEqual(30_000);
});

test('losses that are more than a second apart are all believed', async () => {
  await using mesh = await TestMesh.start();
  const agents = busyAgents(mesh, 5);
  const run = await mesh.startWorkflow(many(5, idempotent));
  mesh.agent('spare', { slots: 5 }).setResponse('a', 'theirs');
  await mesh.settle();
  for (const agent of agents) {
    agent.crash();
    await mesh.advance('1.1s');
  }
  expect(seconds(run)).toHaveLength(5);
});

test('after the window 50 attempts move at once, then 50 a second', async () => {
  await using mesh = await TestMesh.start();
  const state = (slots: number) => ({ ...hello('x', ['a']).state, slots });
  const lost = await new RawAgent(mesh).say(hello('lost', ['a'], { state: state(200) }));
  const run = await mesh.startWorkflow(many(120));
  await lost.say(...lost.assignments.map(({ attemptId }) => accepted(attemptId)));
  const other = await new RawAgent(mesh).say(hello('other', ['a'], { state: state(200) }));
  await lost.drop();
  const moved: number[] = [];
  for (let i = 0; i < 16; i++) {
    await mesh.advance('2s');
    await other.say({ type: 'beat', number: i + 1, load: 0, loopLagMs: 0 });
    moved.push(other.assignments.length);
  }
  expect(moved.slice(0, 14).every((count) => count === 0)).toBe(true);
  const at30 = moved[14] ?? 0;
  expect(at30).toBeGreaterThanOrEqual(50);
  expect(at30).toBeLessThan(70);
  expect(moved[15]).toBe(120);
  expect(run.history().filter(({ outcome }) => outcome === 'LOST')).toHaveLength(120);
});
