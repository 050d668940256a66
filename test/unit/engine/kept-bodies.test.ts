/**
 * What another try keeps of loops and maps, in both ways: the same run once more (`retries`), and a new run that takes over what is
 * done (`runs retry`). The histories of both are the same, but for the numbers of attempts.
 */
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { child, expectReplay, flow, loop, map, parallel, sequential, step } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

/** How a run that failed goes on. */
const WAYS = ['the next try of a run', 'a run that is a retry'] as const;

interface Told {
  readonly output: unknown;
  /** What started before the failure, and what starts after it; without numbers. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly run: TestRun;
}

/** `echo` answers with its input; `frail`, too, but for the first time that it is given one of `broken`. */
function worker(mesh: TestMesh, ...broken: readonly unknown[]): void {
  const left = new Set(broken.map((value) => JSON.stringify(value)));
  mesh
    .agent('worker', { slots: 20 })
    .setResponse('echo', (input: unknown) => input)
    .setResponse('frail', (input: unknown) => {
      if (left.delete(JSON.stringify(input))) throw new Error('not yet');
      return input;
    });
}

const echo = (id: string, parameters: unknown, more: Source = {}): Source => ({
  id,
  action: 'echo',
  parameters,
  ...more,
});
const frail = (id: string, parameters: unknown, more: Source = {}): Source => ({
  id,
  action: 'frail',
  parameters,
  ...more,
});

async function tell(
  mesh: TestMesh,
  way: (typeof WAYS)[number],
  steps: readonly Source[],
  more: Source = {},
): Promise<Told> {
  const starts = (run: TestRun): readonly string[] => run.history().map(({ path }) => path);
  const isSame = way === 'the next try of a run';
  const old = await mesh.startWorkflow(flow(steps, { ...more, ...(isSame && { retries: 1 }) }));
  const ended = await old.result();
  if (isSame) {
    await expectReplay(mesh, old);
    const failed = old.journal().findIndex(({ type }) => type === 'RunTryStarted');
    const before = startsIn(old.journal().slice(0, failed));
    return { output: ended.output, before, after: startsIn(old.journal().slice(failed)), run: old };
  }
  expect(ended.status).toBe('FAILED');
  const run = await mesh.retryRun(old.id);
  const { output, status } = await run.result();
  expect(status).toBe('COMPLETED');
  await expectReplay(mesh, run);
  return { output, before: starts(old), after: starts(run), run };
}

function startsIn(events: readonly RunEvent[]): readonly string[] {
  return events.flatMap((event) => (event.type === 'AttemptStarted' ? [event.path] : []));
}

const kindsOf = (run: TestRun, path: string): readonly string[] =>
  run.journal().flatMap((event) => ('path' in event && event.path === path ? [event.type] : []));

describe.each(WAYS)('%s', (way) => {
  test('keeps the items of a map that completed, and gives all outputs in order', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 20, 40);
    const told = await tell(mesh, way, [map('each', '[10, 20, 30, 40, 50]', frail('f', '${{ item }}'))], {
      output: '${{ steps.each.output }}',
    });
    expect(told.before).toEqual(['each/0/f', 'each/1/f', 'each/2/f', 'each/3/f', 'each/4/f']);
    expect(told.after).toEqual(['each/1/f', 'each/3/f']);
    expect(told.output).toEqual([10, 20, 30, 40, 50]);
    const { steps } = await mesh.orchestrator.getRun(told.run.id);
    expect(steps.find(({ path }) => path === 'each')?.items).toEqual({ total: 5, started: 5, ended: 5, failed: 0 });
  });

  test('begins a map with its window, and the items that are left in their order', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 1);
    const limits = { concurrency: 2, onFailure: 'failFast' };
    const told = await tell(mesh, way, [map('each', '[0, 1, 2, 3, 4]', frail('f', '${{ item }}'), limits)], {
      output: '${{ steps.each.output }}',
    });
    expect(told.before.slice(0, 2)).toEqual(['each/0/f', 'each/1/f']);
    expect(told.after).toEqual(['each/1/f', 'each/2/f', 'each/3/f', 'each/4/f']);
    expect(told.output).toEqual([0, 1, 2, 3, 4]);
  });

  test('goes on with the list of the items that it keeps, also when it would be another one', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 2);
    const told = await tell(mesh, way, [map('each', '[run.try, 2, size(run.id)]', frail('f', '${{ item }}'))], {
      output: '${{ steps.each.output }}',
    });
    expect(told.after).toEqual(['each/1/f']);
    expect(told.output).toEqual([1, 2, expect.any(Number)]);
  });

  test('does an item anew that did not complete, with all that completed in it', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 2);
    const body = sequential('s', [echo('a', '${{ item }}'), frail('b', '${{ steps.a.output }}')]);
    const told = await tell(mesh, way, [map('each', '[1, 2]', body)], { output: '${{ steps.each.output }}' });
    expect(told.after).toEqual(['each/1/a', 'each/1/b']);
    expect(told.output).toEqual([1, 2]);
  });

  test('begins a map anew that comes after a step which starts again', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 'x', 2);
    const told = await tell(
      mesh,
      way,
      [frail('x', 'x', { onFailure: 'continue' }), map('each', '[1, 2]', frail('f', '${{ item }}'))],
      { output: '${{ steps.each.output }}' },
    );
    expect(told.after).toEqual(['x', 'each/0/f', 'each/1/f']);
  });

  test('keeps what a map with a quorum has of it, and does no more than it needs', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 1, 2);
    const told = await tell(
      mesh,
      way,
      [map('each', '[1, 2, 3]', frail('f', '${{ item }}'), { quorum: 2, concurrency: 1 })],
      { output: '${{ steps.each.output }}' },
    );
    // With two failures of three the quorum is lost, and the third item does not begin.
    expect(told.before).toEqual(['each/0/f', 'each/1/f']);
    expect(told.after).toEqual(['each/0/f', 'each/1/f']);
    expect(told.output).toEqual([1, 2, null]);
  });

  test('keeps the iterations of a loop that ended, with `iteration`, `last` and the output as they would have been', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, { i: 3, last: { i: 2, last: { i: 1, last: null } } });
    const told = await tell(
      mesh,
      way,
      [
        loop('l', [echo('a', '${{ iteration }}'), frail('b', { i: '${{ steps.a.output }}', last: '${{ last }}' })], {
          until: 'iteration >= 4',
        }),
      ],
      { output: '${{ steps.l.output }}' },
    );
    expect(told.before).toEqual(['l/1/a', 'l/1/b', 'l/2/a', 'l/2/b', 'l/3/a', 'l/3/b']);
    expect(told.after).toEqual(['l/3/b', 'l/4/a', 'l/4/b']);
    expect(told.output).toEqual({ i: 4, last: { i: 3, last: { i: 2, last: { i: 1, last: null } } } });
  });

  test('goes on in the first iteration of a loop without asking `while` once more', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 1);
    const told = await tell(
      mesh,
      way,
      [loop('l', [echo('a', '${{ iteration }}'), frail('b', '${{ iteration }}')], { while: 'iteration <= 2' })],
      { output: '${{ steps.l.output }}' },
    );
    expect(told.before).toEqual(['l/1/a', 'l/1/b']);
    expect(told.after).toEqual(['l/1/b', 'l/2/a', 'l/2/b']);
    expect(told.output).toBe(2);
  });

  test('a loop in a parallel in a loop keeps its iterations, and those of the loop around it', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, [2, 2]);
    const inner = loop('inner', [frail('f', ['${{ steps.o.output }}', '${{ iteration }}'])], {
      until: 'iteration >= 3',
    });
    const body = [echo('o', '${{ iteration }}'), parallel('p', [inner, echo('beside', '${{ iteration }}')])];
    const told = await tell(mesh, way, [loop('outer', body, { until: 'iteration >= 2' })], {
      output: '${{ steps.outer.output }}',
    });
    expect(told.before.filter((path) => path.endsWith('/f'))).toEqual([
      'outer/1/inner/1/f',
      'outer/1/inner/2/f',
      'outer/1/inner/3/f',
      'outer/2/inner/1/f',
      'outer/2/inner/2/f',
    ]);
    expect(told.after).toEqual(['outer/2/inner/2/f', 'outer/2/inner/3/f']);
    expect(told.output).toEqual({ inner: [2, 3], beside: 2 });
  });

  test('a map in an iteration of a loop keeps its items', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, [2, 'y']);
    const each = map('each', "['x', 'y', 'z']", frail('f', ['${{ iteration }}', '${{ item }}']));
    const told = await tell(mesh, way, [loop('l', [each], { until: 'iteration >= 2' })], {
      output: '${{ steps.l.output }}',
    });
    expect(told.after).toEqual(['l/2/each/1/f']);
    expect(told.output).toEqual([
      [2, 'x'],
      [2, 'y'],
      [2, 'z'],
    ]);
  });

  test('a loop in an item that did not complete begins with its item', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, [1, 2]);
    const inner = loop('l', [frail('f', ['${{ index }}', '${{ iteration }}'])], { until: 'iteration >= 2' });
    const told = await tell(mesh, way, [map('each', "['x', 'y']", inner)], { output: '${{ steps.each.output }}' });
    expect(told.after).toEqual(['each/1/l/1/f', 'each/1/l/2/f']);
    expect(told.output).toEqual([
      [0, 2],
      [1, 2],
    ]);
  });

  test('child runs of items and iterations that are kept are not started again', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, [2, 1], 'c');
    await mesh.registerWorkflow(
      flow([frail('work', '${{ params.of }}')], { name: 'Sub', output: '${{ steps.work.output }}' }),
    );
    const inLoop = [
      child('one', 'Sub', { parameters: { of: ['${{ iteration }}', 0] } }),
      child('two', 'Sub', { parameters: { of: ['${{ iteration }}', 1] } }),
    ];
    const told = await tell(
      mesh,
      way,
      [
        parallel('p', [
          loop('l', inLoop, { until: 'iteration >= 2' }),
          map('each', "['a', 'c', 'd']", child('call', 'Sub', { parameters: { of: '${{ item }}' } })),
        ]),
      ],
      { output: '${{ steps.p.output }}' },
    );
    expect(told.output).toEqual({ l: [2, 1], each: ['a', 'c', 'd'] });
    const children = told.run.journal().flatMap((event) => (event.type === 'ChildStarted' ? [event.path] : []));
    const again = ['each/1/call', 'l/2/two'];
    expect(children.slice(-2).toSorted()).toEqual(again);
    expect(children).toHaveLength(way === 'the next try of a run' ? 9 : 2);
  });

  test('values beside the journal are kept, too', async () => {
    await using mesh = await TestMesh.start();
    const large = 'x'.repeat(20_000);
    worker(mesh, { i: 1, large });
    const told = await tell(
      mesh,
      way,
      [
        echo('make', large),
        map('each', '[0, 1, 2].map(i, {"i": i, "large": steps.make.output})', frail('f', '${{ item }}')),
      ],
      { output: '${{ steps.each.output.map(given, given.i + size(given.large)) }}' },
    );
    expect(told.after).toEqual(['each/1/f']);
    expect(told.output).toEqual([20_000, 20_001, 20_002]);
  });

  test('a loop and a map of the cleanup begin anew in every try', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 'x');
    const told = await tell(mesh, way, [frail('x', 'x')], {
      finally: [
        loop('l', [echo('a', '${{ iteration }}')], { until: 'iteration >= 2' }),
        map('each', '[1, 2]', echo('b', '${{ item }}')),
      ],
    });
    const cleanup = ['l/1/a', 'l/2/a', 'each/0/b', 'each/1/b'];
    expect(told.before).toEqual(['x', ...cleanup]);
    expect(told.after).toEqual(['x', ...cleanup]);
  });

  test('survives a restart while the items that are left run', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh, 2);
    mesh
      .agent('slow')
      .setResponse('slow', (input: unknown) => input)
      .setDelay('slow', '10s');
    const body = sequential('s', [frail('f', '${{ item }}'), { id: 'w', action: 'slow', parameters: '${{ item }}' }]);
    const old = await mesh.startWorkflow(
      flow([map('each', '[1, 2, 3]', body)], {
        output: '${{ steps.each.output }}',
        ...(way === 'the next try of a run' && { retries: 1 }),
      }),
    );
    await mesh.advance('12s');
    const run = way === 'the next try of a run' ? old : await mesh.retryRun(old.id);
    await mesh.advance('1s');
    await mesh.restart();
    await mesh.advance('30s');
    await expectReplay(mesh, run);
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [1, 2, 3] });
    expect(kindsOf(run, 'each').filter((type) => type === 'BodyStarted')).toHaveLength(
      way === 'the next try of a run' ? 4 : 1,
    );
  });
});

test('what a retry kept is kept by the next one, too', async () => {
  await using mesh = await TestMesh.start();
  let missing = 3;
  mesh.agent('worker', { slots: 10 }).setResponse('f', (input: unknown) => {
    if (Number(input) <= missing) throw new Error('not yet');
    return input;
  });
  const definition = flow([map('each', '[1, 2, 3, 4]', step('f', { parameters: '${{ item }}' }))], {
    output: '${{ steps.each.output }}',
  });
  let run = await mesh.startWorkflow(definition);
  const stories: (readonly string[])[] = [];
  for (; missing >= 0; missing--) {
    await run.result();
    stories.push(run.history().map(({ path }) => path));
    if (missing > 0) run = await mesh.retryRun(run.id);
  }
  expect(stories.slice(1)).toEqual([
    ['each/0/f', 'each/1/f', 'each/2/f'],
    ['each/0/f', 'each/1/f', 'each/2/f'],
    ['each/0/f', 'each/1/f'],
  ]);
});

test('an item that completed and was kept is undone when no try completes', async () => {
  await using mesh = await TestMesh.start();
  const undone: unknown[] = [];
  mesh
    .agent('worker', { slots: 10 })
    .setResponse('a', (input: unknown) => input)
    .failWith('b', 'NO')
    .setResponse('undo', (input: unknown) => {
      undone.push(input);
      return {};
    });
  const body = sequential('s', [
    step('a', {
      parameters: '${{ item }}',
      compensate: { id: 'undo', action: 'undo', parameters: { of: '${{ item }}' } },
    }),
    step('b', { when: 'item == 2', onFailure: 'fail' }),
  ]);
  const run = await mesh.startWorkflow(flow([map('each', '[1, 2]', body, { concurrency: 1 })], { retries: 1 }));
  expect((await run.result()).status).toBe('FAILED');
  expect(run.history().map(({ path }) => path)).toEqual([
    'each/0/a',
    'each/1/a',
    'each/1/b',
    'each/1/a',
    'each/1/b',
    'each/1/undo',
    'each/0/undo',
  ]);
  expect(undone).toEqual([{ of: 2 }, { of: 1 }]);
  await expectReplay(mesh, run);
});
