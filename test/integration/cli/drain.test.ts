/** `yardmaster agents drain` and its siblings against a real control plane in virtual time. */
import { expect, test } from 'vitest';
import type { Orchestrator } from '../../../src/client/index.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { type Ran, runCommand } from '../../unit/cli/capture.ts';
import { flow, step } from '../../unit/engine/flow.ts';

/** The command closes its client; that of the mesh stays open. */
function connectTo(mesh: TestMesh): () => Orchestrator {
  const { orchestrator } = mesh;
  const client = {
    api: orchestrator.api,
    watchAgents: (signal?: AbortSignal) => orchestrator.watchAgents(signal),
    close: async () => undefined,
  };
  // It needs no more than this of it.
  return () => client as Orchestrator;
}

const yardmaster = (mesh: TestMesh, line: string): Promise<Ran> =>
  runCommand(line.split(' '), { connect: connectTo(mesh) });

test('a drain that waits tells what is held until the instance has gone', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '20s');
  const run = await mesh.startWorkflow(flow([step('a')]));
  const tail = worker.instanceId.slice(-4);
  const drained = yardmaster(mesh, `agents drain worker/${tail} --wait`);
  await mesh.advance('10s');
  expect((await yardmaster(mesh, 'agents get worker')).out).toMatch(new RegExp(`${tail} draining by anonymous, `));
  expect((await yardmaster(mesh, 'agents list')).out).toMatch(/\nworker +DRAINING +0\/1/);
  await mesh.advance('20s');
  expect(await drained).toEqual({
    code: 0,
    out: '',
    err: `agent worker: draining: ${tail}. next: yardmaster agents get worker
agent worker: waits for ${tail} (1 attempt)
agent worker: drained
`,
  });
  expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('a drain to another control plane says where, and refuses what is no address', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '20s');
  await mesh.startWorkflow(flow([step('a')]));
  const refused = await yardmaster(mesh, 'agents drain worker --to b.example');
  expect(refused.code).not.toBe(0);
  expect(refused.err).toContain('"b.example" is not an address: host:port');
  await yardmaster(mesh, 'agents drain worker --to b.example:1 --to c.example:2 --reason room');
  const { out } = await yardmaster(mesh, 'agents get worker');
  expect(out).toMatch(
    new RegExp(`${worker.instanceId.slice(-4)} draining by anonymous, .*: room, to b.example:1 or c.example:2`),
  );
});

test('a drain that is taken back ends the wait with a no', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h');
  await mesh.startWorkflow(flow([step('a')]));
  const tail = worker.instanceId.slice(-4);
  const drained = yardmaster(mesh, 'agents drain worker --wait');
  await mesh.advance('1s');
  expect((await yardmaster(mesh, 'agents uncordon worker')).err).toBe(
    `agent worker: uncordoned: ${tail}. next: yardmaster agents get worker\n`,
  );
  await mesh.advance('1s');
  const { code, err } = await drained;
  expect(code).toBe(5);
  expect(err).toContain(`agent worker: no longer draining: ${tail}.`);
});

test('cordon, uncordon and disconnect say what they did, and that a repeat did nothing', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 1);
  await mesh.settle();
  const tail = worker.instanceId.slice(-4);
  const next = 'next: yardmaster agents get worker\n';
  const said = async (line: string): Promise<string> => (await yardmaster(mesh, line)).err;
  expect(await said('agents cordon worker --reason disk')).toBe(`agent worker: cordoned: ${tail}. ${next}`);
  expect(await said('agents cordon worker')).toBe(`agent worker: nothing changed. ${next}`);
  expect((await yardmaster(mesh, 'agents list -o wide')).out).toMatch(`${tail} cordoned by anonymous, `);
  expect(await said('agents uncordon worker')).toBe(`agent worker: uncordoned: ${tail}. ${next}`);
  const ran = await yardmaster(mesh, 'agents disconnect worker -o json');
  expect(JSON.parse(ran.out)).toMatchObject({
    changedInstanceIds: [worker.instanceId],
    instances: [{ instanceId: worker.instanceId, status: 'AGENT_STATUS_UNREACHABLE' }],
  });
  const unknown = await yardmaster(mesh, 'agents drain wroker');
  expect(unknown.code).toBe(3);
  expect(unknown.err).toContain('did you mean "worker"?');
});
