/** What the control plane answers to frames, right ones and wrong ones. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, parallel, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

const UNKNOWN_RUN = '01kdvdna000000000000000000';

test('a result is answered ACCEPTED, and a repeat of it gets the same answer', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const [assignment] = agent.assignments;
  const id = assignment?.attemptId ?? '';
  await agent.say(accepted(id), completed(id, 1));
  await agent.say(completed(id, 2));
  await agent.say(completed(id, 1));
  expect(agent.acks).toEqual(['a#1 ACCEPTED', 'a#1 ACCEPTED', 'a#1 ACCEPTED']);
  expect((await run.result()).steps[0]?.output).toBe(1);
  await mesh.restart();
  const again = await new RawAgent(mesh).say(hello('i-1', ['a']), completed(id, 3));
  expect(again.acks).toEqual(['a#1 ACCEPTED']);
});

test('a result in the same frame twice is taken once', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const id = agent.assignments[0]?.attemptId ?? '';
  const frame = completed(id, 1);
  if (frame.type !== 'report') throw new Error('not a report');
  await agent.say({ ...frame, results: [...frame.results, ...frame.results] });
  expect(agent.acks).toEqual(['a#1 ACCEPTED', 'a#1 ACCEPTED']);
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('results for unknown runs, steps, numbers and for no attempt at all are answered UNKNOWN', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([parallel('p', [step('a')])]));
  const ids = [
    `${UNKNOWN_RUN}/a#1`,
    `${run.id}/nothing#1`,
    `${run.id}/p#1`,
    `${run.id}/a#2`,
    `${run.id}/a#99999`,
    `${run.id}/__proto__#1`,
    `${run.id}/a`,
    'nonsense',
  ];
  for (const id of ids) await agent.say(completed(id, 'stolen'));
  expect(agent.acks).toHaveLength(ids.length);
  expect(agent.acks.every((ack) => ack.endsWith('UNKNOWN'))).toBe(true);
  expect(agent.ended).toBeUndefined();
  expect(run).toHaveHistory(['a#1 OPEN']);
});

test('a result may name only what its own attempt uploaded', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a', 'b']));
  const run = await mesh.startWorkflow(flow([step('a'), step('b', { dependencies: [] })]));
  const blobs = ['in/a', 'upload/a#1/0000'];
  for (const [i, { attemptId }] of agent.assignments.entries()) {
    const output = { kind: 'blob', blobId: blobs[i] ?? '', size: 5_000 } as const;
    await agent.say({ type: 'report', updates: [], results: [{ attemptId, result: { kind: 'completed', output } }] });
  }
  const { status, steps } = await run.result();
  expect(status).toBe('FAILED');
  expect(steps.find(({ stepId }) => stepId === 'a')?.error).toMatchObject({ code: 'INVALID_OUTPUT' });
  expect(agent.acks).toEqual(['a#1 ACCEPTED', 'b#1 ACCEPTED']);
  expect(agent.ended).toBeUndefined();
});

test('a result for an attempt of another instance is answered UNKNOWN and changes nothing', async () => {
  await using mesh = await TestMesh.start();
  const owner = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const thief = await new RawAgent(mesh).say(hello('i-2', []));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const id = owner.assignments[0]?.attemptId ?? '';
  await thief.say(completed(id, 'stolen'));
  expect(thief.acks).toEqual(['a#1 UNKNOWN']);
  await owner.say(completed(id, 'mine'));
  expect(owner.acks).toEqual(['a#1 ACCEPTED']);
  expect((await run.result()).steps[0]?.output).toBe('mine');
});

test('a result from a fenced attempt is answered SUPERSEDED, kept as evidence once, and changes nothing', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')], { output: '${{ steps.a.output }}' }));
  const old = first.assignments[0]?.attemptId ?? '';
  await first.say(accepted(old));
  await first.drop();
  await mesh.advance('31s');
  mesh.agent('worker').setResponse('a', 'second');
  await mesh.settle();
  expect(run).toHaveHistory(['a#1 LOST', 'a#2 COMPLETED']);
  const back = await new RawAgent(mesh).say(
    hello('i-1', ['a'], { held: [{ attemptId: old, isFinished: true, lastChunk: 0 }] }),
  );
  await back.say(completed(old, 'late'));
  await back.say(completed(old, 'late'));
  expect(back.acks).toEqual(['a#1 SUPERSEDED', 'a#1 SUPERSEDED']);
  expect((await run.result()).output).toBe('second');
  expect(run.journal().filter(({ type }) => type === 'LateResult')).toHaveLength(1);
});

test('an instance that comes back without what we leased gets it again, under the same number', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a', { parameters: { n: 1 } })]));
  await first.drop();
  await mesh.advance('2s');
  const back = await new RawAgent(mesh).say(hello('i-1', ['a']));
  expect(back.assignments).toEqual([{ ...first.assignments[0], timeoutMs: 3_598_000 }]);
  await back.say(completed(back.assignments[0]?.attemptId ?? ''));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('what is sent again to an instance must be accepted in time, as the first time', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  await first.drop();
  await mesh.advance('2s');
  const back = await new RawAgent(mesh).say(hello('i-1', ['a']));
  expect(back.assignments).toHaveLength(1);
  await mesh.advance('4.9s');
  expect(run).toHaveHistory(['a#1 OPEN']);
  await mesh.advance('400ms');
  expect(run).toHaveHistory(['a#1 NOT_ACCEPTED']);
});

test('an instance that lists what is fenced is told to stop it', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const id = first.assignments[0]?.attemptId ?? '';
  await first.drop();
  await mesh.advance('31s');
  const held = [id, `${UNKNOWN_RUN}/a#1`, 'nonsense'].map((attemptId) => ({
    attemptId,
    isFinished: false,
    lastChunk: 0,
  }));
  const back = await new RawAgent(mesh).say(hello('i-1', [], { held }));
  expect(back.stops.toSorted()).toEqual(['a#1 LOST', 'a#1 LOST', 'nonsense UNKNOWN']);
  expect(run).toHaveHistory(['a#1 LOST']);
});

test('a second Hello ends its stream, and the instance may come back', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a']));
  await agent.say(hello('i-1', ['a']));
  expect(agent.ended?.error).toMatchObject({ code: 'HELLO_TWICE' });
  const back = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  await back.say(completed(back.assignments[0]?.attemptId ?? ''));
  expect((await run.result()).status).toBe('COMPLETED');
});

test('a frame before Hello is refused', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say({ type: 'beat', number: 1, load: 0, loopLagMs: 0 });
  expect(agent.ended?.error).toMatchObject({ code: 'HELLO_FIRST' });
  expect(mesh.controlPlane.listAgents('default')).toEqual([]);
});

test('the end of an older stream never removes the newer one of the same instance', async () => {
  await using mesh = await TestMesh.start();
  const old = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const run = await mesh.startWorkflow(flow([step('a')]));
  const held = [{ attemptId: old.assignments[0]?.attemptId ?? '', isFinished: false, lastChunk: 0 }];
  const newer = await new RawAgent(mesh).say(hello('i-1', ['a'], { held }));
  expect(old.heard.at(-1)).toMatchObject({ type: 'goAway', reason: 'REPLACED' });
  await old.say({ type: 'goodbye', reason: 'late' });
  await old.drop();
  expect(mesh.controlPlane.listAgents('default')[0]?.status).toBe('READY');
  await newer.say(completed(held[0]?.attemptId ?? ''));
  expect(newer.acks).toEqual(['a#1 ACCEPTED']);
  expect((await run.result()).status).toBe('COMPLETED');
});

test('an instance id belongs to one agent', async () => {
  await using mesh = await TestMesh.start();
  const owner = await new RawAgent(mesh).say(hello('i-1', ['a']));
  const other = await new RawAgent(mesh).say(hello('i-1', ['a'], { agentId: 'other' }));
  expect(other.ended?.error).toMatchObject({ code: 'HELLO_INVALID' });
  expect(owner.ended).toBeUndefined();
  expect(mesh.controlPlane.listAgents('default').map(({ agentId }) => agentId)).toEqual(['raw']);
});

test('work is never more than the slots, whatever an instance claims to hold', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('i-1', ['a']));
  await mesh.startWorkflow(
    flow([
      parallel(
        'p',
        Array.from({ length: 10 }, (_, i) => step(`s${i}`, { action: 'a' })),
      ),
    ]),
  );
  expect(agent.assignments).toHaveLength(4);
  for (const { attemptId } of agent.assignments) await agent.say(accepted(attemptId));
  await agent.say(completed(agent.assignments[0]?.attemptId ?? ''), completed(agent.assignments[0]?.attemptId ?? ''));
  expect(agent.assignments).toHaveLength(5);
});

test('an older State changes nothing, a newer one does', async () => {
  await using mesh = await TestMesh.start();
  const frame = hello('i-1', ['a'], {});
  const agent = await new RawAgent(mesh).say({ ...frame, state: { ...frame.state, revision: 5 } });
  await agent.say({ type: 'state', state: { ...frame.state, revision: 4, slots: 0 } });
  const run = await mesh.startWorkflow(flow([step('a')]));
  expect(run).toHaveHistory(['a#1 OPEN']);
  await agent.say({ type: 'state', state: { ...frame.state, revision: 6, slots: 0 } });
  const paused = await mesh.startWorkflow(flow([step('a')], { name: 'Paused' }));
  expect(paused).toHaveHistory([]);
});
