/** Runs of several versions of one workflow go on side by side, each on the definition that it was started with. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';

const wait = { id: 'cool', type: 'wait', for: '1h' };
const first = flow([step('load'), wait, step('old')], { output: '${{ steps.old.output }}' });
const second = flow([step('load'), wait, step('new'), step('last')], { output: '${{ steps.last.output }}' });

test('runs of versions 1 and 2 go on at the same time, over a registration between and a restart', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  for (const action of ['load', 'old', 'new', 'last']) worker.setResponse(action, action).setDelay(action, '1m');

  const one = await mesh.startWorkflow(first);
  await mesh.advance('30s');
  expect((await mesh.registerWorkflow(second)).workflow.version).toBe(2);
  const two = await mesh.startWorkflow('Flow');
  const pinned = await mesh.startWorkflow('Flow', {}, { version: 1 });
  await mesh.advance('2m');
  await mesh.restart();
  await mesh.advance('90m');

  const results = await Promise.all([one, two, pinned].map((run) => run.result()));
  expect(results.map(({ status, output }) => [status, output])).toEqual([
    ['COMPLETED', 'old'],
    ['COMPLETED', 'last'],
    ['COMPLETED', 'old'],
  ]);
  expect(one).toHaveHistory(['load#1 COMPLETED', 'old#1 COMPLETED']);
  expect(pinned).toHaveHistory(['load#1 COMPLETED', 'old#1 COMPLETED']);
  expect(two).toHaveHistory(['load#1 COMPLETED', 'new#1 COMPLETED', 'last#1 COMPLETED']);
  const runs = await mesh.orchestrator.listRuns({ workflow: 'Flow' });
  expect(runs.map(({ version }) => version).sort()).toEqual([1, 1, 2]);
  for (const run of [one, two, pinned]) await expectReplay(mesh, run);
  expect((await mesh.orchestrator.fetchWorkflow('Flow', 1)).steps.map(({ id }) => id)).toEqual(['load', 'cool', 'old']);
  expect((await mesh.orchestrator.fetchWorkflow('Flow')).version).toBe(2);
});

test('registering the first definition again gives the first version back, and open runs of the second do not care', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('load', 1)
    .setResponse('old', 'old')
    .setResponse('new', 2)
    .setResponse('last', 'last');
  await mesh.registerWorkflow(first);
  const run = await mesh.startWorkflow(second);
  expect(await mesh.registerWorkflow(first)).toMatchObject({ created: false, workflow: { version: 1 } });
  await mesh.advance('2h');
  expect((await run.result()).output).toBe('last');
});
