/** Labels of operators: they win over what instances claim, at once, for later instances and after a restart. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../src/control-plane/store/port.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { runCommand } from '../../unit/cli/capture.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { completed, hello, RawAgent } from './raw-agent.ts';

const inUs = flow([step('a', { labels: { region: 'us' } })]);
const ada = { headers: { 'x-yardmaster-actor': 'ada' } };

const helloIn = (instanceId: string, region: string) => {
  const frame = hello(instanceId, ['a']);
  return { ...frame, state: { ...frame.state, labels: { region, os: 'linux' } } };
};

test('a waiting step says which label is missing, and is assigned in the turn in which an operator gives it', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(helloIn('inst-0001', 'eu'));
  const run = await mesh.startWorkflow(inUs);
  await mesh.advance('2s');
  expect(agent.assignments).toEqual([]);
  expect((await mesh.orchestrator.explainStep(run.id, 'a')).summary).toContain('region=eu');
  const { agent: view, changed } = await mesh.orchestrator.labelAgent('raw', { labels: { region: 'us' } });
  await mesh.settle();
  expect(changed).toBe(true);
  expect(view).toMatchObject({
    operatorLabels: { region: 'us' },
    instances: [{ labels: { region: 'us', os: 'linux' }, overriddenLabels: { region: 'eu' } }],
  });
  const [assignment] = agent.assignments;
  expect(assignment?.runId).toBe(run.id);
  await agent.say(completed(assignment?.attemptId ?? ''));
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('a later State and a later instance claim in vain, until the label is taken away', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(helloIn('inst-0001', 'us'));
  await mesh.orchestrator.labelAgent('raw', { labels: { region: 'eu' } });
  const frame = helloIn('inst-0001', 'us');
  await first.say({ type: 'state', state: { ...frame.state, revision: 2 } });
  const second = await new RawAgent(mesh).say(helloIn('inst-0002', 'us'));
  const run = await mesh.startWorkflow(inUs);
  await mesh.advance('2s');
  expect([...first.assignments, ...second.assignments]).toEqual([]);
  await mesh.orchestrator.labelAgent('raw', { removed: ['region'] });
  await mesh.settle();
  expect([...first.assignments, ...second.assignments].map(({ runId }) => runId)).toEqual([run.id]);
});

test('labels hold after a crash of the control plane, before and after the agent is back', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(helloIn('inst-0001', 'eu'));
  await mesh.orchestrator.labelAgent('raw', { labels: { region: 'us' } });
  const run = await mesh.startWorkflow(flow([step('b', { labels: { region: 'us' } })]));
  await mesh.crash();
  await mesh.restart();
  expect(await mesh.orchestrator.fetchAgent('raw')).toMatchObject({ operatorLabels: { region: 'us' } });
  const frame = hello('inst-0001', ['b']);
  const back = await new RawAgent(mesh).say({ ...frame, state: { ...frame.state, labels: { region: 'eu' } } });
  expect(back.assignments.map(({ runId }) => runId)).toEqual([run.id]);
});

test('a label that changes while the run of a chosen step is read holds for that step, too', async () => {
  let isUnreadable = false;
  const beforeRead = () => {
    if (isUnreadable) throw new StoreError('BUSY', 'cannot be read');
  };
  await using mesh = await TestMesh.start({ faults: { beforeRead } });
  const run = await mesh.startWorkflow(inUs);
  await mesh.crash();
  await mesh.restart();
  isUnreadable = true;
  const agent = await new RawAgent(mesh).say(helloIn('inst-0001', 'us'));
  isUnreadable = false;
  await mesh.orchestrator.labelAgent('raw', { labels: { region: 'eu' } });
  await mesh.advance('2s');
  expect(agent.assignments).toEqual([]);
  await mesh.orchestrator.labelAgent('raw', { removed: ['region'] });
  await mesh.settle();
  expect(agent.assignments.map(({ runId }) => runId)).toEqual([run.id]);
});

test('each change and each refusal is in the audit log, and a repeat is none', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(helloIn('inst-0001', 'eu'));
  const { fleet } = mesh.orchestrator.api;
  const change = { agentId: 'raw', labels: { region: 'us' }, reason: 'moved' };
  const answers = [await fleet.labelAgent(change, ada), await fleet.labelAgent(change, ada)];
  expect(answers.map(({ changed }) => changed)).toEqual([true, false]);
  await mesh.advance('1ms');
  await fleet.labelAgent({ agentId: 'raw', labels: { disk: 'ssd' }, removed: ['region'] }, ada);
  await mesh.advance('1ms');
  await expect(fleet.labelAgent({ agentId: 'rwa', labels: { k: 'v' } }, ada)).rejects.toThrow('did you mean "raw"?');
  await mesh.advance('1ms');
  const both = { agentId: 'raw', labels: { k: 'v' }, removed: ['k'] };
  await expect(fleet.labelAgent(both, ada)).rejects.toThrow('"k", which is in "labels", too');
  const entries = await mesh.orchestrator.listAudit({ action: 'agent.label' });
  expect(
    entries.map(({ subject, outcome, errorCode, details: { labels } }) => [subject.name, errorCode ?? outcome, labels]),
  ).toEqual([
    ['raw', 'INVALID_ARGUMENT', 'k=v, k-'],
    ['rwa', 'AGENT_NOT_FOUND', 'k=v'],
    ['raw', 'DONE', 'disk=ssd, region-'],
    ['raw', 'DONE', 'region=us'],
  ]);
  const { events } = await mesh.orchestrator.fetchAgent('raw');
  expect(events.map(({ kind, message }) => `${kind} ${message}`)).toEqual([
    'CONNECTED from raw',
    'LABELLED by ada: moved',
    'LABELLED by ada',
  ]);
});

test('an agent has at most 64 labels of operators', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(helloIn('inst-0001', 'eu'));
  const some = (prefix: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, '']));
  await mesh.orchestrator.labelAgent('raw', { labels: some('a', 64) });
  await expect(mesh.orchestrator.labelAgent('raw', { labels: some('b', 1) })).rejects.toMatchObject({ code: 'LIMIT' });
  const { agent } = await mesh.orchestrator.labelAgent('raw', { labels: some('b', 1), removed: ['a0'] });
  expect(Object.keys(agent.operatorLabels)).toHaveLength(64);
});

test('no step is matched with a label that is not durable', async () => {
  let isBroken = false;
  const beforeCommit = (): void => {
    if (isBroken) throw new StoreError('BUSY', 'the disk is busy');
  };
  await using mesh = await TestMesh.start({ faults: { beforeCommit } });
  const agent = await new RawAgent(mesh).say(helloIn('inst-0001', 'eu'));
  const run = await mesh.startWorkflow(inUs);
  await mesh.settle();
  isBroken = true;
  const labelled = mesh.orchestrator.labelAgent('raw', { labels: { region: 'us' } });
  await mesh.advance('1s');
  expect(agent.assignments).toEqual([]);
  expect(mesh.controlPlane.listAgents('default')).toMatchObject([{ operatorLabels: {} }]);
  isBroken = false;
  await mesh.advance('10s');
  expect((await labelled).changed).toBe(true);
  await mesh.settle();
  expect(agent.assignments.map(({ runId }) => runId)).toEqual([run.id]);
});

test('labels outlast all that is known of their agent: they are shown, and can be taken away', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(helloIn('inst-0001', 'eu'));
  await mesh.orchestrator.labelAgent('raw', { labels: { region: 'us', disk: 'ssd' } });
  await agent.say({ type: 'goodbye', reason: 'done' });
  await mesh.crash();
  await mesh.restart();
  // As after the retention time.
  mesh.data.agentEvents.length = 0;
  expect(await mesh.orchestrator.fetchAgent('raw')).toMatchObject({ operatorLabels: { region: 'us', disk: 'ssd' } });
  const { agent: less } = await mesh.orchestrator.labelAgent('raw', { removed: ['disk'] });
  expect(less).toMatchObject({ status: 'LOST', instances: [], operatorLabels: { region: 'us' } });
  const { agent: none, changed } = await mesh.orchestrator.labelAgent('raw', { removed: ['region'] });
  expect({ ...none.operatorLabels, changed }).toEqual({ changed: true });
  await expect(mesh.orchestrator.fetchAgent('raw')).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' });
});

test('the command sets, takes away and shows whose labels are whose', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(helloIn('inst-0001', 'eu'));
  const { api } = mesh.orchestrator;
  // The command needs no more than this of it.
  const client = { api, close: async () => undefined } as unknown as typeof mesh.orchestrator;
  const yardmaster = (line: string) => runCommand(line.split(' '), { connect: () => client });
  const next = 'next: yardmaster agents get raw\n';
  expect((await yardmaster('agents label raw region=us gpu=none')).err).toBe(
    `agent raw: labels by operators: gpu=none, region=us. ${next}`,
  );
  expect((await yardmaster('agents label raw region=us')).err).toBe(`agent raw: nothing changed. ${next}`);
  expect((await yardmaster('agents get raw')).out).toContain(
    'labels by operators: gpu=none, region=us\n0001 claims region=eu, which does not hold\n',
  );
  expect((await yardmaster('agents label raw region- gpu-')).err).toBe(`agent raw: labels by operators: none. ${next}`);
  expect((await yardmaster('agents get raw')).out).not.toContain('labels by operators:');
  expect(await yardmaster('agents label raw k=v k-')).toMatchObject({ code: 2 });
});
