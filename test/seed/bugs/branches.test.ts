/** What the engine of the seed system got wrong about conditions and loops, and what this one does. */
import { describe, expect, test } from 'vitest';
import { WorkflowBuilder } from 'yardmaster';
import { minutesOf, openStage, play, statusesOf } from './mesh.ts';

describe('bug 4, theirs: the condition of a branch is also its skip guard, so that else can never run', () => {
  const workflow = new WorkflowBuilder('Branch')
    .description('One way or the other')
    .condition('decide', {
      if: 'params.isGood',
      then: [{ id: 'keep', action: 'keep' }],
      else: [{ id: 'drop', action: 'drop' }],
    })
    .build();

  test.each([
    [true, 'keep', 'drop'],
    [false, 'drop', 'keep'],
  ])('ours: with %s the branch "%s" runs, and the block completes', async (isGood, taken, left) => {
    await using stage = await openStage({ keep: 0, drop: 0 });
    const run = await play(stage.mesh, workflow, '1m', { isGood });
    expect(run).toHaveHistory([`${taken}#1 COMPLETED`]);
    expect(await statusesOf(run)).toEqual({ decide: 'COMPLETED', [taken]: 'COMPLETED', [left]: 'SKIPPED' });
  });

  test('ours: the guard of a block is another field, which skips all of it', async () => {
    await using stage = await openStage({ keep: 0, drop: 0 });
    const guarded = new WorkflowBuilder('Guarded')
      .description('No way at all')
      .condition('decide', {
        when: 'false',
        if: 'params.isGood',
        then: [{ id: 'keep', action: 'keep' }],
        else: [{ id: 'drop', action: 'drop' }],
      })
      .build();
    const run = await play(stage.mesh, guarded, '1m', { isGood: true });
    expect(run).toHaveHistory([]);
    expect((await statusesOf(run)).decide).toBe('SKIPPED');
  });
});

describe('bug 5, theirs: the condition of a loop is asked once more as its skip guard, so a loop of two runs once', () => {
  test('ours: a loop of two runs twice, one of none not at all', async () => {
    await using stage = await openStage({ tick: 0 });
    const loopOf = (times: number) =>
      new WorkflowBuilder(`Times${times}`)
        .description('So many times')
        .loop('again', { while: `iteration <= ${times}`, maxIterations: 5, body: [{ id: 'tick', action: 'tick' }] })
        .build();
    expect(await play(stage.mesh, loopOf(2))).toHaveHistory(['again/1/tick#1 COMPLETED', 'again/2/tick#1 COMPLETED']);
    expect(await play(stage.mesh, loopOf(0))).toHaveHistory([]);
  });

  test('ours: a condition over what the body gave is asked once per iteration', async () => {
    await using stage = await openStage({ take: 0 });
    let left = 2;
    stage.worker.setResponse('take', () => ({ left: --left }));
    const workflow = new WorkflowBuilder('Take')
      .description('Until nothing is left')
      .loop('all', { while: 'default(last.left, 1) > 0', maxIterations: 5, body: [{ id: 'take', action: 'take' }] })
      .build();
    expect(await play(stage.mesh, workflow)).toHaveHistory(['all/1/take#1 COMPLETED', 'all/2/take#1 COMPLETED']);
    expect(left).toBe(0);
  });
});

describe('bug 14, theirs: a loop has a cap of 1000 that counts as success, and no delay', () => {
  test('ours: a loop says how often it may run, and running into that is a failure with a code', async () => {
    await using stage = await openStage({ poll: 0, after: 0 });
    const workflow = new WorkflowBuilder('Poll')
      .description('Never finds anything')
      .loop('poll', { until: 'false', maxIterations: 3, body: [{ id: 'ask', action: 'poll' }] })
      .step('after', { action: 'after' })
      .build();
    const run = await play(stage.mesh, workflow);
    expect((await run.result()).error).toMatchObject({ code: 'LOOP_LIMIT', step: 'poll' });
    expect(run).toHaveHistory(['poll/1/ask#1 COMPLETED', 'poll/2/ask#1 COMPLETED', 'poll/3/ask#1 COMPLETED']);
  });

  test('ours: a loop without a bound is refused', async () => {
    await using stage = await openStage({});
    const unbounded = {
      name: 'Endless',
      steps: [{ id: 'l', type: 'loop', until: 'false', body: [{ id: 'a', action: 'a' }] }],
    };
    await expect(stage.mesh.registerWorkflow(unbounded)).rejects.toMatchObject({
      problems: [expect.objectContaining({ message: expect.stringContaining('maxIterations') })],
    });
  });

  test('ours: time can pass between two iterations', async () => {
    await using stage = await openStage({ poll: 0 });
    const workflow = new WorkflowBuilder('Poll')
      .description('Looks every five minutes')
      .loop('poll', { until: 'iteration == 3', maxIterations: 3, delay: '5m', body: [{ id: 'ask', action: 'poll' }] })
      .build();
    expect(minutesOf(await play(stage.mesh, workflow, '20m'))).toEqual([
      'poll/1/ask 0-0',
      'poll/2/ask 5-5',
      'poll/3/ask 10-10',
    ]);
  });
});
