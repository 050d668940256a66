/** Steps that are runs of other workflows: the parent waits, the end is told once, and what stops the one stops the other. */
import { describe, expect, test } from 'vitest';
import { startRun } from '../../../src/control-plane/engine/commands/start-run.ts';
import type { BeginChild, Decision, SettleChild } from '../../../src/control-plane/engine/commands.ts';
import { decide } from '../../../src/control-plane/engine/decide.ts';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { EMPTY_INPUT } from '../../../src/control-plane/engine/outputs.ts';
import type { StoreFaults } from '../../../src/control-plane/store/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { TestMesh, type TestRun } from '../../../src/testing/index.ts';
import { compileWorkflow } from '../../../src/workflow/compile.ts';
import { child, expectReplay, flow, loop, parallel, statuses, step, stepThrough } from './flow.ts';

type Logged = { readonly runId: string; readonly event: RunEvent };
const logs = new WeakMap<TestMesh, readonly Logged[]>();

/** A mesh that keeps what becomes durable in any of its runs, in that order. */
async function startMesh(): Promise<TestMesh> {
  const log: Logged[] = [];
  const afterCommit: StoreFaults['afterCommit'] = ({ journal }) => {
    for (const { runId, events } of journal) log.push(...events.map((event) => ({ runId, event })));
  };
  const mesh = await TestMesh.start({ faults: { afterCommit } });
  logs.set(mesh, log);
  return mesh;
}

/** What became durable of a run and of its child runs, in order; child runs by the step that they belong to. */
function story(mesh: TestMesh, run: TestRun): readonly string[] {
  const names = new Map([[run.id, '']]);
  const lines: string[] = [];
  for (const { runId, event } of logs.get(mesh) ?? []) {
    const name = names.get(runId);
    if (name === undefined) continue;
    if (event.type === 'ChildStarted') names.set(event.runId, `${name}${event.path}: `);
    const line = lineOf(event);
    if (line !== undefined) lines.push(`${name}${line}`);
  }
  return lines;
}

function lineOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'StepWaiting':
      return `${event.path} waits`;
    case 'ChildStarted':
      return `${event.path} has its run`;
    case 'AttemptStarted':
      return `${event.path}#${event.number} starts`;
    case 'AttemptEnded':
      return `${event.path}#${event.number} ${event.outcome}`;
    case 'StepStopping':
      return `${event.path} is stopped`;
    case 'StepCompleted':
      return `${event.path} COMPLETED`;
    case 'StepFailed':
      return `${event.path} ${event.status} ${event.failure.code}`;
    case 'StepCancelled':
      return `${event.path} CANCELLED`;
    case 'RunEnded':
      return `ends ${event.status}`;
    default:
      return undefined;
  }
}

const childIdsOf = (mesh: TestMesh, run: TestRun): readonly string[] =>
  mesh.journal(run.id).flatMap((event) => (event.type === 'ChildStarted' ? event.runId : []));

const sub = (more: Readonly<Record<string, unknown>> = {}, id = 'work') =>
  flow([step(id, { parameters: '${{ params }}' })], { name: 'Sub', output: `\${{ steps.${id}.output }}`, ...more });

describe('a step that is a run of another workflow', () => {
  test('waits for its child run and gives what that gives', async () => {
    await using mesh = await startMesh();
    mesh
      .agent('worker')
      .setResponse('work', (input) => ({ did: input }))
      .setDelay('work', '2s')
      .setResponse('after', (input) => input);
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(
      flow(
        [
          child('call', 'Sub', { parameters: { n: '${{ params.n + 1 }}' }, output: '${{ result.did }}' }),
          step('after', { parameters: '${{ steps.call.output }}' }),
        ],
        { output: '${{ steps.after.output }}' },
      ),
      { n: 1 },
      { labels: { team: 'data' }, priority: 'high' },
    );
    await stepThrough(mesh, run, 1_000);
    const [childId = ''] = childIdsOf(mesh, run);
    const view = await mesh.orchestrator.getRun(run.id);
    expect(view.steps[0]).toMatchObject({
      kind: 'WORKFLOW',
      status: 'WAITING',
      waitReason: 'CHILD',
      child: { runId: childId, workflow: 'Sub', version: 1 },
    });
    expect(await mesh.orchestrator.explainStep(run.id)).toMatchObject({
      path: 'call',
      waitReason: 'CHILD',
      summary: `waits for run ${childId} of "Sub"`,
    });
    expect(await mesh.orchestrator.getRun(childId)).toMatchObject({
      workflow: 'Sub',
      parentRunId: run.id,
      parentStep: 'call',
      priority: 'high',
      labels: {},
      status: 'RUNNING',
    });
    const children = await mesh.orchestrator.listRuns({ parentRunId: run.id });
    expect(children.map(({ runId }) => runId)).toEqual([childId]);
    expect(await mesh.orchestrator.listRuns({ parentRunId: childId })).toEqual([]);
    await stepThrough(mesh, run, 3_000);
    expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: { n: 2 } });
    expect(story(mesh, run)).toEqual([
      'call waits',
      'call has its run',
      'call: work#1 starts',
      'call: work#1 COMPLETED',
      'call: work COMPLETED',
      'call: ends COMPLETED',
      'call COMPLETED',
      'after#1 starts',
      'after#1 COMPLETED',
      'after COMPLETED',
      'ends COMPLETED',
    ]);
    expect(mesh.data.tasks.size).toBe(0);
  });

  test('is seen by those who watch its run', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').setResponse('work', 1);
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(flow([child('call', 'Sub')]));
    await run.result();
    const seen: unknown[] = [];
    for await (const event of run.handle.events()) {
      const { position, time, runId, ...told } = event;
      if (event.step === 'call') seen.push(told);
    }
    const [childRunId] = childIdsOf(mesh, run);
    expect(seen).toMatchObject([
      { type: 'stepWaiting', kind: 'WORKFLOW' },
      { type: 'childStarted', childRunId, workflow: 'Sub', version: 1 },
      { type: 'stepEnded', status: 'COMPLETED' },
    ]);
  });

  test('and its child run begin in one commit', async () => {
    const starts: string[] = [];
    await using mesh = await TestMesh.start({
      faults: {
        beforeCommit({ journal }) {
          const types = journal.flatMap(({ events }) => events.map(({ type }) => type));
          if (types.includes('ChildStarted')) starts.push(...types);
        },
      },
    });
    mesh.agent('worker').setResponse('work', 1);
    await mesh.registerWorkflow(sub());
    await mesh.startWorkflow(flow([child('call', 'Sub')]));
    expect(starts).toContain('ChildStarted');
    expect(starts.indexOf('RunCreated')).toBeGreaterThan(starts.indexOf('ChildStarted'));
  });

  test('gives null when its child run gives nothing', async () => {
    await using mesh = await startMesh();
    await mesh.registerWorkflow(flow([{ id: 'v', type: 'set', set: 1 }], { name: 'Sub' }));
    const run = await mesh.startWorkflow(flow([child('call', 'Sub')], { output: { was: '${{ steps.call.output }}' } }));
    expect((await run.result()).output).toEqual({ was: null });
  });

  test('takes large parameters in and gives a large output on, each as a value of the run that has it', async () => {
    await using mesh = await startMesh();
    const big = 'x'.repeat(limits.inlineEventBytesMax * 3);
    mesh.agent('worker').setResponse('work', (input) => input);
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(
      flow([child('call', 'Sub', { parameters: '${{ params }}' })], {
        output: { size: '${{ size(steps.call.output.pad) }}', all: '${{ steps.call.output }}' },
      }),
      { pad: big },
    );
    expect((await run.result()).output).toEqual({ size: big.length, all: { pad: big } });
    const [childId = ''] = childIdsOf(mesh, run);
    mesh.data.blobs.delete(childId);
    const view = await mesh.orchestrator.getRun(run.id, { values: true });
    expect(view.steps[0]?.output).toEqual({ kind: 'value', value: { pad: big } });
    await expectReplay(mesh, run);
  });

  test('in a loop has a child run in each iteration', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').setResponse('work', (input) => input);
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(
      flow(
        [loop('each', [child('call', 'Sub', { parameters: { i: '${{ iteration }}' } })], { until: 'iteration >= 3' })],
        {
          output: '${{ steps.each.output }}',
        },
      ),
    );
    expect((await run.result()).output).toEqual({ i: 3 });
    const children = await mesh.orchestrator.listRuns({ parentRunId: run.id });
    expect(children.map(({ parentStep }) => parentStep).toSorted()).toEqual([
      'each/1/call',
      'each/2/call',
      'each/3/call',
    ]);
    await expectReplay(mesh, run);
  });
});

describe('the version of a child run', () => {
  test('is the latest when its step starts, and stays', async () => {
    await using mesh = await startMesh();
    const worker = mesh.agent('worker').setResponse('work', 'first').setResponse('other', 'second');
    worker.setDelay('work', '1m').setResponse('before', 1).setDelay('before', '1m');
    await mesh.registerWorkflow(flow([step('nobody')], { name: 'Sub' }));
    const run = await mesh.startWorkflow(flow([step('before'), child('call', 'Sub')], { output: 'steps.call.output' }));
    await mesh.advance('30s');
    await mesh.registerWorkflow(sub());
    await mesh.advance('35s');
    await mesh.registerWorkflow(sub({}, 'other'));
    await mesh.restart();
    await mesh.advance('2m');
    expect((await run.result()).output).toBe('first');
    expect(mesh.journal(run.id).find(({ type }) => type === 'ChildStarted')).toMatchObject({ version: 2 });
  });

  test('is the one that the step names', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').setResponse('work', 'first').setResponse('other', 'second');
    await mesh.registerWorkflow(sub());
    await mesh.registerWorkflow(sub({}, 'other'));
    const run = await mesh.startWorkflow(flow([child('call', 'Sub', { version: 1 })], { output: 'steps.call.output' }));
    expect((await run.result()).output).toBe('first');
  });
});

describe('a child run that cannot start fails its step', () => {
  test.each([
    ['an unknown workflow', 'Sbu', {}, 'Cannot find workflow "Sbu"; did you mean "Sub"?'],
    ['a version that is not there', 'Sub', { version: 7 }, 'Cannot find version 7 of workflow "Sub"'],
  ])('%s', async (_, name, more, message) => {
    await using mesh = await startMesh();
    await mesh.registerWorkflow(sub());
    const workflow = flow([child('call', name, more)]);
    const { warnings } = await mesh.registerWorkflow(workflow);
    expect(warnings.map(({ code }) => code)).toEqual(['UNKNOWN_WORKFLOW']);
    const run = await mesh.startWorkflow(workflow);
    expect((await run.result()).error).toMatchObject({ code: 'WORKFLOW_NOT_FOUND', message, step: 'call' });
    expect(story(mesh, run)).toEqual(['call waits', 'call FAILED WORKFLOW_NOT_FOUND', 'ends FAILED']);
    expect(mesh.data.runs.size).toBe(1);
    await expectReplay(mesh, run);
  });

  test('parameters that do not fit its schema, with every problem', async () => {
    await using mesh = await startMesh();
    const properties = { n: { type: 'number' }, t: { type: 'string' }, d: { default: 5 } };
    await mesh.registerWorkflow(
      flow([{ id: 'v', type: 'set', set: '${{ params }}' }], {
        name: 'Sub',
        parameters: { type: 'object', properties, required: ['n', 't'] },
        output: 'steps.v.output',
      }),
    );
    const bad = await mesh.startWorkflow(flow([child('call', 'Sub', { parameters: { n: 'one', t: 2 } })]));
    const { error } = await bad.result();
    expect(error).toMatchObject({ code: 'PARAMETERS_INVALID', step: 'call' });
    expect(error?.details).toMatchObject({
      problems: ['parameters.n must be number, not string', 'parameters.t must be string, not number'],
    });
    const good = await mesh.startWorkflow(
      flow([child('call', 'Sub', { parameters: { n: 1, t: 'two' } })], { name: 'Good', output: 'steps.call.output' }),
    );
    expect((await good.result()).output).toEqual({ n: 1, t: 'two', d: 5 });
    expect(mesh.data.runs.size).toBe(3);
  });

  test('parameters that are no object', async () => {
    await using mesh = await startMesh();
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(flow([child('call', 'Sub', { parameters: '${{ params.n }}' })]), { n: 1 });
    expect((await run.result()).error).toMatchObject({ code: 'PARAMETERS_INVALID', step: 'call' });
  });

  test('child runs within more child runs than are allowed, and not one fewer', async () => {
    await using mesh = await startMesh();
    await mesh.registerWorkflow(
      flow([child('again', 'Down', { when: 'params.n > 0', parameters: { n: '${{ params.n - 1 }}' } })], {
        name: 'Down',
      }),
    );
    const fits = await mesh.startWorkflow('Down', { n: limits.childDepthMax });
    expect((await fits.result()).status).toBe('COMPLETED');
    expect(mesh.data.runs.size).toBe(limits.childDepthMax + 1);
    const deep = await mesh.startWorkflow('Down', { n: limits.childDepthMax + 1 });
    expect((await deep.result()).error).toMatchObject({ code: 'CHILD_FAILED', step: 'again' });
    expect(mesh.data.runs.size).toBe((limits.childDepthMax + 1) * 2);
    const failed = await mesh.orchestrator.listRuns({ failureCode: 'CHILD_DEPTH' });
    expect(failed).toHaveLength(1);
    expect(failed[0]?.error?.code).toBe('CHILD_DEPTH');
  });
});

describe('a child run that does not complete fails its step with CHILD_FAILED', () => {
  test('one that FAILED, with its step and code', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').failWith('work', 'BAD_ROWS').setResponse('b', 1);
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(flow([child('call', 'Sub', { onFailure: 'continue' }), step('b')]));
    const result = await run.result();
    expect(result.status).toBe('COMPLETED');
    const [childId] = childIdsOf(mesh, run);
    const error = result.steps[0]?.error;
    expect(error).toMatchObject({ code: 'CHILD_FAILED', step: 'call' });
    expect(error?.details).toEqual({
      runId: childId,
      workflow: 'Sub',
      version: 1,
      status: 'FAILED',
      code: 'BAD_ROWS',
      step: 'work',
    });
    expect(await statuses(run)).toEqual({ call: 'FAILED', b: 'COMPLETED' });
  });

  test('one that TIMED_OUT', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').setResponse('work', 1).setDelay('work', '1h');
    await mesh.registerWorkflow(sub({ timeout: '1m' }));
    const run = await mesh.startWorkflow(flow([child('call', 'Sub')]));
    await mesh.advance('2m');
    const { status, error } = await run.result();
    expect(status).toBe('FAILED');
    expect(error?.details).toMatchObject({ status: 'TIMED_OUT', code: 'RUN_TIMEOUT' });
  });

  test('one that somebody cancelled', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').setResponse('work', 1).setDelay('work', '1h');
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(flow([child('call', 'Sub')]));
    const [childId = ''] = childIdsOf(mesh, run);
    await mesh.orchestrator.cancelRun(childId, 'not needed');
    await mesh.advance('15s');
    const { status, error } = await run.result();
    expect(status).toBe('FAILED');
    expect(error?.details).toMatchObject({ runId: childId, status: 'CANCELLED', code: 'CANCELLED' });
    expect(error?.message).toContain('not needed');
    await expectReplay(mesh, run);
  });
});

/** A child run whose cleanup takes 5 s. */
async function slowToEnd(mesh: TestMesh): Promise<void> {
  mesh
    .agent('worker')
    .setResponse('work', 1)
    .setDelay('work', '1h')
    .setResponse('tidy', 1)
    .setDelay('tidy', '5s')
    .failWith('bad', 'NO');
  await mesh.registerWorkflow(sub({ finally: [step('tidy')] }));
}

describe('what stops a step stops its child run, and the step ends after it:', () => {
  const stopped = [
    'call: work is stopped',
    'call: work#1 CANCELLED',
    'call: work CANCELLED',
    'call: tidy#1 starts',
    'call: tidy#1 COMPLETED',
    'call: tidy COMPLETED',
    'call: ends CANCELLED',
  ];

  test('a cancel', async () => {
    await using mesh = await startMesh();
    await slowToEnd(mesh);
    const run = await mesh.startWorkflow(flow([child('call', 'Sub'), step('work')]));
    await mesh.advance('10s');
    await run.cancel();
    await stepThrough(mesh, run, 3_000, 3);
    expect(await run.handle.status()).toBe('ENDING');
    await stepThrough(mesh, run, 10_000);
    expect((await run.result()).status).toBe('CANCELLED');
    expect(story(mesh, run).slice(3)).toEqual(['call is stopped', ...stopped, 'call CANCELLED', 'ends CANCELLED']);
  });

  test('the timeout of its run', async () => {
    await using mesh = await startMesh();
    await slowToEnd(mesh);
    const run = await mesh.startWorkflow(flow([child('call', 'Sub')], { timeout: '1m' }));
    await mesh.advance('80s');
    expect((await run.result()).status).toBe('TIMED_OUT');
    expect(story(mesh, run).slice(3)).toEqual(['call is stopped', ...stopped, 'call CANCELLED', 'ends TIMED_OUT']);
  });

  test('a sibling that fails in a parallel with failFast', async () => {
    await using mesh = await startMesh();
    await slowToEnd(mesh);
    const run = await mesh.startWorkflow(
      flow([parallel('p', [child('call', 'Sub'), step('bad')], { onFailure: 'failFast' })]),
    );
    await mesh.advance('80s');
    expect((await run.result()).error?.code).toBe('NO');
    const told = story(mesh, run);
    expect(
      told.filter((line) => line.startsWith('call: ends') || line === 'call CANCELLED' || line.startsWith('p ')),
    ).toEqual(['p is stopped', 'call: ends CANCELLED', 'call CANCELLED', 'p FAILED NO']);
  });

  test('its own totalTimeout, and then it is TIMED_OUT', async () => {
    await using mesh = await startMesh();
    await slowToEnd(mesh);
    const run = await mesh.startWorkflow(flow([child('call', 'Sub', { totalTimeout: '1m' })]));
    await stepThrough(mesh, run, 80_000);
    expect((await run.result()).error?.code).toBe('TOTAL_TIMEOUT');
    expect(story(mesh, run).slice(3)).toEqual([
      'call is stopped',
      ...stopped,
      'call TIMED_OUT TOTAL_TIMEOUT',
      'ends FAILED',
    ]);
    expect(mesh.data.tasks.size).toBe(0);
  });

  test('a second cancel ends the cleanup of both', async () => {
    await using mesh = await startMesh();
    await slowToEnd(mesh);
    const run = await mesh.startWorkflow(flow([child('call', 'Sub')]));
    await mesh.advance('10s');
    await run.cancel();
    await mesh.advance('2s');
    await run.cancel();
    const [childId = ''] = childIdsOf(mesh, run);
    expect((await run.result()).status).toBe('CANCELLED');
    expect(await mesh.orchestrator.getRun(childId)).toMatchObject({ status: 'CANCELLED' });
    expect(story(mesh, run).slice(-5).toSorted()).toEqual([
      'call CANCELLED',
      'call: ends CANCELLED',
      'call: tidy CANCELLED',
      'call: tidy#1 CANCELLED',
      'ends CANCELLED',
    ]);
  });

  test('a result that comes meanwhile is kept', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').setResponse('work', async () => {
      await mesh.sleep('5s');
      return 'late';
    });
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(flow([child('call', 'Sub'), step('work')]));
    await mesh.advance('2s');
    await run.cancel();
    await mesh.advance('20s');
    expect((await run.result()).status).toBe('CANCELLED');
    expect(await statuses(run)).toEqual({ call: 'CANCELLED', work: 'SKIPPED' });
  });
});

describe('a pause', () => {
  test('of the parent lets the child run go on, whose end is recorded, and starts nothing', async () => {
    await using mesh = await startMesh();
    mesh.agent('worker').setResponse('work', 1).setDelay('work', '10s').setResponse('b', 1);
    await mesh.registerWorkflow(sub());
    const run = await mesh.startWorkflow(flow([child('call', 'Sub'), step('b')]));
    await mesh.orchestrator.pauseRun(run.id);
    await mesh.advance('30s');
    const told = story(mesh, run);
    expect(told.slice(-2)).toEqual(['call: ends COMPLETED', 'call COMPLETED']);
    await mesh.restart();
    await mesh.advance('30s');
    expect(story(mesh, run)).toEqual(told);
    await mesh.orchestrator.resumeRun(run.id);
    await mesh.advance('1s');
    expect((await run.result()).status).toBe('COMPLETED');
    await expectReplay(mesh, run);
  });
});

describe('the engine', () => {
  const context = { now: 1, values: { get: () => undefined } };
  const workflow = compileWorkflow(flow([child('call', 'Sub')]).definition, 1);
  const start = () =>
    startRun(
      { type: 'StartRun', runId: 'r', namespace: 'default', workflow, params: EMPTY_INPUT, priority: 'normal' },
      context,
    );
  const begin = (runId: string): BeginChild => ({ type: 'BeginChild', path: 'call', runId, version: 1, try: 1 });
  const asks = ({ effects }: Decision): number => effects.filter(({ type }) => type === 'seekChild').length;

  test('lets no child run begin in a paused run, and asks for it again after the pause', () => {
    const { state, decision } = start();
    expect(asks(decision)).toBe(1);
    decide(state, { type: 'PauseRun', reason: '' }, context);
    expect(decide(state, begin('c1'), context)).toMatchObject({ events: [], effects: [] });
    const resumed = decide(state, { type: 'ResumeRun' }, context);
    expect(asks(resumed)).toBe(1);
    const begun = decide(state, begin('c2'), context);
    expect(begun.events).toMatchObject([{ type: 'ChildStarted', path: 'call', runId: 'c2', version: 1 }]);
    expect(begun.effects).toEqual([{ type: 'startChild', runId: 'c2' }]);
  });

  test('takes the first child run and the first word of its end, and no other', () => {
    const { state } = start();
    decide(state, begin('c1'), context);
    expect(decide(state, begin('c2'), context).events).toEqual([]);
    const settle = (runId: string | undefined): SettleChild => ({
      type: 'SettleChild',
      path: 'call',
      runId,
      end: { kind: 'ended', status: 'COMPLETED' },
    });
    expect(decide(state, settle('c2'), context).events).toEqual([]);
    expect(decide(state, settle(undefined), context).events).toEqual([]);
    const settled = decide(state, settle('c1'), context);
    expect(settled.events.map(({ type }) => type)).toEqual(['StepCompleted', 'RunEnding', 'RunEnded']);
    expect(decide(state, settle('c1'), context).events).toEqual([]);
  });

  test('stops a step that has no child run yet at once, and begins none for it afterwards', () => {
    const { state } = start();
    const cancelled = decide(state, { type: 'CancelRun', reason: '' }, context);
    expect(cancelled.events.map(({ type }) => type)).toEqual([
      'CancelRequested',
      'RunEnding',
      'StepCancelled',
      'RunEnded',
    ]);
    expect(decide(state, begin('c1'), context).events).toEqual([]);
  });
});

describe('another try', () => {
  test('takes over a child run that COMPLETED, and makes a new one of any other', async () => {
    await using mesh = await startMesh();
    const worker = mesh
      .agent('worker')
      .setResponse('work', (input) => input)
      .setResponse('other', 2)
      .failWith('other', 'NO', { times: 1 });
    await mesh.registerWorkflow(sub());
    await mesh.registerWorkflow(sub({ name: 'Other' }, 'other'));
    const run = await mesh.startWorkflow(
      flow([child('good', 'Sub', { parameters: { pad: 'x'.repeat(9_000) } }), child('bad', 'Other')], {
        output: '${{ steps.good.output }}',
      }),
    );
    expect((await run.result()).error?.code).toBe('CHILD_FAILED');
    const again = await mesh.retryRun(run.id);
    expect(await again.result()).toMatchObject({ status: 'COMPLETED', output: { pad: 'x'.repeat(9_000) } });
    expect(story(mesh, again)[0]).toBe('bad waits');
    const [first, second] = [childIdsOf(mesh, run), childIdsOf(mesh, again)];
    expect([first.length, second.length]).toEqual([2, 1]);
    expect(first).not.toContain(second[0]);
    expect(worker.calls.map(({ action }) => action)).toEqual(['work', 'other', 'other']);
    await expectReplay(mesh, again);
  });
});
