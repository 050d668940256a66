/** What the client answers without a call. */
import { createRouterTransport } from '@connectrpc/connect';
import { expect, test } from 'vitest';
import { getWorkflowAgentIds, Orchestrator, WorkflowBuilder } from '../../../src/client/index.ts';
import { ToldList } from '../../../src/client/told-list.ts';
import { FleetService } from '../../../src/gen/yardmaster/v1/fleet_service_pb.ts';
import { WorkflowService } from '../../../src/gen/yardmaster/v1/workflow_service_pb.ts';
import { TestMesh } from '../../../src/testing/index.ts';

const nightly = (description: string) =>
  new WorkflowBuilder('Nightly').description(description).step('extract', { action: 'extract' }).build();

test('before `ready` it says so instead of answering with nothing', async () => {
  await using mesh = await TestMesh.start();
  const { orchestrator } = mesh;
  for (const ask of [
    () => orchestrator.listAgents(),
    () => orchestrator.getAgent('a'),
    () => orchestrator.listWorkflows(),
    () => orchestrator.getWorkflow('Nightly'),
  ]) {
    expect(ask).toThrow(expect.objectContaining({ code: 'NOT_READY', next: 'await orchestrator.ready() first' }));
  }
});

test('afterwards it follows what others register and who joins, leaves and is lost', async () => {
  await using mesh = await TestMesh.start({ lossWindowMs: 10_000 });
  const { orchestrator } = mesh;
  await orchestrator.registerWorkflow(nightly('one'));
  await orchestrator.ready();
  expect(orchestrator.listAgents()).toEqual([]);
  expect(orchestrator.getWorkflow('Nightly')).toMatchObject({ version: 1, description: 'one' });
  expect(orchestrator.getWorkflow('Weekly')).toBeUndefined();

  // Around the client, as another one would do it.
  const { definition } = nightly('two');
  await mesh.controlPlane.registerWorkflow({ namespace: 'default', definition, validateOnly: false });
  const worker = mesh.agent('worker').setResponse('extract', 1);
  await mesh.advance('1s');
  expect(orchestrator.listWorkflows().map(({ name, version }) => `${name} v${version}`)).toEqual(['Nightly v2']);
  expect(orchestrator.getAgent('worker')).toMatchObject({ id: 'worker', name: 'worker', status: 'READY' });

  worker.crash();
  await mesh.advance('1s');
  expect(orchestrator.getAgent('worker')?.status).toBe('UNREACHABLE');
  await mesh.advance('15s');
  expect(orchestrator.getAgent('worker')?.status).toBe('LOST');
});

test('what this client registered is there when the registration resolves; what it only checked is not', async () => {
  await using mesh = await TestMesh.start();
  const { orchestrator } = mesh;
  await orchestrator.ready();
  await orchestrator.registerWorkflow(nightly('one'), { validateOnly: true });
  expect(orchestrator.listWorkflows()).toEqual([]);
  await orchestrator.registerWorkflow(nightly('one'));
  expect(orchestrator.getWorkflow('Nightly')?.version).toBe(1);
});

test('hundreds of workflows are told before it is ready', async () => {
  await using mesh = await TestMesh.start();
  const names = Array.from({ length: 120 }, (_, i) => `W${String(i).padStart(3, '0')}`);
  for (const name of names) {
    await mesh.orchestrator.registerWorkflow({ name, steps: [{ id: 'a', action: 'a' }] });
  }
  await mesh.orchestrator.ready();
  expect(mesh.orchestrator.listWorkflows().map(({ name }) => name)).toEqual(names);
});

test('after a cut it forgets what is no longer so, and keeps its last answers meanwhile', async () => {
  const told = [['old', 'shared'], ['shared']];
  const cut = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const transport = createRouterTransport((router) => {
    router.service(WorkflowService, {
      listWorkflows: () => ({ workflows: [] }),
      async *watchWorkflows() {
        const workflows = told.shift()?.map((name) => ({ name, version: 1 })) ?? [];
        yield { workflows, complete: true };
        if (told.length === 0) begun.resolve();
        await (told.length === 0 ? new Promise(() => {}) : cut.promise);
      },
    });
    router.service(FleetService, {
      async *watchAgents() {
        yield { agents: [] };
        await new Promise(() => {});
      },
    });
  });
  await using client = new Orchestrator({ transport });
  const names = () => client.listWorkflows().map(({ name }) => name);
  await client.ready();
  expect(names()).toEqual(['old', 'shared']);
  cut.resolve();
  expect(names()).toEqual(['old', 'shared']);
  await begun.promise;
  await expect.poll(names).toEqual(['shared']);
});

test('a closed client answers nothing more', async () => {
  await using mesh = await TestMesh.start();
  await mesh.orchestrator.ready();
  await mesh.orchestrator.close();
  await expect
    .poll(() => {
      try {
        return mesh.orchestrator.listAgents();
      } catch (error) {
        return error;
      }
    })
    .toMatchObject({ code: 'NOT_READY', cause: { code: 'CLIENT_CLOSED' } });
});

test('a note stays until something as new is told, and is forgotten with a new beginning', () => {
  interface Versioned {
    readonly name: string;
    readonly version: number;
  }
  const list = new ToldList<Versioned>(
    ({ name }) => name,
    (told, noted) => told.version >= noted.version,
  );
  const show = () => list.all().map(({ name, version }) => `${name}${version}`);
  list.tell([{ name: 'a', version: 1 }]);
  list.note({ name: 'b', version: 1 });
  list.note({ name: 'a', version: 2 });
  expect(show()).toEqual(['a2', 'b1']);
  list.tell([{ name: 'a', version: 1 }]);
  expect(show()).toEqual(['a2', 'b1']);
  list.tell([
    { name: 'a', version: 3 },
    { name: 'b', version: 1 },
  ]);
  list.tell([{ name: 'a', version: 3 }]);
  expect(show()).toEqual(['a3']);
  list.note({ name: 'c', version: 1 });
  list.forgetNotes();
  list.tell([]);
  expect(show()).toEqual([]);
});

test('the agents that a workflow names: built or registered, each once, cleanup and children included', async () => {
  await using mesh = await TestMesh.start();
  const workflow = new WorkflowBuilder('Named')
    .step('first', { action: 'a', agentId: 'one' })
    .parallel('both', {
      steps: [
        { id: 'left', type: 'agent', action: 'a', agentId: 'two' },
        { id: 'right', type: 'agent', action: 'a' },
      ],
    })
    .step('again', { action: 'b', agentId: 'one' })
    .finally('sweep', { action: 'c', agentId: 'three' })
    .build();
  const registered = await mesh.orchestrator.registerWorkflow(workflow);
  expect(getWorkflowAgentIds(workflow)).toEqual(['one', 'two', 'three']);
  expect(getWorkflowAgentIds(registered.workflow)).toEqual(['one', 'two', 'three']);
});
