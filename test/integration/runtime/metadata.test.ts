import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';

test("a handler sees its step's metadata", async () => {
  await using mesh = await TestMesh.start();
  const agent = mesh.agent('worker');
  agent.setResponse('a', null).setResponse('b', null);
  const metadata = { team: 'data', tags: ['nightly', 7], cost: { centre: 12 } };
  await mesh.startWorkflow(flow([step('a', { metadata }), step('b')]));
  expect(agent.calls.map(({ attempt }) => attempt.metadata)).toEqual([metadata, {}]);
});
