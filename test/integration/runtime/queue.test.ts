/** `concurrency` of a workflow: how many runs are active, who waits, and in which order they start. */
import { expect, test } from 'vitest';
import { StoreError } from '../../../src/control-plane/store/port.ts';
import { type Gauges, noMetrics } from '../../../src/core/metrics.ts';
import { TestMesh, type TestMeshOptions, type TestRun } from '../../../src/testing/index.ts';
import { expectReplay, flow, step } from '../../unit/engine/flow.ts';

const one = flow([step('a')], { concurrency: 1 });

/** Takes a minute for every step, and cleans up for a minute. */
async function meshWithWorker(options: TestMeshOptions = {}): Promise<TestMesh> {
  const mesh = await TestMesh.start(options);
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1m').setResponse('tidy', 1).setDelay('tidy', '1m');
  return mesh;
}

/** When each run began and ended, in seconds since the first one. */
function spans(...runs: readonly TestRun[]): readonly string[] {
  const first = runs[0]?.journal()[0]?.at ?? 0;
  return runs.map((run) => {
    const at = (type: string): string => {
      const event = run.journal().find((each) => each.type === type);
      return event === undefined ? '?' : String(Math.round((event.at - first) / 1_000));
    };
    return `${at('RunCreated')}: ${at('RunStarted')}..${at('RunEnded')}`;
  });
}

async function statusOf(mesh: TestMesh, run: TestRun): Promise<string> {
  const { status, queuePosition } = await mesh.orchestrator.getRun(run.id);
  return queuePosition === undefined ? status : `${status} #${queuePosition}`;
}

async function startThree(mesh: TestMesh, workflow = one): Promise<readonly [TestRun, TestRun, TestRun]> {
  return [
    await mesh.startWorkflow(workflow),
    await mesh.startWorkflow(workflow.name),
    await mesh.startWorkflow(workflow.name),
  ];
}

test('runs over the limit wait in the order in which they came, and each knows its position', async () => {
  await using mesh = await meshWithWorker();
  const [a, b, c] = await startThree(mesh);
  expect([await statusOf(mesh, a), await statusOf(mesh, b), await statusOf(mesh, c)]).toEqual([
    'RUNNING',
    'QUEUED #1',
    'QUEUED #2',
  ]);
  expect(b.journal().map(({ type }) => type)).toEqual(['RunCreated']);
  const listed = await mesh.orchestrator.listRuns({ status: 'QUEUED' });
  expect(listed.map(({ runId, queuePosition }) => [runId, queuePosition])).toEqual([
    [c.id, 2],
    [b.id, 1],
  ]);
  await mesh.advance('10m');
  expect(spans(a, b, c)).toEqual(['0: 0..60', '0: 60..120', '0: 120..180']);
  expect((await c.result()).status).toBe('COMPLETED');
  for (const run of [a, b, c]) await expectReplay(mesh, run);
  expect(mesh.data.tasks.size).toBe(0);
});

test('the more urgent run starts first', async () => {
  await using mesh = await meshWithWorker();
  await mesh.registerWorkflow(one);
  const [a, b, c] = [
    await mesh.startWorkflow('Flow'),
    await mesh.startWorkflow('Flow', {}, { priority: 'low' }),
    await mesh.startWorkflow('Flow', {}, { priority: 'high' }),
  ];
  expect(await statusOf(mesh, b)).toBe('QUEUED #2');
  await mesh.advance('10m');
  expect(spans(a, b, c)).toEqual(['0: 0..60', '0: 120..180', '0: 60..120']);
});

test('a run counts until its cleanup is over', async () => {
  await using mesh = await meshWithWorker();
  const [a, b] = await startThree(mesh, flow([step('a')], { concurrency: 1, finally: [step('tidy')] }));
  await mesh.advance('90s');
  expect([await statusOf(mesh, a), await statusOf(mesh, b)]).toEqual(['ENDING', 'QUEUED #1']);
  await mesh.advance('31s');
  expect([await statusOf(mesh, a), await statusOf(mesh, b)]).toEqual(['COMPLETED', 'RUNNING']);
});

test('a paused run counts, and one that is paused while it waits keeps its turn and starts nothing', async () => {
  await using mesh = await meshWithWorker();
  const [a, b, c] = await startThree(mesh);
  await mesh.orchestrator.pauseRun(b.id);
  await mesh.advance('10m');
  expect(spans(a, b, c)).toEqual(['0: 0..60', '0: 60..?', '0: ?..?']);
  expect(b).toHaveHistory([]);
  await mesh.orchestrator.resumeRun(b.id);
  await mesh.advance('10m');
  expect(b).toHaveHistory(['a#1 COMPLETED']);
  expect(c).toHaveHistory(['a#1 COMPLETED']);
});

test('a cancel ends a run that waits at once: nothing of it runs, and those behind it move up', async () => {
  await using mesh = await meshWithWorker();
  const [, b, c] = await startThree(mesh, flow([step('a')], { concurrency: 1, finally: [step('tidy')] }));
  expect(await b.cancel('not needed')).toMatchObject({ accepted: true });
  const result = await b.result();
  expect(result).toMatchObject({ status: 'CANCELLED', error: { code: 'CANCELLED', message: 'not needed' } });
  expect(result.steps.map(({ path, status }) => `${path} ${status}`)).toEqual(['a SKIPPED', 'tidy SKIPPED']);
  expect(b).toHaveHistory([]);
  expect(await statusOf(mesh, c)).toBe('QUEUED #1');
  await expectReplay(mesh, b);
});

test('what waits survives kill -9 with its order, and starts from what is durable', async () => {
  await using mesh = await meshWithWorker();
  await mesh.registerWorkflow(one);
  const runs = [await mesh.startWorkflow('Flow')];
  for (const priority of ['normal', 'low', 'normal', 'high'] as const)
    runs.push(await mesh.startWorkflow('Flow', {}, { priority }));
  await mesh.restart();
  expect(mesh.controlPlane.recovered).toMatchObject({ runs: 1, queued: 4 });
  const positions = await Promise.all(runs.map((run) => statusOf(mesh, run)));
  expect(positions).toEqual(['RUNNING', 'QUEUED #2', 'QUEUED #4', 'QUEUED #3', 'QUEUED #1']);
  await mesh.advance('15m');
  const started = runs.map((run) => run.journal().find(({ type }) => type === 'RunStarted')?.at ?? 0);
  const order = runs.map((_, i) => i).sort((x, y) => (started[x] ?? 0) - (started[y] ?? 0));
  expect(order).toEqual([0, 4, 1, 3, 2]);
  for (const run of runs) expect(run).toHaveHistory(['a#1 COMPLETED']);
});

test('nothing of a run that waits is kept in memory', async () => {
  let gauges: Gauges | undefined;
  const observe = (given: Gauges): void => {
    gauges = given;
  };
  await using mesh = await meshWithWorker({ metrics: { ...noMetrics, observe } });
  const [, b] = await startThree(mesh);
  await mesh.orchestrator.pauseRun(b.id);
  await mesh.orchestrator.resumeRun(b.id);
  await mesh.settle();
  expect([gauges?.openRuns(), gauges?.queuedRuns()]).toEqual([1, 2]);
});

test('a repeated start is answered with the run that waits', async () => {
  await using mesh = await meshWithWorker();
  await mesh.startWorkflow(one);
  const [first, again] = await Promise.all([
    mesh.startWorkflow('Flow', {}, { requestId: 'r' }),
    mesh.startWorkflow('Flow', {}, { requestId: 'r' }),
  ]);
  expect(again.id).toBe(first.id);
  expect(await mesh.orchestrator.listRuns()).toHaveLength(2);
});

test('a newer version with a higher limit lets more in, without one all, and a lower one ends nothing', async () => {
  await using mesh = await meshWithWorker();
  const runs = [...(await startThree(mesh)), await mesh.startWorkflow('Flow')];
  const all = (): Promise<readonly string[]> => Promise.all(runs.map((run) => statusOf(mesh, run)));
  await mesh.registerWorkflow(flow([step('a')], { concurrency: 3 }));
  await mesh.settle();
  expect(await all()).toEqual(['RUNNING', 'RUNNING', 'RUNNING', 'QUEUED #1']);
  await mesh.registerWorkflow(flow([step('a')], { concurrency: 2 }));
  await mesh.settle();
  expect(await all()).toEqual(['RUNNING', 'RUNNING', 'RUNNING', 'QUEUED #1']);
  await mesh.registerWorkflow(flow([step('a')]));
  await mesh.settle();
  expect(await all()).toEqual(['RUNNING', 'RUNNING', 'RUNNING', 'RUNNING']);
});

test('runs of an older version stand in the same queue', async () => {
  await using mesh = await meshWithWorker();
  await mesh.registerWorkflow(flow([step('a')]));
  await mesh.registerWorkflow(one);
  const a = await mesh.startWorkflow('Flow', {}, { version: 1 });
  const b = await mesh.startWorkflow('Flow', {}, { version: 1 });
  expect([await statusOf(mesh, a), await statusOf(mesh, b)]).toEqual(['RUNNING', 'QUEUED #1']);
});

test('reject refuses the start with what to do, and takes one when there is room', async () => {
  await using mesh = await meshWithWorker();
  const workflow = flow([step('a')], { concurrency: { limit: 1, overflow: 'reject' } });
  const a = await mesh.startWorkflow(workflow);
  await expect(mesh.startWorkflow('Flow')).rejects.toMatchObject({
    code: 'CONCURRENCY_LIMIT',
    message: 'Cannot start "Flow": 1 run of it is open, at most 1 at once',
    next: 'try again when one has ended, or raise "concurrency" of "Flow", or let its runs wait: overflow: queue',
  });
  await mesh.advance('2m');
  expect(a).toHaveHistory(['a#1 COMPLETED']);
  expect(await statusOf(mesh, await mesh.startWorkflow('Flow'))).toBe('RUNNING');
  expect(await mesh.orchestrator.listRuns()).toHaveLength(2);
});

test('cancelOldest cancels the oldest run, and the new one starts when that one is over', async () => {
  await using mesh = await meshWithWorker();
  const concurrency = { limit: 2, overflow: 'cancelOldest' };
  const workflow = flow([step('a')], { concurrency, finally: [step('tidy')] });
  const [a, b, c] = await startThree(mesh, workflow);
  expect([await statusOf(mesh, a), await statusOf(mesh, b), await statusOf(mesh, c)]).toEqual([
    'ENDING',
    'RUNNING',
    'QUEUED #1',
  ]);
  await mesh.advance('61s');
  const { status, error } = await a.result();
  expect([status, error?.message]).toEqual(['CANCELLED', 'newer runs of "Flow" take its place: at most 2 at once']);
  expect([await statusOf(mesh, b), await statusOf(mesh, c)]).toEqual(['ENDING', 'RUNNING']);
  await mesh.advance('5m');
  expect(a).toHaveHistory(['a#1 CANCELLED', 'tidy#1 COMPLETED']);
  expect(c).toHaveHistory(['a#1 COMPLETED', 'tidy#1 COMPLETED']);
});

test('cancelOldest ends what waits, too, so that the newest is next', async () => {
  await using mesh = await meshWithWorker();
  const concurrency = { limit: 1, overflow: 'cancelOldest' };
  const workflow = flow([step('a')], { concurrency, finally: [step('tidy')] });
  const [a, b, c] = await startThree(mesh, workflow);
  expect([await statusOf(mesh, a), await statusOf(mesh, b), await statusOf(mesh, c)]).toEqual([
    'ENDING',
    'CANCELLED',
    'QUEUED #1',
  ]);
  await mesh.restart();
  await mesh.advance('5m');
  expect((await c.result()).status).toBe('COMPLETED');
  expect(b).toHaveHistory([]);
});

test('explain says why a run does not start', async () => {
  await using mesh = await meshWithWorker();
  const [, b] = await startThree(mesh);
  const explained = await mesh.orchestrator.explainStep(b.id);
  expect(explained).toMatchObject({
    path: 'a',
    status: 'PENDING',
    waitReason: 'RUN_QUEUED',
    summary: 'its run is number 1 of 2 that wait: 1 of "Flow" are active, at most 1 at once',
  });
});

test('whoever waits for the end of a run that is queued hears of it', async () => {
  await using mesh = await meshWithWorker();
  const [, b] = await startThree(mesh);
  const { signal } = new AbortController();
  const end = mesh.controlPlane.getRun('default', b.id, { ms: 600_000, signal });
  await mesh.advance('3m');
  expect((await end).state.status).toBe('COMPLETED');
});

test('a run is queued that is another try, with what it took over', async () => {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker').setResponse('a', 'kept').failWith('b', 'NO', { times: 1 }).setResponse('b', 2);
  const old = await mesh.startWorkflow(flow([step('a'), step('b')], { concurrency: 1 }));
  expect((await old.result()).status).toBe('FAILED');
  worker.setDelay('a', '1m');
  const first = await mesh.startWorkflow('Flow');
  const again = await mesh.retryRun(old.id);
  expect(again.journal().map(({ type }) => type)).toEqual(['RunCreated', 'StepTakenOver']);
  expect(await statusOf(mesh, again)).toBe('QUEUED #1');
  await mesh.restart();
  await mesh.advance('5m');
  expect(first).toHaveHistory(['a#1 COMPLETED', 'b#1 COMPLETED']);
  expect(again).toHaveHistory(['b#1 COMPLETED']);
  await expectReplay(mesh, again);
});

test('a signal to a run that waits is kept until its step takes it', async () => {
  await using mesh = await meshWithWorker();
  const workflow = flow([step('a'), { id: 'go', type: 'signal', signal: 'go' }], { concurrency: 1 });
  const [a, b] = await startThree(mesh, workflow);
  await mesh.orchestrator.signal(b.id, 'go', 'early');
  await mesh.orchestrator.signal(a.id, 'go', 'now');
  await mesh.advance('3m');
  expect((await b.result()).status).toBe('COMPLETED');
});

/** Every commit fails once, in turn: never are two active, none is lost, and the order holds. */
const FAULTS = ['BUSY', 'UNCLEAR, landed', 'UNCLEAR, not landed'] as const;
const CASES = FAULTS.flatMap((fault) => Array.from({ length: 10 }, (_, at) => ({ fault, at })));

test.each(CASES)('$fault at commit $at leaves one run active at a time, and the order', async ({ fault, at }) => {
  let commits = Number.NEGATIVE_INFINITY;
  const isBad = (): boolean => commits === at;
  await using mesh = await TestMesh.start({
    faults: {
      beforeCommit() {
        commits += 1;
        if (!isBad() || fault === 'UNCLEAR, landed') return;
        throw fault === 'BUSY' ? new StoreError('BUSY', 'the store is busy') : new Error('the disk broke');
      },
      afterCommit() {
        if (isBad() && fault === 'UNCLEAR, landed') throw new Error('no word of the disk');
      },
    },
  });
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1m');
  await mesh.registerWorkflow(one);
  commits = -1;
  const runs: TestRun[] = [];
  for (let i = 0; i < 3; i++) {
    const start = () => mesh.startWorkflow('Flow', {}, { requestId: `r${i}` });
    runs.push(
      await start().catch(async () => {
        await mesh.advance('2s');
        return start();
      }),
    );
  }
  await mesh.advance('20m');
  const events = runs.flatMap((run, i) => run.journal().map(({ type, at: when }) => ({ type, when, i })));
  const ends = events
    .filter(({ type }) => type === 'RunStarted' || type === 'RunEnded')
    .sort((x, y) => x.when - y.when);
  const told = ends.map(({ type, i }) => `${type} ${i}`).sort();
  expect(told).toEqual([0, 1, 2].flatMap((i) => [`RunEnded ${i}`]).concat([0, 1, 2].map((i) => `RunStarted ${i}`)));
  for (let i = 1; i < 3; i++) {
    const end = ends.find((each) => each.type === 'RunEnded' && each.i === i - 1);
    const begin = ends.find((each) => each.type === 'RunStarted' && each.i === i);
    expect(begin?.when).toBeGreaterThanOrEqual(end?.when ?? Number.POSITIVE_INFINITY);
  }
  for (const run of runs) expect(run).toHaveHistory(['a#1 COMPLETED']);
});
