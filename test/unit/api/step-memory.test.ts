/** What a watch remembers of steps goes with the iteration or the item that they stand in. */
import { expect, it } from 'vitest';
import { StepMemories } from '../../../src/control-plane/api/convert/step-memory.ts';

const holder = { agentId: 'worker', instanceId: 'one' };

it('keeps what it was told of a step until its body is over, and nothing of what was in that', () => {
  const memories = new StepMemories();
  const paths = ['a', 'each/1/work', 'each/1/poll/3/ask', 'each/11/work', 'each/1/poll/3/deep/0/leaf'];
  for (const path of paths) memories.of(path).holders.set(1, holder);
  expect(paths.map((path) => memories.of(path).holders.get(1))).toEqual(paths.map(() => holder));
  memories.drop('each/1/');
  expect(paths.filter((path) => memories.of(path).holders.get(1) !== undefined)).toEqual(['a', 'each/11/work']);
});

it('drops an inner body alone', () => {
  const memories = new StepMemories();
  for (const path of ['each/1/work', 'each/1/poll/3/ask']) memories.of(path).try = 2;
  memories.drop('each/1/poll/3/');
  memories.drop('each/9/');
  expect([memories.of('each/1/work').try, memories.of('each/1/poll/3/ask').try]).toEqual([2, 1]);
});
