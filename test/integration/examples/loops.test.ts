/** Flows that repeat: until it converges, until there is nothing more, until a review is content, until an hour has passed. */
import { describe, expect, test } from 'vitest';
import { TestMesh } from 'yardmaster/testing';
import { callsOf, startExample } from './example.ts';

describe('iterative-processing.yaml', () => {
  /** Heron's way to a square root. */
  function improve({ number, estimate }: { readonly number: number; readonly estimate: number }) {
    const next = (estimate + number / estimate) / 2;
    return { estimate: next, converged: Math.abs(next - estimate) < 1e-6 };
  }

  function mathematicians(mesh: TestMesh) {
    mesh.agent('initializer').setResponse('initialize', ({ number }) => ({ estimate: number }));
    mesh.agent('finalizer').setResponse('finalize', (input) => input);
    return mesh.agent('iterative-processor').setResponse('iterate', improve);
  }

  test('each round starts from the last one, and the first that changes nothing is the last', async () => {
    await using mesh = await TestMesh.start();
    const processor = mathematicians(mesh);
    const run = await startExample(mesh, 'iterative-processing.yaml', { number: 2 });
    const { output } = await run.result();
    expect(output.converged).toBe(true);
    expect(output.estimate).toBeCloseTo(Math.SQRT2, 6);
    const rounds = processor.calls.length;
    expect(run).toHaveHistory([
      'initialize#1 COMPLETED',
      ...Array.from({ length: rounds }, (_, i) => `improve/${i + 1}/iterate#1 COMPLETED`),
      'finalize#1 COMPLETED',
    ]);
    expect(processor.calls.slice(0, 2).map(({ input }) => input)).toEqual([
      { number: 2, estimate: 2 },
      { number: 2, estimate: 1.5 },
    ]);
    expect(rounds).toBeLessThan(10);
  });

  test('stops after ten rounds with what it has', async () => {
    await using mesh = await TestMesh.start();
    const processor = mathematicians(mesh);
    const run = await startExample(mesh, 'iterative-processing.yaml', { number: 1e30 });
    const { status, output } = await run.result();
    expect([status, output.converged, processor.calls.length]).toEqual(['COMPLETED', false, 10]);
    expect(run.history().at(-1)?.path).toBe('finalize');
  });
});

describe('batch-processor.yaml', () => {
  const ROWS = 25;
  const SIZE = 10;

  function source({ cursor }: { readonly cursor: number }) {
    const end = Math.min(ROWS, cursor + SIZE);
    return { rows: Array.from({ length: end - cursor }, (_, i) => cursor + i), cursor: end, hasMore: end < ROWS };
  }

  test('stores every row once, batch after batch', async () => {
    await using mesh = await TestMesh.start();
    const stored: number[] = [];
    const worker = mesh.agent('worker').setResponse('fetch-batch', source).setResponse('report-batches', null);
    worker.setResponse('store-batch', ({ rows }) => void stored.push(...rows));
    const run = await startExample(mesh, 'batch-processor.yaml');
    expect(run).toHaveHistory([
      'batches/1/fetch#1 COMPLETED',
      'batches/1/store#1 COMPLETED',
      'batches/2/fetch#1 COMPLETED',
      'batches/2/store#1 COMPLETED',
      'batches/3/fetch#1 COMPLETED',
      'batches/3/store#1 COMPLETED',
      'finish#1 COMPLETED',
    ]);
    expect(stored).toEqual(Array.from({ length: ROWS }, (_, i) => i));
    expect(callsOf(worker).at(-1)).toBe('report-batches {"until":25}');
    expect((await run.result()).status).toBe('COMPLETED');
  });

  test('goes on with the batch that was under way after the control plane was killed', async () => {
    await using mesh = await TestMesh.start();
    const stored: number[] = [];
    const worker = mesh.agent('worker').setResponse('fetch-batch', source).setResponse('report-batches', null);
    worker.setResponse('store-batch', ({ rows }) => void stored.push(...rows)).setDelay('store-batch', '10s');
    const run = await startExample(mesh, 'batch-processor.yaml');
    await mesh.advance('15s');
    await mesh.restart();
    await mesh.advance('2m');
    expect(stored).toEqual(Array.from({ length: ROWS }, (_, i) => i));
    expect(run.history().map(({ path }) => path)).toHaveLength(7);
    expect((await run.result()).status).toBe('COMPLETED');
  });
});

describe('plan-create-review.yaml', () => {
  function studio(mesh: TestMesh, scores: readonly number[]) {
    let round = 0;
    mesh.agent('planner').setResponse('plan', ({ topic }) => [`introduce ${topic}`]);
    const writer = mesh.agent('writer').setResponse('create', ({ draft, notes }) => ({
      draft: `${draft ?? 'draft'}${notes.length > 0 ? '+' : ''}`,
    }));
    mesh.agent('reviewer').setResponse('review', () => ({ score: scores[round++], notes: [`note ${round}`] }));
    return { writer, press: mesh.agent('press').setResponse('publish', ({ language }) => `/${language}`) };
  }

  test('writes until the review is content, each round with the notes of the last, and publishes in two languages', async () => {
    await using mesh = await TestMesh.start();
    const { writer, press } = studio(mesh, [0.5, 0.94, 0.95]);
    const run = await startExample(mesh, 'plan-create-review.yaml', { topic: 'trains' });
    expect(run).toHaveHistory([
      'plan#1 COMPLETED',
      'revise/1/create#1 COMPLETED',
      'revise/1/review#1 COMPLETED',
      'revise/2/create#1 COMPLETED',
      'revise/2/review#1 COMPLETED',
      'revise/3/create#1 COMPLETED',
      'revise/3/review#1 COMPLETED',
      'publish-en#1 COMPLETED',
      'publish-de#1 COMPLETED',
    ]);
    expect(writer.calls.map(({ input }) => input)).toEqual([
      { plan: ['introduce trains'], draft: null, notes: [] },
      { plan: ['introduce trains'], draft: 'draft', notes: ['note 1'] },
      { plan: ['introduce trains'], draft: 'draft+', notes: ['note 2'] },
    ]);
    expect(callsOf(press)).toEqual([
      'publish {"draft":"draft++","language":"en"}',
      'publish {"draft":"draft++","language":"de"}',
    ]);
    expect((await run.result()).output).toEqual({
      score: 0.95,
      published: { 'publish-en': '/en', 'publish-de': '/de' },
    });
  });

  test('publishes nothing when five rounds were not enough', async () => {
    await using mesh = await TestMesh.start();
    const { writer, press } = studio(mesh, [0.1, 0.2, 0.3, 0.4, 0.5, 1]);
    const run = await startExample(mesh, 'plan-create-review.yaml', { topic: 'trains' });
    expect((await run.result()).error).toMatchObject({ code: 'LOOP_LIMIT', step: 'revise' });
    expect([writer.calls.length, press.calls.length]).toEqual([5, 0]);
  });
});

test('social-post.yaml: measures three times, an hour apart, each with what the one before it saw', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  worker.setResponse('publish', { post: 'p-1' }).setResponse('measure', ({ before }) => ({ views: before + 100 }));
  mesh.agent('researcher').setResponse('research', { trend: 'steam' });
  mesh.agent('writer').setResponse('create', ({ trend }) => ({ text: `All about ${trend}` }));
  const run = await startExample(mesh, 'social-post.yaml');
  await mesh.advance('3h');
  expect(callsOf(worker)).toEqual([
    'publish {"text":"All about steam"}',
    'measure {"before":0,"post":"p-1"}',
    'measure {"before":100,"post":"p-1"}',
    'measure {"before":200,"post":"p-1"}',
  ]);
  const starts = run.history().filter(({ path }) => path.endsWith('/measure'));
  expect(starts.map(({ startedAt }) => (startedAt - (starts[0]?.startedAt ?? 0)) / 3_600_000)).toEqual([0, 1, 2]);
  expect((await run.result()).output).toEqual({ post: 'p-1', views: 300 });
});
