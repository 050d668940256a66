/** Operators and instances: a cordon keeps new work away, a drain loses and repeats nothing, a disconnect is a cut. */
import { expect, test } from 'vitest';
import type { OperateAgentOptions, OperatedAgent } from '../../../src/client/index.ts';
import { StoreError } from '../../../src/control-plane/store/port.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

const one = flow([step('a')]);
const ada = { headers: { 'x-yardmaster-actor': 'ada' } };

const events = async (mesh: TestMesh, agentId: string): Promise<readonly string[]> => {
  const { events } = await mesh.orchestrator.fetchAgent(agentId);
  return events.map(({ instanceId, kind, message }) => `${instanceId.slice(-4)} ${kind} ${message}`);
};
const standing = async (mesh: TestMesh, agentId: string): Promise<readonly string[]> => {
  const { instances } = await mesh.orchestrator.fetchAgent(agentId);
  return instances.map(({ instanceId, status }) => `${instanceId} ${status}`);
};
const ids = ({ instances }: OperatedAgent): readonly string[] => instances.map(({ instanceId }) => instanceId);
const kinds = (agent: RawAgent): readonly string[] =>
  agent.heard.map((frame) => (frame.type === 'goAway' ? `goAway ${frame.reason}` : frame.type));

test('a cordoned instance keeps what it has, and new steps wait, say why, and go to another instance', async () => {
  await using mesh = await TestMesh.start();
  const old = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const held = await mesh.startWorkflow(one);
  const [first] = old.assignments;
  await mesh.orchestrator.api.fleet.cordonAgent({ agentId: 'raw', reason: 'new disk' }, ada);
  const waiting = await mesh.startWorkflow(one);
  await mesh.advance('1s');
  expect(old.assignments).toHaveLength(1);
  expect(await standing(mesh, 'raw')).toEqual(['inst-0001 CORDONED']);
  const explained = await mesh.orchestrator.explainStep(waiting.id, 'a');
  expect(explained.summary).toBe('takes no work now: raw/0001 cordoned by ada: new disk');
  expect(mesh.controlPlane.health('capability/a')).toBe(false);
  expect(mesh.controlPlane.health('agent/raw')).toBe(false);
  await old.say(completed(first?.attemptId ?? '', 1));
  expect(held).toHaveHistory(['a#1 COMPLETED']);
  expect(kinds(old)).not.toContain('goAway DRAINED');
  const other = await new RawAgent(mesh).say(hello('inst-0002', ['a']));
  expect(other.assignments.map(({ runId }) => runId)).toEqual([waiting.id]);
  expect(mesh.controlPlane.health('capability/a')).toBe(true);
});

test('an uncordoned instance gets what waited', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.orchestrator.cordonAgent('raw', { instanceId: '0001' });
  const run = await mesh.startWorkflow(one);
  await mesh.advance('3s');
  expect(agent.assignments).toEqual([]);
  await mesh.orchestrator.api.fleet.uncordonAgent({ agentId: 'raw' }, ada);
  await mesh.settle();
  expect(agent.assignments.map(({ runId }) => runId)).toEqual([run.id]);
  expect(await events(mesh, 'raw')).toEqual([
    '0001 CONNECTED from raw',
    '0001 CORDONED by anonymous',
    '0001 UNCORDONED by ada',
  ]);
});

test('a draining instance hears that its last result is taken, then GoAway, and leaves without an alert', async () => {
  const raised: string[] = [];
  await using mesh = await TestMesh.start({ alerts: { raise: ({ kind }) => raised.push(kind) } });
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(one);
  const [assignment] = agent.assignments;
  await agent.say(accepted(assignment?.attemptId ?? ''));
  await mesh.orchestrator.api.fleet.drainAgent({ agentId: 'raw' }, ada);
  await mesh.advance('5s');
  expect(await standing(mesh, 'raw')).toEqual(['inst-0001 DRAINING']);
  expect(agent.ended).toBeUndefined();
  await agent.say(completed(assignment?.attemptId ?? '', 1));
  await mesh.advance('1s');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(agent.acks).toEqual(['a#1 ACCEPTED']);
  expect(kinds(agent).slice(-2)).toEqual(['dispatch', 'goAway DRAINED']);
  expect(agent.ended).toEqual({ error: undefined });
  expect(await standing(mesh, 'raw')).toEqual(['inst-0001 LOST']);
  expect(await events(mesh, 'raw')).toEqual(['0001 CONNECTED from raw', '0001 DRAINING by ada', '0001 DRAINED by ada']);
  await mesh.advance('5m');
  expect(raised).toEqual([]);
});

test('a drain under load loses nothing and repeats nothing, and the SDK does not come back', async () => {
  await using mesh = await TestMesh.start();
  const workers = mesh.agents('worker', 2, { slots: 4 });
  for (const worker of workers) worker.setResponse('a', 1).setDelay('a', '700ms');
  const runs = [];
  for (let i = 0; i < 12; i += 1) runs.push(await mesh.startWorkflow(one));
  const [leaving, staying] = workers;
  const drained = await mesh.orchestrator.drainAgent('worker', { instanceId: leaving.instanceId });
  expect(drained.changedInstanceIds).toEqual([leaving.instanceId]);
  const before = leaving.calls.length;
  expect(before).toBeGreaterThan(0);
  for (let i = 0; i < 12; i += 1) runs.push(await mesh.startWorkflow(one));
  await mesh.advance('1m');
  for (const run of runs) expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(leaving.calls).toHaveLength(before);
  expect(leaving.calls.length + staying.calls.length).toBe(runs.length);
  expect(await standing(mesh, 'worker')).toEqual([`${staying.instanceId} READY`, `${leaving.instanceId} LOST`]);
});

test('a drained instance that comes back is sent away again, a new one of the same agent is welcome', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.orchestrator.drainAgent('raw');
  await mesh.advance('1s');
  const again = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(one);
  await mesh.advance('1s');
  expect(kinds(again)).toEqual(['welcome', 'goAway DRAINED']);
  const fresh = await new RawAgent(mesh).say(hello('inst-0002', ['a']));
  expect(fresh.assignments.map(({ runId }) => runId)).toEqual([run.id]);
  expect((await mesh.orchestrator.uncordonAgent('raw', { instanceId: 'inst-0001' })).changedInstanceIds).toHaveLength(
    1,
  );
  const third = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.advance('1s');
  expect(kinds(third)).toEqual(['welcome']);
  expect(await standing(mesh, 'raw')).toEqual(['inst-0002 READY', 'inst-0001 READY']);
});

test('a cordon outlives a cut, and a drained instance that is cut off with nothing held is gone at once', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.orchestrator.cordonAgent('raw');
  await agent.drop();
  await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  expect(await standing(mesh, 'raw')).toEqual(['inst-0001 CORDONED']);
  const other = await new RawAgent(mesh).say(hello('inst-0002', ['a']));
  const run = await mesh.startWorkflow(one);
  await mesh.orchestrator.drainAgent('raw', { instanceId: 'inst-0002' });
  await other.drop();
  expect(await standing(mesh, 'raw')).toEqual(['inst-0001 CORDONED', 'inst-0002 UNREACHABLE']);
  await mesh.advance('31s');
  expect(await standing(mesh, 'raw')).toContain('inst-0002 LOST');
  expect(run).toHaveHistory(['a#1 LOST']);
});

test('a disconnected agent comes back with what it has, and nothing is repeated', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '20s');
  const run = await mesh.startWorkflow(one);
  const answer = await mesh.orchestrator.api.fleet.disconnectAgent({ agentId: 'worker', reason: 'stuck socket' }, ada);
  expect(answer.changedInstanceIds).toEqual([worker.instanceId]);
  expect(await standing(mesh, 'worker')).toEqual([`${worker.instanceId} UNREACHABLE`]);
  await mesh.advance('30s');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(worker.calls).toHaveLength(1);
  expect(await standing(mesh, 'worker')).toEqual([`${worker.instanceId} READY`]);
  expect((await events(mesh, 'worker')).map((event) => event.slice(5))).toEqual([
    expect.stringMatching(/^CONNECTED /),
    'UNREACHABLE disconnected by ada: stuck socket',
    expect.stringMatching(/^RETURNED /),
  ]);
});

test('repeated calls change nothing and say so; a drain makes more of a cordon, and not the other way round', async () => {
  await using mesh = await TestMesh.start();
  for (const id of ['inst-0001', 'inst-0002']) await new RawAgent(mesh).say(hello(id, ['a']));
  await mesh.startWorkflow(one);
  const { orchestrator } = mesh;
  type Call = (agentId: string, options?: OperateAgentOptions) => Promise<OperatedAgent>;
  const changed = async (call: Call): Promise<number> =>
    (await call.call(orchestrator, 'raw')).changedInstanceIds.length;
  const { cordonAgent, disconnectAgent, drainAgent, uncordonAgent } = orchestrator;
  expect(await changed(uncordonAgent)).toBe(0);
  expect(ids(await orchestrator.cordonAgent('raw'))).toEqual(['inst-0001', 'inst-0002']);
  expect(await changed(cordonAgent)).toBe(0);
  expect(await changed(drainAgent)).toBe(2);
  expect(await changed(cordonAgent)).toBe(0);
  expect(await changed(drainAgent)).toBe(0);
  expect(await changed(disconnectAgent)).toBe(2);
  await mesh.advance('1s');
  // One of the two held nothing and is gone; the other may still come back with its attempt.
  expect(await changed(disconnectAgent)).toBe(0);
  expect((await standing(mesh, 'raw')).map((text) => text.split(' ')[1]).sort()).toEqual(['LOST', 'UNREACHABLE']);
});

test('who is not there is not found, with the nearest name', async () => {
  await using mesh = await TestMesh.start();
  for (const id of ['inst-0001', 'other-0001']) await new RawAgent(mesh).say(hello(id, ['a']));
  const { orchestrator } = mesh;
  await expect(orchestrator.drainAgent('rwa')).rejects.toMatchObject({
    code: 'AGENT_NOT_FOUND',
    message: expect.stringContaining('did you mean "raw"'),
  });
  await expect(orchestrator.cordonAgent('raw', { instanceId: 'inst-0002' })).rejects.toMatchObject({
    code: 'AGENT_NOT_FOUND',
    message: expect.stringContaining('did you mean "inst-0001"'),
  });
  await expect(orchestrator.cordonAgent('raw', { instanceId: '0001' })).rejects.toMatchObject({
    code: 'INSTANCE_AMBIGUOUS',
    message: expect.stringContaining('inst-0001, other-0001'),
  });
  await expect(orchestrator.cordonAgent('raw', { instanceId: '001' })).rejects.toMatchObject({
    code: 'AGENT_NOT_FOUND',
  });
  await expect(orchestrator.drainAgent('no name', { instanceId: '/' })).rejects.toMatchObject({
    problems: [{ message: expect.stringContaining('agent_id') }, { message: expect.stringContaining('instance_id') }],
  });
});

test('each change and each refusal is in the audit log, repeats are not', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const { fleet } = mesh.orchestrator.api;
  for (const reason of ['new disk', 'again']) {
    await fleet.cordonAgent({ agentId: 'raw', reason }, ada);
    await mesh.advance('1ms');
  }
  await fleet.uncordonAgent({ agentId: 'raw' }, ada);
  await mesh.advance('1ms');
  await fleet.drainAgent({ agentId: 'rwa', instanceId: 'inst-0001' }, ada).catch(() => undefined);
  await mesh.advance('1ms');
  await fleet.disconnectAgent({ agentId: 'raw', instanceId: '0001' }, ada);
  const entries = await mesh.orchestrator.listAudit({ actor: 'ada' });
  expect(
    entries.map(({ action, subject, outcome, errorCode, details: { message: _, ...details } }) => ({
      text: [action, subject.kind, subject.name, errorCode ?? outcome].join(' '),
      details,
    })),
  ).toEqual([
    { text: 'agent.disconnect AGENT raw DONE', details: { instances: 'inst-0001' } },
    { text: 'agent.drain AGENT rwa AGENT_NOT_FOUND', details: { instances: 'inst-0001' } },
    { text: 'agent.uncordon AGENT raw DONE', details: { instances: 'inst-0001' } },
    { text: 'agent.cordon AGENT raw DONE', details: { instances: 'inst-0001', reason: 'new disk' } },
  ]);
});

test('nothing is done before its entry is durable', async () => {
  let isBroken = false;
  const beforeCommit = (): void => {
    if (isBroken) throw new StoreError('BUSY', 'the disk is busy');
  };
  await using mesh = await TestMesh.start({ faults: { beforeCommit } });
  await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  isBroken = true;
  const call = mesh.orchestrator.cordonAgent('raw');
  await mesh.settle();
  expect(mesh.controlPlane.listAgents('default')[0]?.status).toBe('READY');
  isBroken = false;
  await mesh.advance('10s');
  expect((await call).instances[0]?.status).toBe('CORDONED');
  expect((await mesh.orchestrator.listAudit({ action: 'agent.cordon' })).map(({ outcome }) => outcome)).toEqual([
    'DONE',
  ]);
});

test('a control plane that restarts has forgotten its cordons', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1);
  await mesh.settle();
  await mesh.orchestrator.cordonAgent('worker');
  const run = await mesh.startWorkflow(one);
  await mesh.advance('1m');
  expect(run).toHaveHistory([]);
  await mesh.restart();
  await mesh.advance('1m');
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(await standing(mesh, 'worker')).toContain(`${worker.instanceId} READY`);
});
