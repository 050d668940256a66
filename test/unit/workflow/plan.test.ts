import { expect, test } from 'vitest';
import { compareWorkflows } from '../../../src/workflow/changes.ts';
import { criticalPathOf, planWorkflow } from '../../../src/workflow/plan.ts';
import { flow, loop, parallel, sequential, step } from '../engine/flow.ts';

type Steps = Parameters<typeof flow>[0];

function wavesOf(steps: Steps, more: Parameters<typeof flow>[1] = {}): readonly string[] {
  return planWorkflow(flow(steps, more).definition).steps.map(({ step: { id }, depth, wave, isCleanup }) => {
    return `${wave} ${'  '.repeat(depth)}${id}${isCleanup ? ' finally' : ''}`;
  });
}

test('a chain is a wave a step, steps without dependencies share one', () => {
  expect(
    wavesOf([step('a'), step('b'), step('c', { dependencies: [] }), step('d', { dependencies: ['b', 'c'] })]),
  ).toEqual(['1 a', '2 b', '1 c', '3 d']);
});

test('what follows a block follows the longest way through it; cleanup follows the body', () => {
  const block = parallel('p', [step('x'), sequential('s', [step('y'), step('z')])]);
  expect(wavesOf([step('a'), block, step('b')], { finally: [step('tidy'), step('tell')] })).toEqual([
    '1 a',
    '2 p',
    '2   x',
    '2   s',
    '2     y',
    '3     z',
    '4 b',
    '5 tidy finally',
    '6 tell finally',
  ]);
});

test('every branch counts as if it ran, a loop as one iteration', () => {
  const condition = { id: 'c', type: 'condition', if: 'params.x', then: [step('t'), step('u')], else: [step('e')] };
  expect(wavesOf([condition, loop('l', [step('v')], { until: 'true' }), step('end')])).toEqual([
    '1 c',
    '1   t',
    '2   u',
    '1   e',
    '3 l',
    '3   v',
    '4 end',
  ]);
});

test('ten thousand steps in a chain, written backwards, are no trouble', () => {
  const count = 9_999;
  const steps = Array.from({ length: count }, (_, i) =>
    step(`s${count - i}`, { dependencies: i === count - 1 ? [] : [`s${count - i - 1}`] }),
  );
  const { definition } = flow(steps);
  expect(planWorkflow(definition).waves).toBe(count);
  expect(criticalPathOf(definition, () => 2).durationMs).toBe(2 * count);
});

test('the critical path leads over what takes longest, into blocks and over cleanup', () => {
  const block = parallel('p', [step('x'), sequential('s', [step('y'), step('z')])]);
  const { definition } = flow(
    [step('a'), block, step('short', { dependencies: ['a'] }), step('b', { dependencies: ['p', 'short'] })],
    {
      finally: [step('tidy')],
    },
  );
  const took: Readonly<Record<string, number>> = { a: 1, x: 10, y: 4, z: 5, short: 3, b: 2, tidy: 1 };
  expect(criticalPathOf(definition, (id) => took[id])).toEqual({ durationMs: 14, path: ['a', 'x', 'b', 'tidy'] });
  expect(criticalPathOf(definition, (id) => (id === 'x' ? 8 : took[id]))).toEqual({
    durationMs: 13,
    path: ['a', 'y', 'z', 'b', 'tidy'],
  });
});

test('a loop is as long as it was, not as its body', () => {
  const { definition } = flow([loop('l', [step('v')], { until: 'true' })]);
  expect(criticalPathOf(definition, (id) => ({ l: 30, v: 10 })[id])).toEqual({ durationMs: 30, path: ['l'] });
  expect(criticalPathOf(definition, (id) => ({ v: 10 })[id])).toEqual({ durationMs: 10, path: ['v'] });
});

test('changes are told step by step, each step without those inside it, and field by field', () => {
  const before = flow([step('a'), parallel('p', [step('x'), step('y')]), step('gone')], { timeout: '1h' }).definition;
  const after = flow([step('a', { retries: 1 }), parallel('p', [step('x'), step('new')]), step('y')], {
    timeout: '2h',
    description: 'more',
  }).definition;
  expect(compareWorkflows(before, after)).toEqual({
    added: ['new'],
    removed: ['gone'],
    changed: ['a', 'y'],
    fields: ['timeoutMs', 'description'],
  });
  expect(compareWorkflows(after, after)).toEqual({ added: [], removed: [], changed: [], fields: [] });
});
