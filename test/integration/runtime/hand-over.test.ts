/** A newer start at the same place ends the wait for the older one, and nothing of one that is alive is given away. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

const one = flow([step('a')]);
const at = (place: string) => ({ place });
const beat = (number: number) => ({ type: 'beat', number, load: 0, loopLagMs: 0 }) as const;
const standing = async (mesh: TestMesh): Promise<readonly string[]> => {
  const { instances } = await mesh.orchestrator.fetchAgent('raw');
  return instances.map(({ instanceId, status }) => `${instanceId} ${status}`);
};

test('a step of a crashed process goes to its newer start at once, idempotent or not', async () => {
  const raised: string[] = [];
  await using mesh = await TestMesh.start({ alerts: { raise: ({ kind }) => raised.push(kind) } });
  const old = await new RawAgent(mesh).say(hello('inst-0001', ['a'], at('host-1')));
  const run = await mesh.startWorkflow(one);
  await old.say(accepted(old.assignments[0]?.attemptId ?? ''));
  await mesh.advance('2s');
  await old.drop();
  expect(run).toHaveHistory(['a#1 OPEN']);
  await mesh.advance('1s');
  const young = await new RawAgent(mesh).say(hello('inst-0002', ['a'], at('host-1')));
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 OPEN']);
  expect(await standing(mesh)).toEqual(['inst-0002 READY', 'inst-0001 LOST']);
  await young.say(completed(young.assignments[0]?.attemptId ?? ''));
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  const { events } = await mesh.orchestrator.fetchAgent('raw');
  expect(events.map(({ instanceId, kind, message }) => `${instanceId} ${kind} ${message}`)).toContain(
    'inst-0001 REPLACED instance inst-0002 started at the same place "host-1"',
  );
  expect(raised).toEqual([]);
});

test.each([
  ['another place', { place: 'host-2' }],
  ['no place', { place: '' }],
  ['another agent', { place: 'host-1', agentId: 'other' }],
])('a start at %s ends no wait', async (_, more) => {
  await using mesh = await TestMesh.start();
  const old = await new RawAgent(mesh).say(hello('inst-0001', ['a'], at('host-1')));
  const run = await mesh.startWorkflow(one);
  await old.drop();
  await new RawAgent(mesh).say(hello('inst-0002', ['a'], more));
  await mesh.advance('5s');
  expect(run).toHaveHistory(['a#1 OPEN']);
});

test('an older one that stands half open is over when its stream is found dead', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(hello('inst-0001', ['a'], at('host-1')));
  const run = await mesh.startWorkflow(one);
  const [assignment] = run.history();
  await mesh.advance('1s');
  const young = await new RawAgent(mesh).say(hello('inst-0002', [], at('host-1')));
  for (let i = 1; i <= 3; i++) {
    await mesh.advance('4.9s');
    await young.say(beat(i));
  }
  expect(assignment?.instance).toBe('inst-0001');
  expect(await standing(mesh)).toEqual(['inst-0002 READY', 'inst-0001 LOST']);
});

test('one that is silent for two beats is over at once, and is sent away if it lives after all', async () => {
  await using mesh = await TestMesh.start();
  const old = await new RawAgent(mesh).say(hello('inst-0001', ['a'], at('host-1')));
  const run = await mesh.startWorkflow(one);
  await old.say(accepted(old.assignments[0]?.attemptId ?? ''));
  await mesh.advance('11s');
  await new RawAgent(mesh).say(hello('inst-0002', ['a'], at('host-1')));
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 OPEN']);
  expect(old.heard.at(-1)).toMatchObject({ type: 'goAway', reason: 'REPLACED' });
  expect(old.ended).toEqual({ error: undefined });
});

test('two that live at one place are both left alone, also when one of them is cut later', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(hello('inst-0001', ['a'], at('host-1')));
  const run = await mesh.startWorkflow(one);
  await first.say(accepted(first.assignments[0]?.attemptId ?? ''));
  await mesh.advance('1s');
  const second = await new RawAgent(mesh).say(hello('inst-0002', ['a'], at('host-1')));
  await mesh.advance('1s');
  await first.say(beat(1));
  await mesh.advance('1s');
  await first.drop();
  await mesh.advance('4s');
  await second.say(beat(1));
  expect(run).toHaveHistory(['a#1 OPEN']);
  expect(await standing(mesh)).toEqual(['inst-0001 UNREACHABLE', 'inst-0002 READY']);
});
