/** `wait` and `signal`: nobody works on them, a signal is taken once and in order, and what is due is due after everything. */
import { describe, expect, test } from 'vitest';
import type { SignalRunRequest } from '../../../src/control-plane/runtime/control-plane.ts';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { inspectWorkflowValue } from '../../../src/workflow/read.ts';
import { expectReplay, flow, parallel, step, stepThrough } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

function wait(id: string, more: Source): Source {
  return { id, type: 'wait', ...more };
}

function signal(id: string, name: string, more: Source = {}): Source {
  return { id, type: 'signal', signal: name, ...more };
}

/** What the journal says of waits, signals and attempts, in order. */
function story(run: TestRun): readonly string[] {
  return run.journal().flatMap((event) => {
    switch (event.type) {
      case 'StepWaiting':
        return `${event.path} waits`;
      case 'SignalReceived':
        return `signal ${event.number} ${event.name}`;
      case 'SignalTaken':
        return `${event.path} takes ${event.number}`;
      case 'AttemptStarted':
        return `${event.path} starts`;
      case 'StepCompleted':
        return `${event.path} COMPLETED`;
      case 'StepFailed':
        return `${event.path} ${event.status} ${event.failure.code}`;
      case 'StepCancelled':
        return `${event.path} CANCELLED`;
      default:
        return [];
    }
  });
}

/** Sends as an actor, which the orchestrator of a test mesh has none of. */
function sendAs(mesh: TestMesh, run: TestRun, actor: string | undefined, request: Partial<SignalRunRequest>) {
  const caller = { actor, userAgent: '', address: '' };
  const payload = encodeValue(null);
  return mesh.controlPlane.signalRun({
    namespace: 'default',
    runId: run.id,
    name: 'go',
    payload,
    requestId: '',
    caller,
    ...request,
  });
}

function waitedMs(run: TestRun, path: string): number {
  const events = run.journal().filter((event) => 'path' in event && event.path === path);
  return (events.at(-1)?.at ?? 0) - (events[0]?.at ?? 0);
}

describe('a wait', () => {
  test('lets so much time go by before the next step, and gives null', async () => {
    await using mesh = await TestMesh.start();
    mesh
      .agent('worker')
      .setResponse('a', 1)
      .setResponse('b', (input) => input);
    const run = await mesh.startWorkflow(
      flow([step('a'), wait('cool', { for: '5m' }), step('b', { parameters: { was: '${{ steps.cool.output }}' } })], {
        output: '${{ steps.b.output }}',
      }),
    );
    await stepThrough(mesh, run, 290_000);
    expect(story(run)).toEqual(['a starts', 'a COMPLETED', 'cool waits']);
    const { steps } = await mesh.orchestrator.getRun(run.id);
    expect(steps[1]).toMatchObject({ status: 'WAITING', waitReason: 'TIMER', kind: 'WAIT' });
    expect(steps[1]?.dueTime?.getTime()).toBe((steps[1]?.readyTime?.getTime() ?? 0) + 300_000);
    expect(await mesh.orchestrator.explainStep(run.id)).toMatchObject({
      path: 'cool',
      waitReason: 'TIMER',
      summary: expect.stringMatching(/^waits until 2026-/),
    });
    await stepThrough(mesh, run, 20_000);
    expect(story(run).slice(2)).toEqual(['cool waits', 'cool COMPLETED', 'b starts', 'b COMPLETED']);
    expect(waitedMs(run, 'cool')).toBe(300_000);
    expect((await run.result()).output).toEqual({ was: null });
    expect(mesh.data.tasks.size).toBe(0);
  });

  test.each([
    ['milliseconds out of data', { for: '${{ params.ms }}' }, 90_000],
    ['a duration out of data', { for: '${{ params.text }}' }, 120_000],
    ['CEL that computes a time', { until: 'now + duration("60s")' }, 60_000],
    ['a time out of data', { until: 'params.at' }, 180_000],
    ['a time that is over', { until: '2020-01-01T00:00:00+01:00' }, 0],
    ['a time that stands there', { until: '2026-01-01T01:00:00Z' }, 3_600_000],
  ])('takes %s', async (_, end, ms) => {
    await using mesh = await TestMesh.start();
    const at = new Date(mesh.clock.now() + 180_000).toISOString();
    const run = await mesh.startWorkflow(flow([wait('pause', end)]), { ms: 90_000, text: '2m', at });
    await mesh.advance('2h');
    expect((await run.result()).status).toBe('COMPLETED');
    const [, waiting, ended] = run.journal().filter(({ type }) => type !== 'RunCreated');
    const isFixed = 'until' in end && end.until.startsWith('2026');
    if (isFixed) expect(ended?.at).toBe(Date.UTC(2026, 0, 1, 1));
    else expect((ended?.at ?? 0) - (waiting?.at ?? 0)).toBe(ms);
  });

  test.each([
    ['for', '${{ params.bad }}'],
    ['until', 'params.bad'],
    ['until', '"2026-02-30T00:00:00Z"'],
    ['until', '"2026-02-03T00:00:00"'],
    ['until', '"2426-02-03T00:00:00Z"'],
  ])('fails with INVALID_TIME when its %s gives %s', async (field, text) => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(flow([wait('pause', { [field]: text })]), { bad: 'soon' });
    expect((await run.result()).error).toMatchObject({ code: 'INVALID_TIME', step: 'pause' });
    expect(story(run)).toEqual(['pause FAILED INVALID_TIME']);
  });

  test('ends in a paused run, and what follows starts when the run is resumed', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('b', 1);
    const run = await mesh.startWorkflow(flow([wait('cool', { for: '5m' }), step('b')]));
    await mesh.settle();
    await mesh.orchestrator.pauseRun(run.id);
    await stepThrough(mesh, run, 400_000);
    expect(story(run)).toEqual(['cool waits', 'cool COMPLETED']);
    expect(waitedMs(run, 'cool')).toBe(300_000);
    await mesh.orchestrator.resumeRun(run.id);
    await mesh.settle();
    expect(story(run).slice(2)).toEqual(['b starts', 'b COMPLETED']);
  });

  test('does not begin in a paused run', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', 1).setDelay('a', '1m');
    const run = await mesh.startWorkflow(flow([step('a'), wait('cool', { for: '5m' })]));
    await mesh.settle();
    await mesh.orchestrator.pauseRun(run.id);
    await mesh.advance('1h');
    expect(story(run)).toEqual(['a starts', 'a COMPLETED']);
  });

  test('ends with its run, and leaves no timer', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(
      flow([parallel('p', [wait('cool', { for: '5m' }), wait('chill', { for: 1 })])]),
    );
    await mesh.advance('1s');
    await run.cancel();
    expect((await run.result()).status).toBe('CANCELLED');
    expect(story(run)).toEqual(['cool waits', 'chill waits', 'chill COMPLETED', 'cool CANCELLED', 'p CANCELLED']);
    expect(mesh.data.tasks.size).toBe(0);
    await expectReplay(mesh, run);
  });

  test('is cut short by its totalTimeout', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(
      flow([wait('cool', { for: '5m', totalTimeout: '1m', onFailure: 'continue' })]),
    );
    await stepThrough(mesh, run, 400_000);
    expect(story(run)).toEqual(['cool waits', 'cool TIMED_OUT TOTAL_TIMEOUT']);
    expect(waitedMs(run, 'cool')).toBe(60_000);
    expect((await run.result()).status).toBe('COMPLETED');
    expect(mesh.data.tasks.size).toBe(0);
  });

  test('a time that comes while no control plane is there is made up for at once', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(flow([wait('cool', { for: '5m' })]));
    await mesh.advance('1m');
    mesh.crash();
    await mesh.advance('10m');
    await mesh.restart();
    await mesh.settle();
    expect(story(run)).toEqual(['cool waits', 'cool COMPLETED']);
    expect(waitedMs(run, 'cool')).toBe(660_000);
  });
});

describe('a signal', () => {
  test('ends the step that waits for it, which says who sent what', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('b', (input) => input);
    const run = await mesh.startWorkflow(
      flow(
        [
          signal('approve', 'go', { title: 'Release ${{ params.v }}?' }),
          step('b', { parameters: '${{ steps.approve.output }}' }),
        ],
        {
          output: '${{ steps.b.output }}',
        },
      ),
      { v: '1.2' },
    );
    await mesh.advance('30d');
    const { steps } = await mesh.orchestrator.getRun(run.id);
    expect(steps[0]).toMatchObject({
      status: 'WAITING',
      waitReason: 'SIGNAL',
      signal: { name: 'go', title: 'Release 1.2?', answerers: [] },
      dueTime: undefined,
    });
    expect(await mesh.orchestrator.explainStep(run.id)).toMatchObject({
      waitReason: 'SIGNAL',
      signal: { name: 'go', title: 'Release 1.2?' },
      summary: 'waits for signal "go": Release 1.2?',
    });
    await sendAs(mesh, run, 'ann', { payload: encodeValue({ yes: true }) });
    await mesh.settle();
    expect(story(run)).toEqual([
      'approve waits',
      'signal 1 go',
      'approve takes 1',
      'approve COMPLETED',
      'b starts',
      'b COMPLETED',
    ]);
    expect((await run.result()).output).toEqual({ payload: { yes: true }, actor: 'ann', timedOut: false });
    await expectReplay(mesh, run);
  });

  test('that comes before its step is kept; each step takes the oldest of its name', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', 1).setDelay('a', '1m');
    const run = await mesh.startWorkflow(
      flow([step('a'), signal('first', 'go'), signal('second', 'go'), signal('other', 'stop'), signal('third', 'go')], {
        output: [
          '${{ steps.first.output.payload }}',
          '${{ steps.second.output.payload }}',
          '${{ steps.third.output.payload }}',
        ],
      }),
    );
    await mesh.settle();
    for (const n of [1, 2, 3]) expect(await mesh.orchestrator.signal(run.id, 'go', n)).toBe(true);
    expect((await mesh.orchestrator.getRun(run.id)).unconsumedSignals).toBe(3);
    await stepThrough(mesh, run, 90_000);
    expect(story(run).slice(4)).toEqual([
      'a COMPLETED',
      'first waits',
      'first takes 1',
      'first COMPLETED',
      'second waits',
      'second takes 2',
      'second COMPLETED',
      'other waits',
    ]);
    await mesh.orchestrator.signal(run.id, 'stop');
    await mesh.settle();
    expect((await run.result()).output).toEqual([1, 2, 3]);
  });

  test('goes to the step that has waited longest', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', 1).setDelay('a', '1m');
    const run = await mesh.startWorkflow(
      flow([
        step('a', { dependencies: [] }),
        signal('late', 'go', { dependencies: ['a'] }),
        signal('early', 'go', { dependencies: [] }),
      ]),
    );
    await mesh.advance('2m');
    await mesh.orchestrator.signal(run.id, 'go');
    await mesh.settle();
    expect(story(run)).toEqual([
      'early waits',
      'a starts',
      'a COMPLETED',
      'late waits',
      'signal 1 go',
      'early takes 1',
      'early COMPLETED',
    ]);
  });

  test('goes to the step that has waited longest also when the clock was set back meanwhile', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(
      flow([
        signal('begin', 'begin', { dependencies: [] }),
        signal('late', 'go', { dependencies: ['begin'] }),
        signal('early', 'go', { dependencies: [] }),
      ]),
    );
    await mesh.settle();
    mesh.clock.shiftWall(-3_600_000);
    await mesh.orchestrator.signal(run.id, 'begin');
    await mesh.orchestrator.signal(run.id, 'go');
    await mesh.settle();
    await expectReplay(mesh, run);
    expect(story(run).slice(-6)).toEqual([
      'begin takes 1',
      'begin COMPLETED',
      'late waits',
      'signal 2 go',
      'early takes 2',
      'early COMPLETED',
    ]);
  });

  test('goes to the step that the history has first when two began to wait at once', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(
      flow([
        signal('begin', 'begin', { dependencies: [] }),
        { id: 'value', type: 'set', set: 1, dependencies: ['begin'] },
        signal('one', 'go', { dependencies: ['begin'] }),
        signal('two', 'go', { dependencies: ['value'] }),
      ]),
    );
    await mesh.orchestrator.signal(run.id, 'begin');
    await mesh.restart();
    await mesh.orchestrator.signal(run.id, 'go');
    await mesh.settle();
    await expectReplay(mesh, run);
    expect(story(run).slice(-5)).toEqual(['two waits', 'one waits', 'signal 2 go', 'two takes 2', 'two COMPLETED']);
  });

  test('is sent once under one request id, also after a restart and after the end', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(flow([signal('one', 'go'), signal('two', 'go')]));
    expect(await mesh.orchestrator.signal(run.id, 'go', 1, { requestId: 'r1' })).toBe(true);
    expect(await mesh.orchestrator.signal(run.id, 'go', 1, { requestId: 'r1' })).toBe(false);
    await mesh.restart();
    expect(await mesh.orchestrator.signal(run.id, 'go', 1, { requestId: 'r1' })).toBe(false);
    await mesh.orchestrator.signal(run.id, 'go', 2, { requestId: 'r2' });
    expect(await mesh.orchestrator.signal(run.id, 'go', 2, { requestId: 'r2' })).toBe(false);
    expect(story(run).filter((line) => line.startsWith('signal'))).toEqual(['signal 1 go', 'signal 2 go']);
    expect((await run.result()).status).toBe('COMPLETED');
  });

  test('that no step takes is reported at the end', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(flow([signal('one', 'go')]));
    await mesh.settle();
    await mesh.orchestrator.pauseRun(run.id);
    for (const n of [1, 2, 3]) await mesh.orchestrator.signal(run.id, 'go', n);
    expect(story(run)).toContain('one COMPLETED');
    await mesh.orchestrator.resumeRun(run.id);
    await mesh.settle();
    expect(run.journal().at(-1)).toMatchObject({ type: 'RunEnded', status: 'COMPLETED', unconsumedSignals: 2 });
    expect((await mesh.orchestrator.getRun(run.id)).unconsumedSignals).toBe(2);
    await expectReplay(mesh, run);
  });

  test('asks at most so many characters; the rest is cut', async () => {
    await using mesh = await TestMesh.start();
    const asked = async (length: number): Promise<string | undefined> => {
      const run = await mesh.startWorkflow(flow([signal('ask', 'go', { title: '${{ params.t }}' })]), {
        t: 'x'.repeat(length),
      });
      await mesh.settle();
      return (await mesh.orchestrator.getRun(run.id)).steps[0]?.signal?.title;
    };
    expect(await asked(limits.titleCharsMax)).toHaveLength(limits.titleCharsMax);
    expect(await asked(limits.titleCharsMax + 1)).toHaveLength(limits.titleCharsMax);
  });

  test('is refused under a name that no step waits for, from others than its answerers, after the end, and over a hundred', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h');
    const run = await mesh.startWorkflow(
      flow([step('a'), signal('ask', 'go', { answerers: ['ann', 'ben'] }), signal('say', 'stop')]),
    );
    await mesh.settle();
    const before = story(run);
    await expect(sendAs(mesh, run, 'ann', { name: 'stopp' })).rejects.toMatchObject({
      code: 'SIGNAL_NOT_FOUND',
      message: expect.stringContaining('its workflow has go, stop; did you mean "stop"?'),
    });
    for (const actor of ['eve', undefined])
      await expect(sendAs(mesh, run, actor, {})).rejects.toMatchObject({
        code: 'SIGNAL_NOT_ALLOWED',
        message: expect.stringContaining('only ann, ben'),
      });
    expect(story(run)).toEqual(before);
    await sendAs(mesh, run, 'ben', { requestId: 'r1' });
    await expect(sendAs(mesh, run, 'ben', { requestId: 'r1', name: 'stop' })).rejects.toMatchObject({
      code: 'REQUEST_ID_REUSED',
    });
    for (let i = 1; i < 100; i++) await sendAs(mesh, run, 'ben', {});
    await expect(sendAs(mesh, run, 'ben', {})).rejects.toMatchObject({ code: 'TOO_MANY_SIGNALS' });
    expect(await sendAs(mesh, run, 'ben', { requestId: 'r1' })).toEqual({ isRepeat: true });
    await sendAs(mesh, run, undefined, { name: 'stop' });
    await run.cancel();
    await mesh.advance('1m');
    await expect(sendAs(mesh, run, 'ann', {})).rejects.toMatchObject({ code: 'RUN_OVER' });
    expect(run.journal().at(-1)).toMatchObject({ type: 'RunEnded', unconsumedSignals: 101 });
  });

  test('that does not come in time ends the step TIMED_OUT, or gives its default', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').setResponse('a', 'from a');
    const run = await mesh.startWorkflow(
      flow(
        [
          step('a'),
          signal('soft', 'go', { timeout: '2d', default: { was: '${{ steps.a.output }}' } }),
          signal('hard', 'go', { timeout: '1m' }),
        ],
        { output: '${{ steps.soft.output }}' },
      ),
    );
    await stepThrough(mesh, run, 2 * 86_400_000 + 61_000);
    expect(story(run).slice(2)).toEqual([
      'soft waits',
      'soft COMPLETED',
      'hard waits',
      'hard TIMED_OUT SIGNAL_TIMEOUT',
    ]);
    const result = await run.result();
    expect(result).toMatchObject({ status: 'FAILED', error: { code: 'SIGNAL_TIMEOUT', step: 'hard' } });
    const soft = result.steps.find(({ path }) => path === 'soft');
    expect(soft?.output).toEqual({ payload: { was: 'from a' }, actor: null, timedOut: true });
    expect(mesh.data.tasks.size).toBe(0);
  });

  test('with a large payload and an `output` of its own is read whole, after a restart too', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(
      flow([signal('one', 'go', { output: 'size(result.payload)' }), signal('two', 'go')], {
        output: '${{ steps.one.output }}',
      }),
    );
    await mesh.settle();
    await mesh.orchestrator.signal(run.id, 'go', 'x'.repeat(50_000));
    await mesh.settle();
    await mesh.restart();
    await mesh.orchestrator.signal(run.id, 'go', 'y'.repeat(50_000));
    await mesh.settle();
    expect((await run.result()).output).toBe(50_000);
    await expectReplay(mesh, run);
  });

  test('of a kind whose output cannot be made is used up all the same', async () => {
    await using mesh = await TestMesh.start();
    const run = await mesh.startWorkflow(
      flow([signal('one', 'go', { output: 'result.payload.n', onFailure: 'continue' })]),
    );
    await mesh.settle();
    await mesh.orchestrator.signal(run.id, 'go', {});
    await mesh.settle();
    expect(story(run)).toEqual(['one waits', 'signal 1 go', 'one takes 1', 'one FAILED MISSING_DATA']);
    expect((await run.result()).status).toBe('COMPLETED');
  });

  test('can be taken by a step of `finally`, while the run ends', async () => {
    await using mesh = await TestMesh.start();
    mesh.agent('worker').failWith('a', 'NO');
    const run = await mesh.startWorkflow(flow([step('a')], { finally: [signal('sign', 'off', { timeout: '1m' })] }));
    await mesh.settle();
    expect((await mesh.orchestrator.getRun(run.id)).status).toBe('ENDING');
    await run.handle.signal('off', 'seen');
    await mesh.settle();
    expect(story(run).slice(-4)).toEqual(['sign waits', 'signal 1 off', 'sign takes 1', 'sign COMPLETED']);
    expect((await run.result()).status).toBe('FAILED');
  });
});

const CRASHES = ['before', 'after'].flatMap((when) => Array.from({ length: 4 }, (_, at) => ({ when, at })));

test.each(CRASHES)('a crash $when commit $at takes no signal twice and loses none', async ({ when, at }) => {
  let commits = Number.NEGATIVE_INFINITY;
  const crash = (): void => {
    if (commits++ === at) mesh.crash();
  };
  const mesh = await TestMesh.start({ faults: when === 'before' ? { beforeCommit: crash } : { afterCommit: crash } });
  await using _ = mesh;
  const run = await mesh.startWorkflow(
    flow([signal('one', 'go'), wait('cool', { for: '5s' }), signal('two', 'go')], {
      output: ['${{ steps.one.output.payload }}', '${{ steps.two.output.payload }}'],
    }),
  );
  await mesh.settle();
  commits = 0;
  for (const n of [1, 2]) {
    const sent = mesh.orchestrator.signal(run.id, 'go', n, { requestId: `r${n}` });
    sent.catch(() => {});
    await mesh.advance('20s');
    await mesh.restart();
    await mesh.orchestrator.signal(run.id, 'go', n, { requestId: `r${n}` });
    await mesh.settle();
  }
  await stepThrough(mesh, run, 30_000);
  expect((await run.result()).output).toEqual([1, 2]);
  expect(story(run).filter((line) => line.includes('signal'))).toEqual(['signal 1 go', 'signal 2 go']);
  expect(run.journal().at(-1)).not.toHaveProperty('unconsumedSignals');
});

test('a workflow waits for at most so many names of signals', () => {
  const named = (length: number) => {
    const steps = Array.from({ length }, (_, i) => ({ ...signal(`s${i}`, `name-${i}`), dependencies: [] }));
    return inspectWorkflowValue({ name: 'Limits', timeout: '1h', steps }).errors.map(({ code }) => code);
  };
  expect(named(limits.signalNamesMax)).toEqual([]);
  expect(named(limits.signalNamesMax + 1)).toEqual(['LIMIT']);
});

test('a run keeps at most so many signals of a name, each of at most so many bytes', async () => {
  await using mesh = await TestMesh.start();
  const run = await mesh.startWorkflow(flow([wait('rest', { for: '1h' }), signal('ask', 'go')]));
  const longest = 'x'.repeat(limits.signalPayloadBytesMax - (encodeValue('x'.repeat(100_000)).length - 100_000));
  const send = (payload: string) => mesh.orchestrator.signal(run.id, 'go', payload);
  await expect(send(`${longest}x`)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await send(longest);
  for (let i = 1; i < limits.signalsKeptMax; i++) await send('x');
  await expect(send('x')).rejects.toMatchObject({ code: 'TOO_MANY_SIGNALS' });
});
