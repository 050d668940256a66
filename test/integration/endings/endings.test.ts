/**
 * Statuses and endings, sentence by sentence as the design states them; each test is named after its sentence and looks at the
 * history of the run. The queue of runs is not here: it has tests of its own.
 */
import { describe, expect, test } from 'vitest';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, startsOf, statuses, step, stepThrough } from '../../unit/engine/flow.ts';

type Source = Readonly<Record<string, unknown>>;

const undoable = (id: string, more: Source = {}): Source =>
  step(id, { compensate: { id: `undo-${id}`, action: `undo-${id}` }, ...more });

/** Every action answers with its name. */
function fleet(mesh: TestMesh, actions: string) {
  const worker = mesh.agent('worker', { slots: 20 });
  for (const action of actions.split(' ')) worker.setResponse(action, action);
  return worker;
}

/** Goes on for so long after it was told to stop, and then answers. */
const stubborn = (mesh: TestMesh, seconds: number) => async () => {
  await mesh.sleep(seconds * 1_000);
  return 'late';
};

async function viewOf(mesh: TestMesh, run: TestRun) {
  return mesh.orchestrator.getRun(run.id);
}

async function statusOf(mesh: TestMesh, run: TestRun, path: string) {
  const { steps } = await viewOf(mesh, run);
  return steps.find((found) => found.path === path)?.status;
}

describe('statuses', () => {
  test('a run is RUNNING, then ENDING, then COMPLETED, FAILED, CANCELLED or TIMED_OUT; paused is a flag', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a tidy').setDelay('a', '10s').setDelay('tidy', '30s').failWith('bad', 'NO').setDelay('bad', '10s');
    const finish = { finally: [step('tidy')] };
    const completed = await mesh.startWorkflow(flow([step('a')], { name: 'Well', ...finish }));
    const failed = await mesh.startWorkflow(flow([step('bad')], { name: 'Badly', ...finish }));
    const cancelled = await mesh.startWorkflow(flow([step('a')], { name: 'Called', ...finish }));
    const timedOut = await mesh.startWorkflow(flow([step('a')], { name: 'Late', timeout: '5s', ...finish }));
    const all = [completed, failed, cancelled, timedOut];
    const now = () => Promise.all(all.map(async (run) => (await viewOf(mesh, run)).status));
    await mesh.advance('1s');
    expect(await now()).toEqual(['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING']);
    await mesh.orchestrator.pauseRun(completed.id);
    expect(await viewOf(mesh, completed)).toMatchObject({ status: 'RUNNING', pauseTime: expect.any(Date) });
    await mesh.orchestrator.resumeRun(completed.id);
    expect(await viewOf(mesh, completed)).toMatchObject({ status: 'RUNNING', pauseTime: undefined });
    await cancelled.cancel();
    await mesh.advance('10s');
    expect(await now()).toEqual(['ENDING', 'ENDING', 'ENDING', 'ENDING']);
    expect((await viewOf(mesh, timedOut)).outcome).toBe('TIMED_OUT');
    await mesh.advance('1m');
    expect(await now()).toEqual(['COMPLETED', 'FAILED', 'CANCELLED', 'TIMED_OUT']);
  });

  test('a step is PENDING, READY with the reason it waits, RUNNING, WAITING for a signal, a timer or its next try, then ended', async () => {
    await using mesh = await TestMesh.start();
    const worker = fleet(mesh, 'a').setDelay('a', '5s').failWith('again', 'NO', { times: 1 });
    const run = await mesh.startWorkflow(
      flow([
        parallel(
          'p',
          [
            step('a'),
            step('b', { dependencies: ['a'] }),
            step('again', { retry: { tries: 2, backoff: '1m', jitter: false } }),
            { id: 'wait', type: 'wait', for: '1m' },
            { id: 'ask', type: 'signal', signal: 'go' },
            step('skipped', { when: 'false' }),
          ],
          { onFailure: 'continue' },
        ),
      ]),
    );
    await mesh.advance('1s');
    const of = async () =>
      Object.fromEntries(
        (await viewOf(mesh, run)).steps.map(({ path, status, waitReason }) => [path, `${status} ${waitReason}`]),
      );
    expect(await of()).toEqual({
      p: 'RUNNING NONE',
      a: 'RUNNING NONE',
      b: 'PENDING NONE',
      again: 'WAITING BACKOFF',
      wait: 'WAITING TIMER',
      ask: 'WAITING SIGNAL',
      skipped: 'SKIPPED NONE',
    });
    await mesh.advance('10s');
    expect((await of()).b).toBe('READY NO_AGENT');
    // When the next try comes, and which of how many that is, is seen from outside.
    const again = (await viewOf(mesh, run)).steps.find(({ path }) => path === 'again');
    expect(again?.nextTry).toEqual({ number: 2, of: 2 });
    expect(again?.dueTime?.getTime()).toBe((again?.attempts[0]?.endTime?.getTime() ?? 0) + 60_000);
    worker.setResponse('b', 1).setResponse('again', 1);
    await mesh.orchestrator.signal(run.id, 'go');
    await mesh.advance('2m');
    expect(Object.values(await statuses(run)).toSorted()).toEqual([...Array(6).fill('COMPLETED'), 'SKIPPED']);
  });

  test('no run leaves a terminal status', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a b').setResponse('a', stubborn(mesh, 3_600)).failWith('bad', 'NO');
    const run = await mesh.startWorkflow(flow([step('a', { dependencies: [] }), step('bad', { dependencies: [] })]));
    await mesh.advance('1m');
    expect((await run.result()).status).toBe('FAILED');
    await run.cancel();
    expect(await mesh.orchestrator.pauseRun(run.id)).toBe(false);
    await mesh.advance('2h');
    await mesh.restart();
    await mesh.advance('1m');
    expect((await run.result()).status).toBe('FAILED');
    // The result that comes an hour later is evidence, and nothing else.
    const end = run.journal().findIndex(({ type }) => type === 'RunEnded');
    const after = run
      .journal()
      .slice(end + 1)
      .map(({ type }) => type);
    expect(after.filter((type) => type !== 'StopConfirmed' && type !== 'LateResult')).toEqual([]);
  });
});

describe('ENDING', () => {
  test('the first cause fixes the outcome: a failure nobody handled, before a cancel and the timeout of the run', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'tidy').failWith('bad', 'FIRST').setDelay('tidy', '20s');
    const run = await mesh.startWorkflow(flow([step('bad')], { timeout: '5s', finally: [step('tidy')] }));
    await mesh.advance('1s');
    await run.cancel('second');
    await stepThrough(mesh, run, 30_000);
    expect(await run.result()).toMatchObject({ status: 'FAILED', error: { code: 'FIRST', step: 'bad' } });
    expect(run).toHaveHistory(['bad#1 FAILED', 'tidy#1 COMPLETED']);
  });

  test('the first cause fixes the outcome: a cancel, before a failure and the timeout of the run', async () => {
    await using mesh = await TestMesh.start();
    const failLate = async () => {
      await mesh.sleep('5s');
      throw new Error('second');
    };
    fleet(mesh, 'tidy').setResponse('a', failLate).setDelay('tidy', '20s');
    const run = await mesh.startWorkflow(flow([step('a')], { timeout: '8s', finally: [step('tidy')] }));
    await mesh.advance('1s');
    await run.cancel('first');
    await stepThrough(mesh, run, 30_000);
    expect(await run.result()).toMatchObject({ status: 'CANCELLED', error: { code: 'CANCELLED', message: 'first' } });
  });

  test('the first cause fixes the outcome: the timeout of the run, before a cancel and a failure', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a tidy').setDelay('a', '1h').failWith('tidy', 'SECOND').setDelay('tidy', '20s');
    const run = await mesh.startWorkflow(flow([step('a')], { timeout: '8s', finally: [step('tidy')] }));
    await mesh.advance('10s');
    await run.cancel('third');
    await stepThrough(mesh, run, 30_000);
    expect(await run.result()).toMatchObject({ status: 'TIMED_OUT', error: { code: 'RUN_TIMEOUT' } });
  });

  test('body steps are stopped and backoff timers dropped', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a').setDelay('a', '1h').failWith('again', 'NO').failWith('bad', 'END').setDelay('bad', '5s');
    const run = await mesh.startWorkflow(
      flow(
        ['a', 'again', 'nobody', 'bad'].map((id) =>
          step(id, {
            dependencies: [],
            ...(id === 'again' ? { retry: { tries: 9, backoff: '1h', jitter: false } } : {}),
          }),
        ),
      ),
    );
    await stepThrough(mesh, run, 20_000);
    expect(run).toHaveHistory(['a#1 CANCELLED', 'again#1 FAILED', 'bad#1 FAILED']);
    expect(await statuses(run)).toEqual({ a: 'CANCELLED', again: 'CANCELLED', nobody: 'CANCELLED', bad: 'FAILED' });
    expect(mesh.data.tasks.size).toBe(0);
  });

  test('runOn: always, finally, compensation and runOn: failure steps run', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a always alarm tidy undo-a').failWith('bad', 'NO');
    const run = await mesh.startWorkflow(
      flow(
        [
          undoable('a'),
          step('bad'),
          step('always', { runOn: 'always' }),
          step('alarm', { runOn: 'failure', dependencies: ['bad'] }),
          step('never', { dependencies: ['always'] }),
        ],
        { finally: [step('tidy')] },
      ),
    );
    await stepThrough(mesh, run, 5_000);
    expect(startsOf(run).toSorted()).toEqual(['a', 'alarm', 'always', 'bad', 'tidy', 'undo-a']);
    // What the body still runs, then what undoes it, then `finally`.
    expect(startsOf(run).slice(-2)).toEqual(['undo-a', 'tidy']);
    expect((await run.result()).status).toBe('FAILED');
  });

  test('cleanup runs under cleanupTimeout, which kills what is over it', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a always tidy undo-a').failWith('bad', 'NO').setDelay('always', '6s').setDelay('undo-a', '6s');
    const run = await mesh.startWorkflow(
      flow([undoable('a'), step('bad'), step('always', { runOn: 'always' })], {
        cleanupTimeout: '10s',
        finally: [step('tidy')],
      }),
    );
    await stepThrough(mesh, run, 30_000);
    expect(run).toHaveHistory(['a#1 COMPLETED', 'bad#1 FAILED', 'always#1 COMPLETED', 'undo-a#1 CANCELLED']);
    expect(await statuses(run)).toMatchObject({ tidy: 'SKIPPED' });
    const { durationMs, status, cleanupErrors } = await run.result();
    expect([durationMs, status, cleanupErrors.map(({ code }) => code)]).toEqual([
      10_000,
      'FAILED',
      ['NOT_COMPENSATED'],
    ]);
  });

  test('cleanup that was already running when the run began to end runs on, under cleanupTimeout', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a short long').setDelay('a', '1h').setDelay('short', '8s').setDelay('long', '1h');
    const run = await mesh.startWorkflow(
      flow(
        [
          step('a', { dependencies: [] }),
          step('short', { dependencies: [], runOn: 'always' }),
          step('long', { dependencies: [], runOn: 'always' }),
        ],
        { cleanupTimeout: '20s' },
      ),
    );
    await mesh.advance('5s');
    await run.cancel();
    await stepThrough(mesh, run, 60_000);
    expect(run).toHaveHistory(['a#1 CANCELLED', 'short#1 COMPLETED', 'long#1 CANCELLED']);
    expect((await run.result()).durationMs).toBe(25_000);
  });

  test('a result in the grace time is recorded but starts nothing', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'b').setResponse('a', stubborn(mesh, 5));
    const run = await mesh.startWorkflow(flow([step('a'), step('b')]));
    await mesh.advance('1s');
    await run.cancel();
    await stepThrough(mesh, run, 20_000);
    expect(run).toHaveHistory(['a#1 COMPLETED']);
    expect(await statuses(run)).toEqual({ a: 'COMPLETED', b: 'SKIPPED' });
    expect((await run.result()).status).toBe('CANCELLED');
  });

  test('a cleanup failure is reported beside the outcome and does not change it', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a')
      .failWith('tidy', 'NO_TIDY')
      .failWith('bad', 'NO')
      .failWith('undo-a', 'NO_UNDO')
      .failWith('always', 'NO_ALWAYS');
    const finish = { finally: [step('tidy')] };
    const well = await mesh.startWorkflow(flow([step('a')], { name: 'Well', ...finish }));
    const badly = await mesh.startWorkflow(
      flow([undoable('a'), step('bad'), step('always', { runOn: 'always' })], { name: 'Badly', ...finish }),
    );
    await mesh.advance('1s');
    expect(await well.result()).toMatchObject({
      status: 'COMPLETED',
      cleanupErrors: [{ code: 'NO_TIDY', step: 'tidy' }],
    });
    const { status, error, cleanupErrors } = await badly.result();
    expect([status, error?.code]).toEqual(['FAILED', 'NO']);
    expect(cleanupErrors.map(({ code, step: path }) => `${path} ${code}`)).toEqual([
      'always NO_ALWAYS',
      'undo-a NO_UNDO',
      'tidy NO_TIDY',
    ]);
  });

  test('a second cancel kills cleanup', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a b undo-a tidy').setDelay('b', '1h').setDelay('undo-a', '1h');
    const run = await mesh.startWorkflow(flow([undoable('a'), step('b')], { finally: [step('tidy')] }));
    await mesh.advance('1s');
    await run.cancel();
    await mesh.advance('1s');
    expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 CANCELLED', 'undo-a#1 OPEN']);
    await run.cancel();
    expect(await run.result()).toMatchObject({ status: 'CANCELLED', cleanupErrors: [{ code: 'NOT_COMPENSATED' }] });
    expect(run).toHaveHistory(['a#1 COMPLETED', 'b#1 CANCELLED', 'undo-a#1 CANCELLED']);
    await expectReplay(mesh, run);
  });

  test('cancel of a run whose end was decided before answers so', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a tidy').setDelay('tidy', '10s').failWith('bad', 'NO');
    const run = await mesh.startWorkflow(flow([step('bad')], { finally: [step('tidy')] }));
    await mesh.advance('1s');
    expect(await run.cancel()).toEqual({ accepted: false, status: 'ENDING' });
    await mesh.advance('20s');
    expect(await run.cancel()).toEqual({ accepted: false, status: 'FAILED' });
    expect(run).toHaveHistory(['bad#1 FAILED', 'tidy#1 COMPLETED']);
  });
});

describe('result', () => {
  test('failure is data: executeWorkflow resolves with the status, step, attempt, agent and error; only refusal to start rejects', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').failWith('a', 'DISK_FULL', { message: 'no room' });
    const definition = flow([step('a', { retry: { tries: 2, backoff: 1, jitter: false } })], {
      parameters: { type: 'object', properties: { n: { type: 'number' } } },
    });
    await mesh.registerWorkflow(definition);
    const asked = mesh.orchestrator.executeWorkflow(definition, {});
    await mesh.advance('1s');
    expect(await asked).toMatchObject({
      status: 'FAILED',
      error: { step: 'a', attempt: 2, agent: 'worker', code: 'DISK_FULL', message: 'no room' },
    });
    await expect(mesh.orchestrator.executeWorkflow(definition, { n: 'x' })).rejects.toMatchObject({
      code: 'PARAMETERS_INVALID',
    });
    await expect(mesh.orchestrator.executeWorkflow('Nobody')).rejects.toMatchObject({ code: 'WORKFLOW_NOT_FOUND' });
  });
});

describe('pause', () => {
  test('facts are recorded, nothing new starts, deadlines run on, cancel works', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a b child').setDelay('a', '5s').setDelay('child', '6s');
    const run = await mesh.startWorkflow(
      flow([
        parallel('facts', [
          step('a'),
          { id: 'timer', type: 'wait', for: '7s' },
          { id: 'ask', type: 'signal', signal: 'go' },
          { id: 's', type: 'sequential', steps: [step('child')] },
        ]),
        step('b'),
        step('nobody', { dependencies: [], totalTimeout: '1m', onFailure: 'continue' }),
      ]),
    );
    await mesh.advance('1s');
    await mesh.orchestrator.pauseRun(run.id);
    await mesh.orchestrator.signal(run.id, 'go');
    await mesh.advance('10s');
    // Results, timers, signals and children are facts.
    for (const path of ['a', 'timer', 'ask', 'child', 's', 'facts'])
      expect(await statusOf(mesh, run, path)).toBe('COMPLETED');
    expect(await statusOf(mesh, run, 'b')).toBe('PENDING');
    await mesh.advance('1m');
    expect(await statusOf(mesh, run, 'nobody')).toBe('TIMED_OUT');
    expect(run).toHaveHistory(['a#1 COMPLETED', 'child#1 COMPLETED']);
    await run.cancel();
    expect((await run.result()).status).toBe('CANCELLED');
    expect(run).toHaveHistory(['a#1 COMPLETED', 'child#1 COMPLETED']);
  });
});

describe('another try', () => {
  test('`retries` of a workflow takes a run from ENDING back to RUNNING; it becomes terminal once', async () => {
    await using mesh = await TestMesh.start();
    fleet(mesh, 'a undo-a').failWith('b', 'ALWAYS');
    const run = await mesh.startWorkflow(flow([undoable('a'), step('b')], { retries: 2 }));
    expect((await run.result()).status).toBe('FAILED');
    const ofRun = run.journal().filter(({ type }) => type.startsWith('Run'));
    expect(ofRun.map(({ type }) => type)).toEqual([
      'RunCreated',
      'RunStarted',
      'RunEnding',
      'RunTryStarted',
      'RunEnding',
      'RunTryStarted',
      'RunEnding',
      'RunEnded',
    ]);
    expect(startsOf(run)).toEqual(['a', 'b', 'b', 'b', 'undo-a']);
  });

  test('a retry of a terminal run starts a new run with retry_of, which takes over the completed steps and their values', async () => {
    await using mesh = await TestMesh.start();
    const worker = fleet(mesh, 'a').failWith('b', 'ONCE', { times: 1 });
    const old = await mesh.startWorkflow(
      flow([step('a'), step('b', { parameters: { from: '${{ steps.a.output }}' } })], {
        output: '${{ steps.b.output }}',
      }),
    );
    expect((await old.result()).status).toBe('FAILED');
    worker.setResponse('b', (input) => input);
    const run = await mesh.retryRun(old.id);
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { from: 'a' } });
    expect(await viewOf(mesh, run)).toMatchObject({ retryOf: old.id });
    expect([old, run].map(startsOf)).toEqual([['a', 'b'], ['b']]);
    expect((await old.result()).status).toBe('FAILED');
  });

  test('every step that is not COMPLETED, and all downstream of it, starts again, cleanup and what was compensated included', async () => {
    await using mesh = await TestMesh.start();
    const worker = fleet(mesh, 'kept undone after guard tidy undo-undone').failWith('bad', 'ONCE', { times: 1 });
    const definition = flow(
      [
        step('kept', { dependencies: [] }),
        undoable('undone', { dependencies: [] }),
        step('after', { dependencies: ['undone'] }),
        step('guard', { dependencies: ['kept'], runOn: 'always' }),
        step('bad', { dependencies: ['kept', 'after', 'guard'] }),
      ],
      { finally: [step('tidy')] },
    );
    const old = await mesh.startWorkflow(definition);
    expect((await old.result()).status).toBe('FAILED');
    expect(startsOf(old)).toEqual(['kept', 'undone', 'guard', 'after', 'bad', 'undo-undone', 'tidy']);
    worker.setResponse('bad', 'mended');
    const run = await mesh.retryRun(old.id);
    expect((await run.result()).status).toBe('COMPLETED');
    expect(startsOf(run).toSorted()).toEqual(['after', 'bad', 'guard', 'tidy', 'undone']);
    await expectReplay(mesh, run);
  });

  test('a loop keeps its finished iterations, whether it completed or not, and the steps that completed in the one that was cut short', async () => {
    await using mesh = await TestMesh.start();
    const worker = fleet(mesh, 'a').failWith('b', 'ONCE', { times: 1 });
    const old = await mesh.startWorkflow(
      flow([
        loop('done', [step('a')], { until: 'iteration >= 2' }),
        loop('cut', [step('c', { action: 'a' }), step('b', { when: 'iteration == 2' })], { until: 'iteration >= 2' }),
      ]),
    );
    expect((await old.result()).status).toBe('FAILED');
    worker.setResponse('b', 'mended');
    const run = await mesh.retryRun(old.id);
    expect((await run.result()).status).toBe('COMPLETED');
    expect(startsOf(run)).toEqual(['cut/2/b']);
  });
});

describe('signals', () => {
  test('are kept in order per run and name, 100 at most, until a step takes them', async () => {
    await using mesh = await TestMesh.start();
    const ask = (id: string): Source => ({ id, type: 'signal', signal: 'go' });
    const run = await mesh.startWorkflow(
      flow([{ id: 'later', type: 'wait', for: '1m' }, ask('first'), ask('second')], {
        output: ['${{ steps.first.output.payload }}', '${{ steps.second.output.payload }}'],
      }),
    );
    const { signalsKeptMax } = limits;
    for (let n = 1; n <= signalsKeptMax; n++) await mesh.orchestrator.signal(run.id, 'go', n);
    await expect(mesh.orchestrator.signal(run.id, 'go', 'more')).rejects.toMatchObject({ code: 'TOO_MANY_SIGNALS' });
    await mesh.advance('2m');
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [1, 2] });
    expect(signalsKeptMax).toBe(100);
  });

  test('a name that the definition does not have is refused', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(flow([{ id: 'ask', type: 'signal', signal: 'go' }]));
    await expect(mesh.orchestrator.signal(run.id, 'stop')).rejects.toMatchObject({ code: 'SIGNAL_NOT_FOUND' });
    await run.cancel();
    expect((await run.result()).status).toBe('CANCELLED');
  });

  test('unconsumed ones are reported at the end', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(
      flow([
        { id: 'ask', type: 'signal', signal: 'go' },
        { id: 'w', type: 'wait', for: '1m' },
      ]),
    );
    for (const n of [1, 2, 3]) await mesh.orchestrator.signal(run.id, 'go', n);
    await mesh.advance('2m');
    expect((await run.result()).status).toBe('COMPLETED');
    expect(run.journal().at(-1)).toMatchObject({ type: 'RunEnded', unconsumedSignals: 2 });
    expect((await viewOf(mesh, run)).unconsumedSignals).toBe(2);
  });
});

describe('failure modes of the last resort', () => {
  test('POISONED: a step that three instances held when they were lost is given to no fourth', async () => {
    await using mesh = await TestMesh.start();
    const agents = mesh.agents('worker', 4);
    for (const agent of agents) agent.setResponse('a', 1).crashOn('a');
    const run = await mesh.startWorkflow(flow([step('a', { idempotent: true, lossWindow: '5s' })]));
    await mesh.advance('5m');
    expect((await run.result()).error?.code).toBe('POISONED');
    expect(run.history().map(({ path }) => path)).toEqual(['a', 'a', 'a']);
  });

  test('NO_AGENT: queueTimeout is over', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(flow([step('a', { queueTimeout: '10s' })]));
    await mesh.advance('9s');
    expect(await statusOf(mesh, run, 'a')).toBe('READY');
    await mesh.advance('2s');
    expect((await run.result()).error?.code).toBe('NO_AGENT');
    expect(run).toHaveHistory([]);
  });

  test('LIMIT: a value is too large to be read', async () => {
    await using mesh = await TestMesh.start();
    mesh
      .agent('worker')
      .setResponse('a', 'x'.repeat(limits.expressionReadBytesMax + 1))
      .setResponse('b', 1);
    const run = await mesh.startWorkflow(
      flow([step('a'), step('b', { parameters: { n: '${{ size(steps.a.output) }}' } })]),
    );
    await mesh.advance('1s');
    expect((await run.result()).error).toMatchObject({ code: 'LIMIT', step: 'b' });
    expect(run).toHaveHistory(['a#1 COMPLETED']);
  });

  test('a map that did not complete starts the items that did not, in the next try of its run and in a retry', async () => {
    await using mesh = await TestMesh.start();
    const seen: unknown[] = [];
    let fails = 2;
    fleet(mesh, 'a').setResponse('a', (input: unknown) => {
      seen.push(input);
      if (input === 2 && fails-- > 0) throw new Error('not yet');
      return input;
    });
    const each = { id: 'each', type: 'map', items: '[1, 2, 3]', step: step('a', { parameters: '${{ item }}' }) };
    const old = await mesh.startWorkflow(flow([each], { retries: 1, output: '${{ steps.each.output }}' }));
    expect((await old.result()).status).toBe('FAILED');
    expect(seen).toEqual([1, 2, 3, 2]);
    const run = await mesh.retryRun(old.id);
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: [1, 2, 3] });
    expect(startsOf(run)).toEqual(['each/1/a']);
    await expectReplay(mesh, run);
  });
});
