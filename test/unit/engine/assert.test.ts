/** `output` and `assert` of steps that no agent has: over what the step gives by itself. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, sequential, step } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

async function outcomeOf(source: Source): Promise<{ readonly output: unknown; readonly code: string | undefined }> {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', { n: 1 }).setResponse('b', { n: 2 });
  const run = await mesh.startWorkflow(flow([source], { output: '${{ steps.w.output }}' }));
  await mesh.advance('1m');
  await expectReplay(mesh, run);
  const { status, output, error } = await run.result();
  expect(status).toBe(error === undefined ? 'COMPLETED' : 'FAILED');
  return { output, code: error?.code };
}

const both = [step('a'), step('b')];
const kinds: readonly (readonly [string, Source, unknown])[] = [
  ['a parallel', parallel('w', both), { a: { n: 1 }, b: { n: 2 } }],
  ['a sequential', sequential('w', both), { n: 2 }],
  ['a condition', { id: 'w', type: 'condition', if: 'true', then: both }, { n: 2 }],
  ['a condition that takes no branch', { id: 'w', type: 'condition', if: 'false', then: both }, null],
  ['a switch', { id: 'w', type: 'switch', switch: '1', cases: [{ equals: 1, steps: both }] }, { n: 2 }],
  ['a loop', loop('w', both, { until: 'iteration >= 2' }), { n: 2 }],
  ['a set', { id: 'w', type: 'set', set: { n: 2 } }, { n: 2 }],
  ['a wait', { id: 'w', type: 'wait', for: '5s' }, null],
  [
    'a signal',
    { id: 'w', type: 'signal', signal: 's', timeout: '5s', default: 7 },
    { payload: 7, actor: null, timedOut: true },
  ],
];

test.each(kinds)('%s completes when its assert is true of `result` and `output`', async (_, source, result) => {
  const text = `\${{ result == output && output == ${celOf(result)} }}`;
  expect(await outcomeOf({ ...source, assert: text })).toEqual({ output: result, code: undefined });
});

test.each(kinds)('%s fails with ASSERTION_FAILED when it is false', async (_, source) => {
  expect(await outcomeOf({ ...source, assert: 'output == "other"' })).toEqual({
    output: undefined,
    code: 'ASSERTION_FAILED',
  });
});

const shaped = kinds.filter(([, { type }]) => type !== 'set');

test.each(shaped)('%s shapes its output from `result`, and asserts over what that made', async (_, source, result) => {
  const more = { output: { kept: '${{ result }}' }, assert: `output.kept == result && has(output.kept)` };
  expect(await outcomeOf({ ...source, ...more })).toEqual({ output: { kept: result }, code: undefined });
});

test('large results are loaded when an expression reads them, and only then', async () => {
  await using mesh = await TestMesh.start();
  const big = 'x'.repeat(20_000);
  mesh.agent('worker').setResponse('a', big).setResponse('b', big);
  const run = await mesh.startWorkflow(
    flow([parallel('p', both, { assert: 'size(result.a) + size(output.b) == 40000', output: 'result' })], {
      output: '${{ size(steps.p.output.a) }}',
    }),
  );
  await mesh.restart();
  await mesh.advance('1m');
  await expectReplay(mesh, run);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 20_000 });
});

test('an assert that fails is answered like any failure of the block', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setResponse('b', 2).setResponse('c', 3);
  const run = await mesh.startWorkflow(
    flow([
      sequential('s', both, { assert: 'output == 1', onFailure: 'continue' }),
      step('c', { when: 'steps.s.error.code == "ASSERTION_FAILED"' }),
    ]),
  );
  await mesh.advance('1s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'c#1 COMPLETED']);
});

function celOf(value: unknown): string {
  return JSON.stringify(value);
}
