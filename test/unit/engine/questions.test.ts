/** `when`, `while`, `until` and `assert` that give neither true nor false: told, and never taken for false in silence. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, step } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

const cases: readonly (readonly [field: string, source: Source, order: readonly string[]])[] = [
  ['when', step('a', { when: 'params.answer' }), []],
  ['while', loop('a', [step('b')], { while: 'params.answer' }), []],
  ['until', loop('a', [step('b')], { until: 'params.answer' }), ['start a/1/b#1 worker', 'end a/1/b#1 COMPLETED']],
  ['assert', step('a', { assert: 'params.answer', retries: 2 }), ['start a#1 worker', 'end a#1 FAILED']],
];
const answers: readonly (readonly [value: unknown, kind: string])[] = [
  ['true', 'a string'],
  [1, 'a number'],
  [null, 'null'],
  [[], 'a list of 0'],
  [{}, 'an object'],
];
const table = cases.flatMap(([field, source, order]) =>
  answers.map(([answer, kind]) => ({ field, source, order, answer, kind })),
);

test.each(table)('"$field" that gives $kind fails the step', async ({ field, source, order, answer, kind }) => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', {}).setResponse('b', {});
  const run = await mesh.startWorkflow(flow([source]), { answer });
  await expectReplay(mesh, run);
  expect(run.order()).toEqual(order);
  const { status, error } = await run.result();
  expect(status).toBe('FAILED');
  expect(error).toMatchObject({
    code: 'BAD_EXPRESSION',
    step: 'a',
    message: `"${field}" of step "a" must be true or false; it is ${kind}`,
  });
});
