/** Operators move agents to another control plane: what runs ends here, nothing is lost, and the agent itself goes on. */
import { afterEach, expect, test } from 'vitest';
import { Agent, type SessionPhase } from '../../../src/agent-sdk/index.ts';
import { Orchestrator } from '../../../src/client/index.ts';
import { type Server, startServer } from '../../../src/control-plane/main.ts';
import { times } from '../../../src/core/limits.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { accepted, completed, hello, RawAgent } from './raw-agent.ts';

const one = flow([step('a')]);
const B = 'b.example:7420';

/** Frames of the kinds that matter here, in order. */
const told = (agent: RawAgent): readonly string[] =>
  agent.heard.flatMap((frame) => {
    if (frame.type === 'goAway') return [`${frame.reason} ${frame.addresses?.join(' ')}: ${frame.message}`];
    return frame.type === 'dispatch' ? frame.results.map(({ verdict }) => verdict) : [];
  });

const standing = async (mesh: TestMesh): Promise<readonly string[]> => {
  const { instances } = await mesh.orchestrator.fetchAgent('raw');
  return instances.map(({ status }) => status);
};

test('it gets no new work, ends what it has, is asked to move after the answer to its last result, and leaves by itself', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const run = await mesh.startWorkflow(one);
  const id = agent.assignments[0]?.attemptId ?? '';
  await agent.say(accepted(id));
  const drained = await mesh.orchestrator.drainAgent('raw', { addresses: [B], reason: 'new room' });
  expect(drained.instances).toMatchObject([{ status: 'DRAINING', cordon: { drain: true, addresses: [B] } }]);
  await mesh.startWorkflow(one);
  await mesh.advance('3s');
  expect(agent.assignments).toHaveLength(1);
  expect(told(agent)).toEqual([]);

  await agent.say(completed(id, 1));
  await mesh.advance('1s');
  expect(told(agent)).toEqual(['ACCEPTED', `REBALANCE ${B}: moved by anonymous: new room, to ${B}`]);
  expect(run).toHaveHistory(['a#1 COMPLETED']);
  expect(agent.ended).toBeUndefined();
  expect(await standing(mesh)).toEqual(['DRAINING']);

  await agent.drop();
  expect(await standing(mesh)).toEqual(['LOST']);
  const { events } = await mesh.orchestrator.fetchAgent('raw');
  expect(events.map(({ kind }) => kind)).toEqual(['CONNECTED', 'DRAINING', 'DRAINED']);
  const [entry] = await mesh.orchestrator.listAudit({ action: 'agent.drain' });
  expect(entry?.details).toMatchObject({ reason: 'new room', addresses: B });
});

test('one that finds nobody there and stays is asked again, but not all the time', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.orchestrator.drainAgent('raw', { addresses: [B] });
  await mesh.advance('1s');
  expect(told(first)).toHaveLength(1);
  const again = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  expect(first.ended).toBeDefined();
  const run = await mesh.startWorkflow(one);
  for (let ms = 1_000, n = 1; ms < times.moveAgainMs; ms += 1_000, n++) {
    await again.say({ type: 'beat', number: n, load: 0, loopLagMs: 0 });
    await mesh.advance('1s');
    if (ms < times.moveAgainMs - 2_000) expect(told(again)).toEqual([]);
  }
  await mesh.advance('2s');
  expect(told(again)).toHaveLength(1);
  expect(again.assignments).toEqual([]);
  await mesh.orchestrator.uncordonAgent('raw');
  await mesh.settle();
  expect(again.assignments.map(({ runId }) => runId)).toEqual([run.id]);
});

test('one that the other control plane sends back is not asked again at once, and works here when it is uncordoned', async () => {
  await using mesh = await TestMesh.start();
  const first = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.orchestrator.drainAgent('raw', { addresses: [B] });
  await mesh.advance('1s');
  await first.drop();
  const back = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.advance('5s');
  expect(told(back)).toEqual([]);
  expect(await standing(mesh)).toEqual(['DRAINING']);
  const run = await mesh.startWorkflow(one);
  await mesh.orchestrator.uncordonAgent('raw');
  await mesh.settle();
  expect(back.assignments.map(({ runId }) => runId)).toEqual([run.id]);
});

test('a drain that is under way gets another end, and the same again changes nothing', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.startWorkflow(one);
  expect((await mesh.orchestrator.drainAgent('raw')).changedInstanceIds).toEqual(['inst-0001']);
  expect((await mesh.orchestrator.drainAgent('raw', { addresses: [B] })).changedInstanceIds).toEqual(['inst-0001']);
  expect((await mesh.orchestrator.drainAgent('raw', { addresses: [B] })).changedInstanceIds).toEqual([]);
  expect((await mesh.orchestrator.drainAgent('raw')).changedInstanceIds).toEqual(['inst-0001']);
  await agent.say(completed(agent.assignments[0]?.attemptId ?? '', 1));
  await mesh.advance('1s');
  expect(told(agent).at(-1)).toMatch(/^DRAINED/);
});

test('silence is judged while it is expected to move', async () => {
  await using mesh = await TestMesh.start();
  const agent = await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  await mesh.orchestrator.drainAgent('raw', { addresses: [B] });
  await mesh.advance('20s');
  expect(agent.ended?.error?.message).toContain('no sign');
  expect(await standing(mesh)).toEqual(['LOST']);
});

test('addresses that cannot be dialled are refused, all of them at once, and nothing is done', async () => {
  await using mesh = await TestMesh.start();
  await new RawAgent(mesh).say(hello('inst-0001', ['a']));
  const refused = mesh.orchestrator.drainAgent('raw', { addresses: ['unix:/tmp/x', B, 'b.example'] });
  await expect(refused).rejects.toThrow(/addresses\[0\].*is not an address: host:port \(and 1 more\)/);
  await mesh.settle();
  const [entry] = await mesh.orchestrator.listAudit({ action: 'agent.drain' });
  expect(entry).toMatchObject({
    errorCode: 'INVALID_ARGUMENT',
    details: { addresses: `unix:/tmp/x, ${B}, b.example` },
  });
  await expect(mesh.orchestrator.drainAgent('raw', { addresses: new Array(17).fill(B) })).rejects.toThrow('at most 16');
  expect(await standing(mesh)).toEqual(['READY']);
});

const servers: Server[] = [];
let agent: Agent | undefined;

afterEach(async () => {
  await agent?.stop({ graceMs: 0 });
  agent = undefined;
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

test('over real ports an agent of the SDK ends its step here, says Hello there before it leaves, and works there', async () => {
  const [from, to] = await Promise.all([serve(), serve()]);
  const phases: string[] = [];
  const onStateChange = (phase: SessionPhase): void =>
    void phases.push(phase.state === 'CONNECTED' ? `CONNECTED ${phase.node}` : phase.state);
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<number>();
  agent = new Agent({ id: 'worker', url: from.url, slots: 2, inline: true, onStateChange })
    .handle('a', () => {
      started.resolve();
      return finish.promise;
    })
    .handle('b', (_, ctx) => ctx.invoke('c', {}, { key: 'there' }))
    .handle('c', () => 2);
  await agent.start();
  await using here = new Orchestrator({ url: from.url });
  await using there = new Orchestrator({ url: to.url });
  await here.registerWorkflow(one);
  const run = await here.startWorkflow('Flow');
  await started.promise;
  await here.drainAgent('worker', { addresses: [`127.0.0.1:${to.port}`] });
  finish.resolve(1);
  expect((await run.result()).status).toBe('COMPLETED');
  await there.registerWorkflow(flow([step('b')]));
  expect((await (await there.startWorkflow('Flow')).result()).status).toBe('COMPLETED');
  for await (const [worker] of here.watchAgents()) if (worker?.instances[0]?.status === 'LOST') break;
  const [here1, there1] = [from.controlPlane.node, to.controlPlane.node];
  expect(phases).toEqual(['CONNECTING', `CONNECTED ${here1}`, 'MOVING', 'CONNECTING', `CONNECTED ${there1}`]);
});

async function serve(): Promise<Server> {
  const server = await startServer({ port: 0, store: { kind: 'memory' } });
  servers.push(server);
  return server;
}
