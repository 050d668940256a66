/** What the engine of the seed system got wrong about failures, retries and limits, and what this one does. */
import { describe, expect, test } from 'vitest';
import { StepError, WorkflowBuilder } from 'yardmaster';
import { minutesOf, openStage, play, statusesOf } from './mesh.ts';

describe('bug 6, theirs: retries are an empty branch, and no timeout is ever read', () => {
  test('ours: retries are attempts with a backoff between, each of them on record', async () => {
    await using stage = await openStage({});
    stage.worker.failWith('a', 'BUSY', { times: 2 }).setResponse('a', 'at last');
    const workflow = new WorkflowBuilder('Retry')
      .description('Tries again')
      .step('a', { action: 'a', retry: { tries: 3, backoff: '1m', maxBackoff: '10m', jitter: false } })
      .build();
    const run = await play(stage.mesh, workflow);
    expect(run).toHaveHistory(['a#1 FAILED', 'a#2 FAILED', 'a#3 COMPLETED']);
    // One minute, then two.
    expect(minutesOf(run)).toEqual(['a 0-0', 'a 1-1', 'a 3-3']);
  });

  test('ours: the timeout of a step ends its attempt, and the handler hears of it', async () => {
    await using stage = await openStage({});
    let isTold = false;
    stage.worker.setResponse('a', async (_input, ctx) => {
      ctx.signal.addEventListener('abort', () => {
        isTold = true;
      });
      await stage.mesh.sleep('1d', ctx.signal);
    });
    const workflow = new WorkflowBuilder('Slow')
      .description('Takes too long')
      .step('a', { action: 'a', timeout: '2m' })
      .build();
    const run = await play(stage.mesh, workflow);
    expect(run).toHaveHistory(['a#1 TIMED_OUT']);
    expect((await run.result()).error?.code).toBe('STEP_TIMEOUT');
    expect(isTold).toBe(true);
  });

  test('ours: the timeout of the workflow ends the run', async () => {
    await using stage = await openStage({ a: '1h', b: 0 });
    const workflow = new WorkflowBuilder('Slow')
      .description('Takes too long')
      .timeout('5m')
      .step('a', { action: 'a' })
      .step('b', { action: 'b' })
      .build();
    const run = await play(stage.mesh, workflow);
    const { status, durationMs } = await run.result();
    expect([status, Math.round(durationMs / 60_000)]).toEqual(['TIMED_OUT', 5]);
    expect(await statusesOf(run)).toEqual({ a: 'CANCELLED', b: 'SKIPPED' });
  });
});

describe('bug 7, theirs: a child that fails is swallowed, and its block and the run say completed', () => {
  const children = [
    { id: 'good', action: 'good' },
    { id: 'bad', action: 'bad' },
  ];

  test('ours: the block fails and the run fails, with the error of the child', async () => {
    await using stage = await openStage({ good: '1m' });
    stage.worker.failWith('bad', 'NO');
    const workflow = new WorkflowBuilder('Both').description('Two at once').parallel('p', { steps: children }).build();
    const run = await play(stage.mesh, workflow);
    expect(await statusesOf(run)).toEqual({ p: 'FAILED', good: 'COMPLETED', bad: 'FAILED' });
    expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'NO', step: 'bad' } });
  });

  test('ours: only a block that says so goes on without a child, and what follows can see that', async () => {
    await using stage = await openStage({ good: '1m', after: 0 });
    stage.worker.failWith('bad', 'NO');
    const workflow = new WorkflowBuilder('Both')
      .description('Two at once')
      .parallel('p', { onFailure: 'continue', steps: children })
      .step('after', {
        action: 'after',
        parameters: { got: '${{ steps.p.output }}', bad: '${{ steps.bad.error.code }}' },
      })
      .build();
    const run = await play(stage.mesh, workflow);
    expect((await run.result()).status).toBe('COMPLETED');
    expect(stage.worker.calls.at(-1)?.input).toEqual({ got: { good: 'good' }, bad: 'NO' });
  });
});

describe('bug 8, theirs: a limit of children at once counts only with failFast, and in batches', () => {
  const childrenOf = (...ids: readonly string[]) => ids.map((id) => ({ id, action: id }));

  test.each(['waitAll', 'continue', 'failFast'] as const)(
    'ours: with %s a limit of one is one at a time',
    async (onFailure) => {
      await using stage = await openStage({ a: '1m', b: '1m', c: '1m' });
      const workflow = new WorkflowBuilder('Limited')
        .description('One at a time')
        .parallel('p', { concurrency: 1, onFailure, steps: childrenOf('a', 'b', 'c') })
        .build();
      expect(minutesOf(await play(stage.mesh, workflow))).toEqual(['a 0-1', 'b 1-2', 'c 2-3']);
    },
  );

  test('ours: the next child starts when one ends, not when the whole batch has', async () => {
    await using stage = await openStage({ a: '1m', b: '3m', c: '1m', d: '1m' });
    const workflow = new WorkflowBuilder('Limited')
      .description('Two at a time')
      .parallel('p', { concurrency: 2, steps: childrenOf('a', 'b', 'c', 'd') })
      .build();
    expect(minutesOf(await play(stage.mesh, workflow))).toEqual(['a 0-1', 'b 0-3', 'c 1-2', 'd 2-3']);
  });
});

describe('bug 9, theirs: after a failure the siblings go on, and tell of it when the run is over', () => {
  test('ours: siblings are stopped, and nothing happens in a run after its end', async () => {
    await using stage = await openStage({ slow: '1h', later: 0 });
    stage.worker.failWith('bad', 'NO').setDelay('bad', '1m');
    const workflow = new WorkflowBuilder('FailFast')
      .description('Stops what runs')
      .parallel('p', { onFailure: 'failFast', steps: ['bad', 'slow'].map((id) => ({ id, action: id })) })
      .step('later', { action: 'later' })
      .build();
    const run = await play(stage.mesh, workflow, '2h');
    expect(run).toHaveHistory(['bad#1 FAILED', 'slow#1 CANCELLED']);
    expect(await statusesOf(run)).toEqual({ p: 'FAILED', bad: 'FAILED', slow: 'CANCELLED', later: 'SKIPPED' });
    expect(run.journal().at(-1)?.type).toBe('RunEnded');
    expect((await run.result()).durationMs).toBeLessThan(120_000);
  });
});

describe('bug 12, theirs: an agent with two ways to be called loses its answer, and an error loses its class, code and cause', () => {
  test('ours: an action has one handler, and what it answers is the output', async () => {
    await using stage = await openStage({});
    stage.worker.setResponse('a', { total: 3 });
    const workflow = new WorkflowBuilder('Answer')
      .description('Answers')
      .step('a', { action: 'a' })
      .output('steps.a.output')
      .build();
    expect((await (await play(stage.mesh, workflow)).result()).output).toEqual({ total: 3 });
  });

  test('ours: the code, message and details of a handler arrive with the step, attempt and agent', async () => {
    await using stage = await openStage({});
    stage.worker.setResponse('pay', () => {
      throw new StepError('CARD_DECLINED', 'the card was declined', { retryable: false, details: { last4: '4242' } });
    });
    const workflow = new WorkflowBuilder('Pay').description('Pays').step('pay', { action: 'pay', retries: 5 }).build();
    const run = await play(stage.mesh, workflow);
    expect((await run.result()).error).toMatchObject({
      code: 'CARD_DECLINED',
      message: 'the card was declined',
      details: { last4: '4242' },
      step: 'pay',
      attempt: 1,
      agent: 'worker',
    });
    expect(run).toHaveHistory(['pay#1 FAILED']);
  });
});
