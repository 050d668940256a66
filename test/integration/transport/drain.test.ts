/** A drain and a disconnect over real sockets, with the real SDK. */
import { expect, it } from 'vitest';
import { Agent } from '../../../src/agent-sdk/index.ts';
import { Orchestrator } from '../../../src/client/index.ts';
import { AgentStatus } from '../../../src/gen/yardmaster/v1/agent_pb.ts';
import { FleetService } from '../../../src/gen/yardmaster/v1/fleet_service_pb.ts';
import { Mesh } from './mesh.ts';
import { failureOf } from './rig.ts';

const { drainAgent, getAgent } = FleetService.method;
const WORKFLOW = { name: 'Greeting', steps: [{ id: 'greet', action: 'greet', parameters: {} }] };

it('an agent of the SDK comes back after a disconnect with what it has, ends after a drain, and nothing is repeated', async () => {
  await using mesh = await Mesh.start();
  const url = `http://127.0.0.1:${mesh.rig.port}`;
  await using ada = new Orchestrator({ url, actor: 'ada' });
  const started = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<string>();
  let calls = 0;
  const agent = new Agent({ id: 'greeter', url, inline: true }).handle('greet', () => {
    calls += 1;
    started.resolve();
    return finish.promise;
  });
  await agent.start();
  const { instanceId } = agent;
  await ada.registerWorkflow(WORKFLOW);
  const run = await ada.startWorkflow('Greeting');
  await started.promise;
  const cut = await ada.disconnectAgent('greeter', { instanceId: instanceId.slice(-4) });
  expect(cut).toMatchObject({ changedInstanceIds: [instanceId], instances: [{ status: 'UNREACHABLE' }] });
  for await (const [greeter] of ada.watchAgents()) if (greeter?.status === 'READY') break;
  const drained = await ada.drainAgent('greeter', { reason: 'new kernel' });
  expect(drained.instances).toMatchObject([
    { status: 'DRAINING', slotsUsed: 1, cordon: { actor: 'ada', reason: 'new kernel', drain: true } },
  ]);
  finish.resolve('hello');
  expect(await run.result()).toMatchObject({ status: 'COMPLETED' });
  expect(await agent.ended).toBe('DRAINED: drained by ada: new kernel');
  expect(calls).toBe(1);
  const { agent: gone } = await mesh.rig.unary(getAgent, { agentId: 'greeter' });
  expect(gone?.instances.map(({ status }) => status)).toEqual([AgentStatus.LOST]);
});

it('says everything that is wrong with a request, and what is not there', async () => {
  await using mesh = await Mesh.start();
  const invalid = await failureOf(mesh.rig.unary(drainAgent, { agentId: '', instanceId: 'no id' }));
  expect(invalid.details).toMatch(/"agent_id".*\(and 1 more\)/);
  expect((await failureOf(mesh.rig.unary(drainAgent, { agentId: 'nobody' }))).details).toContain('"nobody"');
});
