/** Values of every size pass through whole. */
import { expect, test } from 'vitest';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, parallel, step } from '../../unit/engine/flow.ts';

const SIZES = [
  ['inline in the journal', 1_000],
  ['a blob that travels inline', 20_000],
  ['a blob that goes through BlobService', 400_000],
] as const;

test.each(SIZES)(
  'an output that is %s reaches the next step, the result, and survives a restart',
  async (_name, size) => {
    await using mesh = await TestMesh.start();
    const rows = { text: 'x'.repeat(size), n: 7 };
    const worker = mesh
      .agent('worker')
      .setResponse('a', rows)
      .setResponse('b', (input) => ({ length: input.text.length, n: input.n }));
    worker.setDelay('b', '10s').setResponse('c', (input) => input);
    const run = await mesh.startWorkflow(
      flow(
        [
          step('a'),
          step('b', { parameters: '${{ steps.a.output }}' }),
          step('c', { parameters: { n: '${{ steps.a.output.n }}', length: '${{ steps.b.output.length }}' } }),
        ],
        { output: { small: '${{ steps.c.output }}', whole: '${{ steps.a.output }}' } },
      ),
    );
    await mesh.advance('5s');
    await mesh.restart();
    await mesh.advance('20s');
    await expectReplay(mesh, run);
    const result = await run.result();
    expect(result.status).toBe('COMPLETED');
    expect(result.output.small).toEqual({ n: 7, length: size });
    expect(result.output.whole).toEqual(rows);
    expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED', 'c#1 COMPLETED']);
  },
);

test.each(SIZES)('parameters and inputs that are %s pass through', async (_name, size) => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', (input) => input.text.length);
  const run = await mesh.startWorkflow(flow([step('a', { parameters: '${{ params }}' })]), { text: 'y'.repeat(size) });
  await mesh.advance('1s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls[0]?.input).toEqual({ text: 'y'.repeat(size) });
});

test('an assertion over a blob loads it, also after a restart', async () => {
  await using mesh = await TestMesh.start();
  const text = 'z'.repeat(50_000);
  mesh.agent('worker').setResponse('a', { text }).setDelay('a', '10s').setResponse('b', 1);
  const run = await mesh.startWorkflow(
    flow([
      step('a', {
        output: { text: '${{ result.text }}', size: '${{ size(result.text) }}' },
        assert: 'output.size == 50000',
      }),
      step('b', { when: 'steps.a.output.size > 10' }),
    ]),
  );
  await mesh.advance('5s');
  await mesh.restart();
  await mesh.advance('20s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect((await run.result()).steps[0]?.output).toEqual({ text, size: 50_000 });
});

test('blobs that an expression needs are read from the store after a restart', async () => {
  await using mesh = await TestMesh.start();
  const big = (id: string) => ({ id, text: id.repeat(10_000) });
  const worker = mesh.agent('worker');
  for (const id of ['a', 'b']) worker.setResponse(id, big(id));
  worker
    .setResponse('wait', 1)
    .setDelay('wait', '10s')
    .setResponse('c', (input) => input);
  const run = await mesh.startWorkflow(
    flow([
      parallel('p', [step('a'), step('b')]),
      step('wait'),
      step('c', {
        parameters: { ids: ['${{ steps.a.output.id }}', '${{ steps.b.output.id }}'], both: '${{ steps.p.output }}' },
      }),
    ]),
  );
  await mesh.restart();
  await mesh.advance('30s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(worker.calls.at(-1)?.input).toEqual({ ids: ['a', 'b'], both: { a: big('a'), b: big('b') } });
});

test('an expression that reads over 1 MiB fails with LIMIT, a whole output passes', async () => {
  await using mesh = await TestMesh.start();
  const text = 'w'.repeat(1_200_000);
  mesh
    .agent('worker')
    .setResponse('a', { text })
    .setResponse('b', (input) => input.text.length)
    .setResponse('c', 1);
  const run = await mesh.startWorkflow(
    flow([
      step('a'),
      step('b', { parameters: '${{ steps.a.output }}' }),
      step('c', { dependencies: ['a'], parameters: { n: '${{ size(steps.a.output.text) }}' } }),
    ]),
  );
  await mesh.advance('5s');
  const result = await run.result();
  expect(result.error?.code).toBe('LIMIT');
  expect(result.steps.find(({ path }) => path === 'c')?.status).toBe('FAILED');
});

test.each([
  ['text', 'a "b" \\ \n ü 漢 \u{1f600}'],
  ['numbers', [0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER]],
  ['nothing', null],
  ['a deep list', Array.from({ length: 30 }).reduce<unknown>((inner) => [inner], 'core')],
  ['dangerous keys', JSON.parse('{"__proto__":{"x":1},"constructor":2,"toString":3}')],
])('%s comes back as it went', async (_name, value) => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('a', { value })
    .setResponse('b', (input) => input);
  const run = await mesh.startWorkflow(
    flow([step('a'), step('b', { parameters: { again: '${{ steps.a.output.value }}' } })], {
      output: '${{ steps.b.output }}',
    }),
  );
  const { output } = await run.result();
  expect(JSON.stringify(output)).toBe(JSON.stringify({ again: value }));
});
