/** What a run shows of the calls that its handlers made. */
import { expect, test } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { ASKING, callsOf } from './call-stage.ts';

const list = (mesh: TestMesh, runId: string) => mesh.controlPlane.listCalls('default', runId);

test('a run shows which child run each of its steps called for, and what became of it', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('echo').setResponse('echo', 'hello').setDelay('echo', '1m');
  mesh.agent('bank').setResponse('pay', () => Promise.reject(new Error('no money')));
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    await invoke('pay', {}, { key: 'a:b', agentId: 'bank', retries: 0 }).catch(() => {});
    return invoke('echo', {}, { key: 'greeting' });
  });
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('10s');
  const shown = async () =>
    (await list(mesh, run.id)).calls.map(({ path, key, called, row }) => [
      path,
      key,
      row.runId,
      called.capability,
      called.agentId,
      row.status,
      row.failureCode,
      row.endedAt !== undefined,
    ]);
  const [pay, echo] = callsOf(mesh);
  const failed = ['ask', 'a:b', pay?.runId, 'pay', 'bank', 'FAILED', 'HANDLER_ERROR', true];
  expect(await shown()).toEqual([failed, ['ask', 'greeting', echo?.runId, 'echo', '', 'RUNNING', undefined, false]]);
  await mesh.advance('1m');
  expect((await run.result()).status).toBe('COMPLETED');
  const ended = ['ask', 'greeting', echo?.runId, 'echo', '', 'COMPLETED', undefined, true];
  expect(await shown()).toEqual([failed, ended]);
  await mesh.restart();
  expect(await shown()).toEqual([failed, ended]);
  expect((await list(mesh, run.id)).isMore).toBe(false);
});

test('of more calls than a run is shown with it shows the newest, and says that there are others', async () => {
  await using mesh = await TestMesh.start();
  const most = limits.callsShownMax;
  mesh.agent('echo', { slots: 4 }).setResponse('echo', 'hello');
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    for (let i = 0; i <= most; i++) await invoke('echo', {}, { key: `${i}` });
  });
  const run = await mesh.startWorkflow(ASKING);
  await run.result();
  const { calls, isMore } = await list(mesh, run.id);
  expect(calls.map(({ key }) => key)).toEqual(Array.from({ length: most }, (_, i) => `${i + 1}`));
  expect(isMore).toBe(true);
});

test('child runs of workflow steps are no calls, and another try of a run has calls of its own', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('echo').setResponse('echo', 'hello');
  let tries = 0;
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    await invoke('echo', {}, { key: 'greeting' });
    tries += 1;
    if (tries === 1) throw new Error('once more');
    return null;
  });
  await mesh.registerWorkflow({ name: 'Sub', steps: [{ id: 'echo', action: 'echo' }] });
  const child = { id: 'sub', type: 'workflow', workflow: 'Sub', parameters: {}, dependencies: ['ask'] } as const;
  const run = await mesh.startWorkflow(flow([step('ask'), child], { retries: 1 }));
  await mesh.advance('10m');
  expect((await run.result()).status).toBe('COMPLETED');
  const { calls } = await list(mesh, run.id);
  expect(calls.map((call) => `${call.try} ${call.path} ${call.key} ${call.row.status}`)).toEqual([
    '1 ask greeting COMPLETED',
    '2 ask greeting COMPLETED',
  ]);
});
