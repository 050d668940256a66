/** A stop that comes while the assignment of its attempt is still being made ready. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../src/control-plane/store/port.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, step } from '../../unit/engine/flow.ts';
import { completed, hello, RawAgent } from './raw-agent.ts';

const workflow = flow([
  step('hold', { dependencies: [] }),
  step('a', { dependencies: [] }),
  step('b', { dependencies: ['a'], parameters: { text: '${{ steps.a.output }}' } }),
]);

test('a cancel that comes while a stored input is read is told again behind the assignment, with its grace', async () => {
  let isUnreadable = false;
  const beforeRead = () => {
    if (isUnreadable) throw new StoreError('BUSY', 'cannot be read');
  };
  await using mesh = await TestMesh.start({ faults: { beforeRead } });
  const first = await new RawAgent(mesh).say(hello('inst-0001', ['a', 'hold']));
  const run = await mesh.startWorkflow(workflow);
  await mesh.settle();
  await first.say(completed(`${run.id}/a#1`, 'x'.repeat(10_000)));
  await mesh.crash();
  await mesh.restart();
  // The run is in memory again, its values are not.
  const held = [{ attemptId: `${run.id}/hold#1`, isFinished: false, lastChunk: 0 }];
  await new RawAgent(mesh).say(hello('inst-0001', ['hold'], { held }));
  isUnreadable = true;
  const other = await new RawAgent(mesh).say(hello('inst-0002', ['b'], { agentId: 'other' }));
  await mesh.orchestrator.cancelRun(run.id, 'enough');
  await mesh.settle();
  expect(other.assignments).toEqual([]);
  isUnreadable = false;
  await mesh.advance('3s');
  expect(other.assignments.map(({ attemptId }) => attemptId)).toEqual([`${run.id}/b#1`]);
  expect(other.heard.at(-1)).toMatchObject({ assignments: [], stops: [{ reason: 'CANCELLED', graceMs: 10_000 }] });
});
