/** An instance that beats and accepts nothing. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, parallel, step } from '../../unit/engine/flow.ts';
import { accepted, hello, RawAgent } from './raw-agent.ts';

const idempotent = { idempotent: true };

/** Beats as time goes on. */
async function live(mesh: TestMesh, agent: RawAgent, seconds: number): Promise<void> {
  for (let i = 0; i < seconds && agent.ended === undefined; i++) {
    await mesh.advance('1s');
    await agent.say({ type: 'beat', number: i + 1, load: 0, loopLagMs: 0 });
  }
}

test('the stream of an instance that accepts nothing three times in a row is ended as deaf', async () => {
  await using mesh = await TestMesh.start();
  const deaf = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(flow([step('a', idempotent)]));
  await live(mesh, deaf, 60);
  expect(deaf.ended?.error).toMatchObject({ code: 'AGENT_DEAF' });
  // 5 s, 1 s of exclusion, 5 s, 2 s, 5 s.
  expect(deaf.assignments).toHaveLength(3);
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED', 'a#2 NOT_ACCEPTED', 'a#3 NOT_ACCEPTED']);
  const [instance] = (await mesh.orchestrator.fetchAgent('raw')).instances;
  expect(instance?.status).toBe('UNREACHABLE');
  const { events } = await mesh.orchestrator.fetchAgent('raw');
  expect(events.map(({ kind, message }) => `${kind} ${message}`)).toContain(
    'UNREACHABLE accepted nothing, 3 times in a row',
  );
});

test('what was sent together counts once, so a short standstill of a busy agent is forgiven', async () => {
  await using mesh = await TestMesh.start();
  const busy = await new RawAgent(mesh).say(hello('inst-0001', ['a', 'b', 'c', 'd']));
  const run = await mesh.startWorkflow(
    flow([
      parallel('all', [step('a', idempotent), step('b', idempotent), step('c', idempotent), step('d', idempotent)]),
    ]),
  );
  await live(mesh, busy, 6);
  expect(
    run
      .history()
      .map(({ outcome }) => outcome)
      .slice(0, 4),
  ).toEqual(Array(4).fill('NOT_ACCEPTED'));
  expect(busy.ended).toBeUndefined();
});

test('an acceptance in between begins the count anew', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a', 'b']));
  await mesh.startWorkflow(flow([step('a', idempotent)]));
  await live(mesh, agent, 12);
  expect(agent.assignments).toHaveLength(2);
  const other = await mesh.startWorkflow(flow([step('b')]));
  const [assignment] = agent.assignments.filter(({ capability }) => capability === 'b');
  await agent.say(accepted(assignment?.attemptId ?? ''));
  await live(mesh, agent, 10);
  expect(other).toHaveHistory(['b#1 OPEN']);
  expect(agent.ended).toBeUndefined();
});
