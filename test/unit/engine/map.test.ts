/** Items of a map run side by side within its window, each with steps of its own, and leave nothing behind but their output. */
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, map, parallel, sequential, startsOf, statuses, step, stepThrough } from './flow.ts';

/** Beginnings and ends of items with the attempts between. */
function itemsOf(run: TestRun): readonly string[] {
  return run.journal().flatMap((event: RunEvent) => {
    switch (event.type) {
      case 'BodyStarted':
        return [`begin ${event.path}/${event.number}`];
      case 'BodyEnded':
        return [`done ${event.path}/${event.number}${event.status === undefined ? '' : ` ${event.status}`}`];
      case 'AttemptStarted':
        return [`start ${event.path}#${event.number}`];
      case 'AttemptEnded':
        return [`end ${event.path}#${event.number} ${event.outcome}`];
      default:
        return [];
    }
  });
}

/** The most items that ran at once. */
function widestOf(run: TestRun): number {
  let open = 0;
  let most = 0;
  for (const line of itemsOf(run)) {
    if (line.startsWith('begin')) most = Math.max(most, ++open);
    if (line.startsWith('done')) open -= 1;
  }
  return most;
}

const each = (id: string, more: object = {}) => step(id, { parameters: '${{ item }}', ...more });
const output = { output: '${{ steps.each.output }}' };

test('runs the step once for each item, at most `concurrency` at once, and gives what they gave in the order of the items', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('after', (input) => input);
  worker.setResponse('double', async (input) => {
    // The first takes longest: the order of the ends is not that of the items.
    await mesh.sleep(Number(input) === 1 ? '9s' : '2s');
    return Number(input) * 2;
  });
  const run = await mesh.startWorkflow(
    flow([
      map('each', 'params.list', each('double'), { concurrency: 2 }),
      step('after', { parameters: '${{ steps.each.output }}' }),
    ]),
    { list: [1, 2, 3] },
  );
  await stepThrough(mesh, run, 10_000);
  expect(itemsOf(run)).toEqual([
    'begin each/0',
    'begin each/1',
    'start each/0/double#1',
    'start each/1/double#1',
    'end each/1/double#1 COMPLETED',
    'done each/1',
    'begin each/2',
    'start each/2/double#1',
    'end each/2/double#1 COMPLETED',
    'done each/2',
    'end each/0/double#1 COMPLETED',
    'done each/0',
    'start after#1',
    'end after#1 COMPLETED',
  ]);
  expect(worker.calls.at(-1)?.input).toEqual([2, 4, 6]);
  expect(await statuses(run)).toEqual({ each: 'COMPLETED', after: 'COMPLETED' });
  await expectReplay(mesh, run);
});

test('expressions in it see `item`, also in part, and `index`, which is an integer', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', (input) => input);
  const parameters = { name: '${{ item.name }}', i: '${{ index }}', next: '${{ index + 1 }}', text: 'no ${{ index }}' };
  const run = await mesh.startWorkflow(
    flow([map('each', '[{"name": "x"}, {"name": params.y}]', step('a', { parameters }))], output),
    { y: 'why' },
  );
  expect((await run.result()).output).toEqual([
    { name: 'x', i: 0, next: 1, text: 'no 0' },
    { name: 'why', i: 1, next: 2, text: 'no 1' },
  ]);
  expect(worker.calls).toHaveLength(2);
});

test('items may be a list that is written out, with expressions in it', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', (input) => input);
  const run = await mesh.startWorkflow(flow([map('each', ['eu', '${{ params.n }}', null], each('a'))], output), {
    n: 7,
  });
  expect((await run.result()).output).toEqual(['eu', 7, null]);
});

test('a hundred items run at once when it does not say how many', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker', { slots: 200 }).setResponse('a', 1).setDelay('a', '1s');
  const list = Array.from({ length: 250 }, (_, i) => i);
  const run = await mesh.startWorkflow(flow([map('each', 'params.list', each('a'))], output), { list });
  await mesh.advance('10s');
  expect((await run.result()).output).toEqual(list.map(() => 1));
  expect(widestOf(run)).toBe(limits.mapConcurrencyDefault);
  await expectReplay(mesh, run);
});

test('no items: the map completes at once with an empty list', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([map('each', '[]', each('a'))], output));
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [] });
  expect(itemsOf(run)).toEqual([]);
  await expectReplay(mesh, run);
});

describe('items that are no list', () => {
  test.each([
    ['params.n', 'a number'],
    ['"abc"', 'a string'],
    ['{"a": 1}', 'an object'],
    ['null', 'null'],
    ['true', 'a boolean'],
  ])('%s fails the map with NOT_A_LIST and says that it is %s', async (items, kind) => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', 1).setResponse('after', 1);
    const run = await mesh.startWorkflow(flow([map('each', items, each('a')), step('after')]), { n: 3 });
    const { status, error } = await run.result();
    expect([status, error?.code, error?.step]).toEqual(['FAILED', 'NOT_A_LIST', 'each']);
    expect(error?.message).toContain(`is ${kind}, not a list`);
    expect(startsOf(run)).toEqual([]);
    await expectReplay(mesh, run);
  });
});

test('a list is taken up to its limits in items and in bytes', async () => {
  await using mesh = await TestMesh.start();
  const source = mesh.agent('source');
  const codeOf = async (list: readonly unknown[]): Promise<string | undefined> => {
    source.setResponse('list', list);
    const items = flow([step('list'), map('each', 'steps.list.output', { id: 'v', type: 'set', set: 1 })]);
    const run = await mesh.startWorkflow(items);
    return (await run.result()).error?.code;
  };
  expect(await codeOf(Array.from({ length: limits.mapItemsMax }, () => 1))).toBeUndefined();
  expect(await codeOf(Array.from({ length: limits.mapItemsMax + 1 }, () => 1))).toBe('TOO_MANY_ITEMS');
  const frame = encodeValue(['x'.repeat(1_000_000)]).length - 1_000_000;
  const sized = (bytes: number): readonly unknown[] => ['x'.repeat(bytes - frame)];
  expect(await codeOf(sized(limits.expressionReadBytesMax))).toBeUndefined();
  expect(await codeOf(sized(limits.expressionReadBytesMax + 1))).toBe('LIMIT');
});

describe('the failure of an item', () => {
  const mapped = (more: object) =>
    flow([map('each', '[0, 1, 2, 3]', each('work'), { concurrency: 2, ...more }), step('after')], output);

  /** Item 1 fails at once, the others take a second. */
  function worker(mesh: TestMesh): void {
    mesh
      .agent('worker')
      .setResponse('work', async (input, { signal }) => {
        if (input === 1) throw new Error('broken');
        await mesh.sleep('1s', signal);
        return Number(input) * 10;
      })
      .setResponse('after', 1);
  }

  test('waitAll: the others run, also those that had not started, and then the map fails with it', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(mapped({}));
    await stepThrough(mesh, run, 5_000);
    const { status, error } = await run.result();
    expect([status, error?.step]).toEqual(['FAILED', 'each/1/work']);
    expect(startsOf(run)).toEqual(['each/0/work', 'each/1/work', 'each/2/work', 'each/3/work']);
    expect(itemsOf(run).filter((line) => line.startsWith('done'))).toEqual([
      'done each/1 FAILED',
      'done each/0',
      'done each/2',
      'done each/3',
    ]);
    expect(await statuses(run)).toEqual({ each: 'FAILED', after: 'SKIPPED' });
  });

  test('failFast: what runs is stopped, and nothing else begins', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(mapped({ onFailure: 'failFast' }));
    await stepThrough(mesh, run, 20_000);
    expect((await run.result()).error?.step).toBe('each/1/work');
    expect(itemsOf(run)).toEqual([
      'begin each/0',
      'begin each/1',
      'start each/0/work#1',
      'start each/1/work#1',
      'end each/1/work#1 FAILED',
      'done each/1 FAILED',
      'end each/0/work#1 CANCELLED',
      'done each/0 CANCELLED',
    ]);
    await expectReplay(mesh, run);
  });

  test('continue: the map completes, with null for it', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(mapped({ onFailure: 'continue' }));
    await stepThrough(mesh, run, 5_000);
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [0, null, 20, 30] });
    expect(await statuses(run)).toEqual({ each: 'COMPLETED', after: 'COMPLETED' });
  });

  test('a quorum that is reached stops the rest; what did not complete is null', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(mapped({ quorum: 2 }));
    await stepThrough(mesh, run, 20_000);
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [0, null, 20, null] });
    expect(itemsOf(run).filter((line) => line.startsWith('done'))).toEqual([
      'done each/1 FAILED',
      'done each/0',
      'done each/2',
      'done each/3 CANCELLED',
    ]);
  });

  test('a quorum that cannot be reached any more fails the map and stops the rest', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(mapped({ quorum: 4 }));
    await stepThrough(mesh, run, 20_000);
    const { error } = await run.result();
    expect([error?.code, error?.step]).toEqual(['QUORUM_NOT_REACHED', 'each']);
    expect(error?.message).toContain('of 4 items (of 4)');
    expect(startsOf(run)).toEqual(['each/0/work', 'each/1/work']);
    const short = await mesh.startWorkflow(mapped({ quorum: 5 }));
    expect((await short.result()).error?.code).toBe('QUORUM_NOT_REACHED');
    expect(startsOf(short)).toEqual([]);
  });

  test('that its own step handles is none: the item gives null', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(
      flow([map('each', '[1, 2]', each('work', { onFailure: 'continue' }))], output),
    );
    await mesh.advance('5s');
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [null, 20] });
  });
});

test('a step that `when` skips gives null for its item', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', (input) => input);
  const run = await mesh.startWorkflow(flow([map('each', '[1, 2, 3]', each('a', { when: 'item != 2' }))], output));
  expect((await run.result()).output).toEqual([1, null, 3]);
  expect(itemsOf(run)).toContain('done each/1 SKIPPED');
  await expectReplay(mesh, run);
});

test('an expression of the step that fails is the failure of its item', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', (input) => input);
  const items = '[{"n": 1}, {"m": 2}]';
  const run = await mesh.startWorkflow(flow([map('each', items, step('a', { parameters: '${{ item.n }}' }))]));
  expect((await run.result()).error).toMatchObject({ code: 'MISSING_DATA', step: 'each/1/a' });
  expect(startsOf(run)).toEqual(['each/0/a']);
});

test('a step is tried again within its item', async () => {
  await using mesh = await TestMesh.start();
  const failed = new Set<unknown>();
  mesh.agent('worker').setResponse('a', (input) => {
    if (failed.has(input)) return input;
    failed.add(input);
    throw new Error('flaky');
  });
  const retry = { tries: 2, backoff: '1s', jitter: false };
  const run = await mesh.startWorkflow(flow([map('each', '[1, 2]', each('a', { retry }))], output));
  await stepThrough(mesh, run, 5_000);
  expect(run).toHaveHistory(['each/0/a#1 FAILED', 'each/1/a#1 FAILED', 'each/0/a#2 COMPLETED', 'each/1/a#2 COMPLETED']);
  expect((await run.result()).output).toEqual([1, 2]);
});

describe('the step may be a block', () => {
  test('a row, whose last step gives the output of the item', async () => {
    await using mesh = await TestMesh.start();
    mesh
      .agent('worker')
      .setResponse('fetch', (input) => ({ of: input }))
      .setResponse('store', (input) => input);
    const row = sequential('row', [each('fetch'), step('store', { parameters: '${{ steps.fetch.output }}' })]);
    const run = await mesh.startWorkflow(flow([map('each', '["a", "b"]', row, { concurrency: 1 })], output));
    expect((await run.result()).output).toEqual([{ of: 'a' }, { of: 'b' }]);
    expect(startsOf(run)).toEqual(['each/0/fetch', 'each/0/store', 'each/1/fetch', 'each/1/store']);
    await expectReplay(mesh, run);
  });

  test('a parallel: its outputs are put together, and a large one is stored beside the journal', async () => {
    await using mesh = await TestMesh.start();
    const large = 'x'.repeat(9_000);
    mesh
      .agent('worker')
      .setResponse('a', large)
      .setResponse('b', (input) => input);
    const run = await mesh.startWorkflow(
      flow([map('each', '[1, 2]', parallel('both', [step('a'), each('b')]))], output),
    );
    expect((await run.result()).output).toEqual([
      { a: large, b: 1 },
      { a: large, b: 2 },
    ]);
    const ends = run.journal().flatMap((event) => (event.type === 'BodyEnded' ? [event.output?.kind] : []));
    expect(ends).toEqual(['blob', 'blob']);
    await expectReplay(mesh, run);
  });

  test('maps in maps, and loops in maps and maps in loops: each sees its own, and what is outside', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', (input) => input);
    const a = step('a', { parameters: ['${{ item }}', '${{ index }}', '${{ iteration }}'] });
    const inLoop = flow([loop('l', [map('each', '[iteration, 7]', a)], { until: 'iteration == 2' })], {
      output: '${{ steps.l.output }}',
    });
    const looped = await mesh.startWorkflow(inLoop);
    expect((await looped.result()).output).toEqual([
      [2, 0, 2],
      [7, 1, 2],
    ]);
    expect(startsOf(looped)).toEqual(['l/1/each/0/a', 'l/1/each/1/a', 'l/2/each/0/a', 'l/2/each/1/a']);
    const inMap = flow([map('each', '[5, 6]', loop('l', [a], { while: 'iteration <= item - 4' }))], output);
    const mapped = await mesh.startWorkflow(inMap);
    expect((await mapped.result()).output).toEqual([
      [5, 0, 1],
      [6, 1, 2],
    ]);
    expect(startsOf(mapped)).toEqual(['each/0/l/1/a', 'each/1/l/1/a', 'each/1/l/2/a']);
    const deep = map('inner', 'item', step('a', { parameters: ['${{ item }}', '${{ index }}'] }));
    const nested = await mesh.startWorkflow(flow([map('each', '[[1, 2], [], [3]]', deep)], output));
    expect((await nested.result()).output).toEqual([
      [
        [1, 0],
        [2, 1],
      ],
      [],
      [[3, 0]],
    ]);
    expect(startsOf(nested)).toEqual(['each/0/inner/0/a', 'each/0/inner/1/a', 'each/2/inner/0/a']);
    for (const run of [looped, mapped, nested]) await expectReplay(mesh, run);
  });

  test('a value and a branch need no agent: all items end in one decision', async () => {
    await using mesh = await TestMesh.start();
    const pick = {
      id: 'pick',
      type: 'condition',
      if: 'item > 1',
      then: [{ id: 'big', type: 'set', set: 'big ${{ item }}' }],
      else: [{ id: 'small', type: 'set', set: '${{ index }}' }],
    };
    const run = await mesh.startWorkflow(flow([map('each', '[1, 2, 3]', pick, { concurrency: 1 })], output));
    expect((await run.result()).output).toEqual([0, 'big 2', 'big 3']);
    await expectReplay(mesh, run);
  });

  test('items that wait for signals take them one after the other', async () => {
    await using mesh = await TestMesh.start();
    const ask = { id: 'ask', type: 'signal', signal: 'go', title: 'item ${{ item }}', output: 'result.payload' };
    const run = await mesh.startWorkflow(flow([map('each', '["a", "b"]', ask)], output));
    await run.handle.signal('go', 1);
    await run.handle.signal('go', 2);
    await mesh.settle();
    expect((await run.result()).output).toEqual([1, 2]);
    await expectReplay(mesh, run);
  });
});

test('`output` of a map sees the list as `result`', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', (input) => input);
  const more = { output: '{"kept": result.filter(n, n > 1), "of": size(result)}' };
  const run = await mesh.startWorkflow(flow([map('each', '[1, 2, 3]', each('a'), more)], output));
  expect((await run.result()).output).toEqual({ kept: [2, 3], of: 3 });
});

test('the list is evaluated once: neither a later item nor a restart sees another one', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker')
    .setResponse('a', (input) => input)
    .setDelay('a', '10s');
  const run = await mesh.startWorkflow(
    flow([map('each', '[string(now), string(now), params.pad]', each('a'), { concurrency: 1 })]),
    { pad: 'p'.repeat(10_000) },
  );
  await mesh.advance('15s');
  mesh.crash();
  await mesh.restart();
  await stepThrough(mesh, run, 60_000);
  expect((await run.result()).status).toBe('COMPLETED');
  const [first, second, third] = worker.calls.map(({ input }) => input);
  expect(second).toBe(first);
  expect(third).toBe('p'.repeat(10_000));
  expect(run.journal().filter(({ type }) => type === 'BlockStarted')).toHaveLength(1);
});

test('goes on after the control plane was killed: ended items stay ended, and the rest follows', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh
    .agent('worker', { slots: 2 })
    .setResponse('a', (input) => input)
    .setDelay('a', '10s');
  const run = await mesh.startWorkflow(flow([map('each', '[1, 2, 3, 4, 5]', each('a'), { concurrency: 2 })], output));
  for (const at of ['12s', '10s']) {
    await mesh.advance(at);
    mesh.crash();
    await mesh.restart();
    await expectReplay(mesh, run);
  }
  await stepThrough(mesh, run, 60_000);
  expect((await run.result()).output).toEqual([1, 2, 3, 4, 5]);
  expect(worker.calls.map(({ input }) => input)).toEqual([1, 2, 3, 4, 5]);
});

test('an item whose agent is lost goes to another, within its item', async () => {
  await using mesh = await TestMesh.start();
  const first = mesh.agent('first', { slots: 1 }).crashOn('a');
  const run = await mesh.startWorkflow(flow([map('each', '[1]', each('a'))], output));
  mesh.agent('second').setResponse('a', (input) => input);
  await stepThrough(mesh, run, 120_000);
  expect(run).toHaveHistory(['each/0/a#1 LOST', 'each/0/a#2 COMPLETED']);
  expect(first.busyCount).toBe(0);
  expect((await run.result()).output).toEqual([1]);
});

describe('a map is stopped', () => {
  const endless = (mesh: TestMesh): void => {
    mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h').setResponse('tidy', 1);
  };
  const wide = (more: object = {}, inside: object = each('a')) =>
    map('each', '[1, 2, 3, 4, 5, 6]', inside as ReturnType<typeof step>, { concurrency: 2, ...more });
  const itemEvents = (run: TestRun): readonly string[] =>
    run.journal().flatMap((event) => ('path' in event && /^each\/[2-5]/.test(event.path) ? [event.type] : []));

  test('by a cancel: what runs is stopped, and one event closes what had not started', async () => {
    await using mesh = await TestMesh.start();
    endless(mesh);
    const run = await mesh.startWorkflow(flow([wide()]));
    await run.cancel('enough');
    await stepThrough(mesh, run, 20_000);
    expect((await run.result()).status).toBe('CANCELLED');
    expect(await statuses(run)).toEqual({ each: 'CANCELLED' });
    expect(itemsOf(run)).toEqual([
      'begin each/0',
      'begin each/1',
      'start each/0/a#1',
      'start each/1/a#1',
      'end each/0/a#1 CANCELLED',
      'done each/0 CANCELLED',
      'end each/1/a#1 CANCELLED',
      'done each/1 CANCELLED',
    ]);
    expect(itemEvents(run)).toEqual([]);
  });

  test('by a second cancel: at once, with everything that cleans up in it', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h').setResponse('tidy', 1).setDelay('tidy', '1h');
    const row = sequential('row', [each('a'), step('tidy', { runOn: 'always' })]);
    const run = await mesh.startWorkflow(flow([wide({}, row)]));
    await run.cancel();
    expect(startsOf(run)).toEqual(['each/0/a', 'each/1/a', 'each/0/tidy', 'each/1/tidy']);
    await run.cancel();
    expect((await run.result()).status).toBe('CANCELLED');
    expect(await statuses(run)).toEqual({ each: 'CANCELLED' });
    await expectReplay(mesh, run);
  });

  test('by the timeout of the run, and by its own totalTimeout', async () => {
    await using mesh = await TestMesh.start();
    endless(mesh);
    const timed = await mesh.startWorkflow(flow([wide()], { timeout: '10s' }));
    await stepThrough(mesh, timed, 30_000);
    expect((await timed.result()).error?.code).toBe('RUN_TIMEOUT');
    const total = await mesh.startWorkflow(flow([wide({ totalTimeout: '12s', onFailure: 'continue' }), step('tidy')]));
    await stepThrough(mesh, total, 30_000);
    const { steps, status } = await total.result();
    expect(steps[0]).toMatchObject({ path: 'each', status: 'TIMED_OUT', error: { code: 'TOTAL_TIMEOUT' } });
    // As of a parallel: what its policy handles lets the run go on.
    expect([status, startsOf(total).at(-1)]).toEqual(['COMPLETED', 'tidy']);
    expect(itemEvents(total)).toEqual([]);
  });

  test('by its totalTimeout also when items failed that its policy tolerates, as a parallel is', async () => {
    await using mesh = await TestMesh.start();
    endless(mesh);
    mesh.agent('other').failWith('bad', 'NO');
    const pick = { id: 'pick', type: 'condition', if: 'item == 1', then: [step('bad')], else: [step('a')] };
    const more = { totalTimeout: '12s', onFailure: 'continue' };
    for (const block of [wide(more, pick), parallel('each', [step('bad'), step('a')], more)]) {
      const run = await mesh.startWorkflow(flow([block]));
      await stepThrough(mesh, run, 30_000);
      const { steps } = await run.result();
      expect(steps[0]).toMatchObject({ path: 'each', status: 'TIMED_OUT', error: { code: 'TOTAL_TIMEOUT' } });
    }
  });

  test('by a sibling that fails; what cleans up in an item still runs', async () => {
    await using mesh = await TestMesh.start();
    endless(mesh);
    mesh.agent('other').failWith('bad', 'NO').setDelay('bad', '1s');
    const row = sequential('row', [each('a'), step('tidy', { runOn: 'always' })]);
    const run = await mesh.startWorkflow(
      flow([parallel('p', [wide({}, row), step('bad')], { onFailure: 'failFast' })]),
    );
    await stepThrough(mesh, run, 30_000);
    expect(await statuses(run)).toEqual({ p: 'FAILED', each: 'CANCELLED', bad: 'FAILED' });
    expect(startsOf(run).filter((path) => path.endsWith('tidy'))).toEqual(['each/0/tidy', 'each/1/tidy']);
    expect(itemEvents(run)).toEqual([]);
  });
});

test('a paused run ends the items that run and begins none', async () => {
  await using mesh = await TestMesh.start();
  mesh
    .agent('worker')
    .setResponse('a', (input) => input)
    .setDelay('a', '5s');
  const run = await mesh.startWorkflow(flow([map('each', '[1, 2, 3]', each('a'), { concurrency: 2 })], output));
  await mesh.orchestrator.pauseRun(run.id);
  await stepThrough(mesh, run, 60_000, 6);
  expect(itemsOf(run).filter((line) => /begin|done/.test(line))).toEqual([
    'begin each/0',
    'begin each/1',
    'done each/0',
    'done each/1',
  ]);
  await mesh.orchestrator.resumeRun(run.id);
  await stepThrough(mesh, run, 10_000);
  expect((await run.result()).output).toEqual([1, 2, 3]);
});

test('items that give too much fail the map while it runs, and stop the rest', async () => {
  await using mesh = await TestMesh.start();
  const large = 'x'.repeat(900_000);
  mesh.agent('worker', { slots: 1 }).setResponse('a', large).setResponse('b', 1);
  const list = Array.from({ length: 30 }, (_, i) => i);
  const run = await mesh.startWorkflow(
    flow([map('each', 'params.list', each('a'), { concurrency: 1, onFailure: 'continue' })], output),
    { list },
  );
  await mesh.advance('1m');
  const most = Math.floor(limits.mapOutputBytesMax / encodeValue(large).length);
  expect(startsOf(run)).toHaveLength(most + 1);
  const { steps } = await run.result();
  expect(steps[0]).toMatchObject({ path: 'each', status: 'FAILED', error: { code: 'LIMIT', step: 'each' } });
  const fewer = await mesh.startWorkflow(flow([map('each', 'params.list', each('a'), { concurrency: 1 }), step('b')]), {
    list: list.slice(0, most),
  });
  expect((await fewer.result()).status).toBe('COMPLETED');
});

test('items that were stopped and gave too much all the same fail it at its end', async () => {
  await using mesh = await TestMesh.start();
  const large = 'x'.repeat(900_000);
  mesh.agent('worker', { slots: 30 }).setResponse('a', async () => {
    // Deaf to the stop: what comes in the grace counts.
    await mesh.sleep('1s');
    return large;
  });
  const list = Array.from({ length: 30 }, (_, i) => i);
  const run = await mesh.startWorkflow(flow([map('each', 'params.list', each('a'), { quorum: 1 })]), { list });
  await mesh.advance('20s');
  expect((await run.result()).error).toMatchObject({ code: 'LIMIT', step: 'each' });
  expect(itemsOf(run).filter((line) => line.startsWith('done'))).toHaveLength(30);
});

test('another try takes a map over that COMPLETED, and of one that did not the items that did', async () => {
  await using mesh = await TestMesh.start();
  let isMended = false;
  const worker = mesh.agent('worker').setResponse('a', (input) => input);
  worker.setResponse('b', (input) => {
    if (!isMended && input === 2) throw new Error('broken');
    return input;
  });
  const old = await mesh.startWorkflow(
    flow([map('each', '[1, 2]', each('a')), map('more', 'steps.each.output', each('b'))], {
      output: ['${{ steps.each.output }}', '${{ steps.more.output }}'],
    }),
  );
  expect((await old.result()).error?.step).toBe('more/1/b');
  isMended = true;
  const run = await mesh.retryRun(old.id);
  expect(await run.result()).toMatchObject({
    status: 'COMPLETED',
    output: [
      [1, 2],
      [1, 2],
    ],
  });
  expect(startsOf(run)).toEqual(['more/1/b']);
  await expectReplay(mesh, run);
});

describe('what a reader sees', () => {
  const list = Array.from({ length: 40 }, (_, i) => i);
  const watched = flow([map('each', 'params.list', each('a'), { concurrency: 30, onFailure: 'continue' }), step('b')]);
  const worker = (mesh: TestMesh): void => {
    mesh
      .agent('worker', { slots: 50 })
      .setResponse('b', 1)
      .setResponse('a', async (input) => {
        if (input === 0) throw new Error('no');
        await mesh.sleep(Number(input) < 5 ? '1s' : '1h');
        return input;
      });
  };

  test('how far the items are, and the steps of a few that run', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(watched, { list });
    await mesh.advance('2s');
    const { steps, progress, completedSteps, totalSteps } = await mesh.orchestrator.getRun(run.id);
    expect(steps[0]).toMatchObject({
      path: 'each',
      kind: 'MAP',
      status: 'RUNNING',
      items: { total: 40, started: 35, ended: 5, failed: 1 },
      progress: 5 / 40,
    });
    const inside = steps.filter(({ path }) => path.startsWith('each/')).map(({ path }) => path);
    expect(inside).toEqual(Array.from({ length: limits.mapItemsShown }, (_, i) => `each/${i + 5}/a`));
    expect([progress, completedSteps, totalSteps]).toEqual([5 / 40 / 2, 0, 2]);
  });

  test('ExplainStep tells how far a map is, and why an item waits', async () => {
    await using mesh = await TestMesh.start();
    worker(mesh);
    const run = await mesh.startWorkflow(watched, { list });
    await mesh.advance('2s');
    const { summary } = await mesh.orchestrator.explainStep(run.id, 'each');
    expect(summary).toBe('5 of 40 items ended, 1 failed, 30 run');
    expect((await mesh.orchestrator.explainStep(run.id, 'each/20/a')).status).toBe('RUNNING');
    await expect(mesh.orchestrator.explainStep(run.id, 'each/2/a')).rejects.toMatchObject({ code: 'STEP_NOT_FOUND' });
    await expect(mesh.orchestrator.explainStep(run.id, 'each/020/a')).rejects.toMatchObject({ code: 'STEP_NOT_FOUND' });
    const refusals: readonly (readonly [path: string, says: string])[] = [
      ['each/2/a', 'has it no longer, or not yet: its iteration or item does not run'],
      ['a', 'its path names the iteration or item, such as each/5/a'],
      ['eahc', 'has no such step; did you mean "each"?'],
      ['each/20/b', 'has no such step'],
    ];
    for (const [path, says] of refusals) {
      await expect(mesh.orchestrator.explainStep(run.id, path)).rejects.toThrow(says);
    }
  });
});
