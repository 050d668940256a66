/** What the engine of the seed system got wrong about order and containers, and what this one does. */
import { describe, expect, test } from 'vitest';
import { WorkflowBuilder } from 'yardmaster';
import { minutesOf, openStage, play, statusesOf } from './mesh.ts';

describe('bug 1, theirs: a dependency that is already in flight counts as done, so of A -> B both are in flight at once', () => {
  test('ours: B starts when A has ended', async () => {
    await using stage = await openStage({ a: '1m', b: '1m' });
    const workflow = new WorkflowBuilder('Chain')
      .description('Two steps')
      .step('a', { action: 'a' })
      .step('b', { action: 'b', dependencies: ['a'] })
      .build();
    const run = await play(stage.mesh, workflow);
    expect(run.order()).toEqual(['start a#1 worker', 'end a#1 COMPLETED', 'start b#1 worker', 'end b#1 COMPLETED']);
    expect(minutesOf(run)).toEqual(['a 0-1', 'b 1-2']);
  });
});

describe('bug 2, theirs: a step runs once for every path that leads to it, 1, 5, 4, 3, 2, 1 times in a chain of six', () => {
  test('ours: each of six runs once, also when every one of them names all before it', async () => {
    const ids = ['s1', 's2', 's3', 's4', 's5', 's6'];
    await using stage = await openStage(Object.fromEntries(ids.map((id) => [id, '1m'])));
    for (const isDense of [false, true]) {
      const builder = new WorkflowBuilder(isDense ? 'Dense' : 'Chain').description('Six steps');
      ids.forEach((id, i) => {
        builder.step(id, { action: id, dependencies: isDense ? ids.slice(0, i) : ids.slice(Math.max(0, i - 1), i) });
      });
      const run = await play(stage.mesh, builder.build());
      expect(run).toHaveHistory(ids.map((id) => `${id}#1 COMPLETED`));
    }
    expect(stage.worker.calls).toHaveLength(12);
  });

  test('ours: the DataPipeline of their documents, whose load appends, appends each row once', async () => {
    await using stage = await openStage({ extract: '1m', transform: '1m', load: '1m', notify: 0 });
    const table: number[] = [];
    stage.worker.setResponse('extract', ({ source }) => [source]);
    stage.worker.setResponse('load', ({ rows }) => void table.push(...rows));
    const workflow = new WorkflowBuilder('DataPipeline')
      .description('Extracts, transforms, loads')
      .parallel('extract', {
        steps: [1, 2, 3].map((source) => ({ id: `extract-${source}`, action: 'extract', parameters: { source } })),
      })
      .sequential('transform', {
        dependencies: ['extract'],
        steps: [
          { id: 'clean', action: 'transform' },
          { id: 'enrich', action: 'transform' },
        ],
      })
      .step('load', { action: 'load', dependencies: ['transform'], parameters: { rows: [1, 2, 3] } })
      .step('notify', { action: 'notify', dependencies: ['load'] })
      .build();
    const run = await play(stage.mesh, workflow);
    expect(run).toHaveHistory([
      'extract-1#1 COMPLETED',
      'extract-2#1 COMPLETED',
      'extract-3#1 COMPLETED',
      'clean#1 COMPLETED',
      'enrich#1 COMPLETED',
      'load#1 COMPLETED',
      'notify#1 COMPLETED',
    ]);
    expect(table).toEqual([1, 2, 3]);
  });
});

describe('bug 3, theirs: B completes although A, which it depends on, failed', () => {
  const chain = [
    { id: 'a', action: 'a' },
    { id: 'b', action: 'b', dependencies: ['a'] },
    { id: 'c', action: 'c', dependencies: ['b'] },
  ];

  test('ours: B and what depends on B never start, because the run is ending', async () => {
    await using stage = await openStage({ b: 0, c: 0 });
    stage.worker.failWith('a', 'NO').setDelay('a', '1m');
    const builder = new WorkflowBuilder('Chain').description('Three steps');
    for (const { id, ...step } of chain) builder.step(id, step);
    const run = await play(stage.mesh, builder.build());
    expect(run).toHaveHistory(['a#1 FAILED']);
    expect(await statusesOf(run)).toEqual({ a: 'FAILED', b: 'SKIPPED', c: 'SKIPPED' });
    expect((await run.result()).steps.map(({ skipReason }) => skipReason)).toEqual([
      'NONE',
      'RUN_ENDING',
      'RUN_ENDING',
    ]);
    expect(stage.worker.calls.map(({ action }) => action)).toEqual(['a']);
  });

  test('ours: where the run goes on, they are skipped, too, and say because of what', async () => {
    await using stage = await openStage({ b: 0, c: 0 });
    stage.worker.failWith('a', 'NO').setDelay('a', '1m');
    const workflow = new WorkflowBuilder('Chain')
      .description('Three steps in a block that goes on')
      .parallel('block', { onFailure: 'continue', steps: chain })
      .build();
    const run = await play(stage.mesh, workflow);
    expect(run).toHaveHistory(['a#1 FAILED']);
    const { status, steps } = await stage.mesh.orchestrator.getRun(run.id);
    expect(status).toBe('COMPLETED');
    expect(steps.map((step) => [step.path, step.status, step.skippedBecauseOf]).slice(1)).toEqual([
      ['a', 'FAILED', undefined],
      ['b', 'SKIPPED', 'a'],
      ['c', 'SKIPPED', 'b'],
    ]);
  });
});

describe('bug 10, theirs: containers give arrays of undefined, a run gives nothing, and iterations overwrite each other', () => {
  test('ours: blocks and runs have outputs, and every iteration its own history', async () => {
    await using stage = await openStage({ a: 0, b: 0, count: 0 });
    stage.worker.setResponse('count', ({ iteration }) => ({ iteration }));
    const workflow = new WorkflowBuilder('Outputs')
      .description('Gives what its blocks give')
      .parallel('both', {
        steps: [
          { id: 'a', action: 'a' },
          { id: 'b', action: 'b' },
        ],
      })
      .sequential('row', {
        steps: [
          { id: 'first', action: 'a' },
          { id: 'last', action: 'b' },
        ],
      })
      .loop('again', {
        while: 'iteration <= 3',
        maxIterations: 5,
        body: [{ id: 'count', action: 'count', parameters: { iteration: '${{ iteration }}' } }],
      })
      .output({ both: '${{ steps.both.output }}', row: '${{ steps.row.output }}', again: '${{ steps.again.output }}' })
      .build();
    const run = await play(stage.mesh, workflow);
    expect((await run.result()).output).toEqual({ both: { a: 'a', b: 'b' }, row: 'b', again: { iteration: 3 } });
    expect(run).toHaveHistory([
      'a#1 COMPLETED',
      'b#1 COMPLETED',
      'first#1 COMPLETED',
      'last#1 COMPLETED',
      'again/1/count#1 COMPLETED',
      'again/2/count#1 COMPLETED',
      'again/3/count#1 COMPLETED',
    ]);
  });

  test('ours: an id that stands twice, at whatever depth, is refused', () => {
    const builder = new WorkflowBuilder('Twice')
      .step('a', { action: 'a' })
      .parallel('p', { steps: [{ id: 'a', action: 'b' }] });
    expect(() => builder.build()).toThrow(/DUPLICATE_ID/);
  });
});

describe('bug 11, theirs: dependencies of children are ignored inside containers, and never checked', () => {
  test('ours: a child of a parallel waits for the sibling that it names', async () => {
    await using stage = await openStage({ a: '1m', b: '1m', c: '1m' });
    const workflow = new WorkflowBuilder('Inside')
      .description('A diamond in a block')
      .parallel('p', {
        steps: [
          { id: 'c', action: 'c', dependencies: ['a', 'b'] },
          { id: 'a', action: 'a' },
          { id: 'b', action: 'b' },
        ],
      })
      .build();
    expect(minutesOf(await play(stage.mesh, workflow))).toEqual(['a 0-1', 'b 0-1', 'c 1-2']);
  });

  test('ours: one that does not exist, and a circle, are refused', () => {
    const unknown = new WorkflowBuilder('Unknown').parallel('p', {
      steps: [{ id: 'a', action: 'a', dependencies: ['nobody'] }],
    });
    expect(() => unknown.build()).toThrow(/UNKNOWN_DEPENDENCY/);
    const circle = new WorkflowBuilder('Circle').parallel('p', {
      steps: [
        { id: 'a', action: 'a', dependencies: ['b'] },
        { id: 'b', action: 'b', dependencies: ['a'] },
      ],
    });
    expect(() => circle.build()).toThrow(/CYCLE/);
  });
});
