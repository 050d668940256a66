/** Runs that do not go on: told once for each incident, shown, found, and forgotten when they go on. */
import { expect, test } from 'vitest';
import { findIncidents, type Incident, type StuckFacts } from '../../../src/control-plane/runtime/stuck.ts';
import type { Alert } from '../../../src/core/alerts.ts';
import { noMetrics } from '../../../src/core/metrics.ts';
import { TestMesh, type TestMeshOptions } from '../../../src/testing/index.ts';
import { flow, loop, parallel, step } from '../../unit/engine/flow.ts';

const thresholds = { idleMs: 60_000, noAgentMs: 600_000, overdueFactor: 3, overdueMs: 60_000 };

async function watched(options: TestMeshOptions = {}) {
  const alerts: Alert[] = [];
  const counted: string[] = [];
  const metrics = { ...noMetrics, runStuck: (reason: string) => void counted.push(reason) };
  const mesh = await TestMesh.start({ alerts: { raise: (alert) => alerts.push(alert) }, metrics, ...options });
  return { mesh, counted, stuck: () => alerts.filter(({ kind }) => kind === 'stuck') };
}

test('a step without an agent is told once, shown with what to do, found by the filter, and forgotten when one comes', async () => {
  const { mesh, stuck, counted } = await watched();
  await using _ = mesh;
  const run = await mesh.startWorkflow(flow([step('load')]));
  const other = await mesh.startWorkflow(flow([step('soon', { queueTimeout: '1h' })], { name: 'Other' }));
  await mesh.clock.advance('9m');
  expect(stuck()).toEqual([]);
  expect((await mesh.orchestrator.getRun(run.id)).stuck).toBeUndefined();
  await mesh.clock.advance('70s');
  expect(stuck()).toEqual([
    {
      kind: 'stuck',
      subject: 'Flow NO_AGENT load',
      message: expect.stringMatching(
        new RegExp(
          `^run ${run.id} of "Flow" is stuck: "load" has waited 10m 0\\ds for an agent that offers load; no live one could take it\\. next: yardmaster runs explain \\w{8} load$`,
        ),
      ),
      facts: { run: run.id, workflow: 'Flow', reason: 'NO_AGENT', step: 'load', attempt: '', agent: '' },
    },
  ]);
  await mesh.clock.advance('10m');
  expect([stuck().length, counted]).toEqual([1, ['NO_AGENT']]);
  expect((await mesh.orchestrator.getRun(run.id)).stuck).toMatchObject({
    reason: 'NO_AGENT',
    step: 'load',
    since: new Date(mesh.clock.now() - 1_210_000),
    next: `yardmaster runs explain ${run.id.slice(-8)} load`,
  });
  const found = await mesh.orchestrator.listRuns({ stuck: true });
  expect(found.map(({ runId, stuck: why }) => [runId, why?.reason])).toEqual([[run.id, 'NO_AGENT']]);
  expect(await mesh.orchestrator.listRuns({ stuck: true, workflow: 'Other' })).toEqual([]);
  expect((await mesh.orchestrator.getRun(other.id)).stuck).toBeUndefined();

  mesh.agent('loader').setResponse('load', 1);
  await mesh.clock.advance('10s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(await mesh.orchestrator.listRuns({ stuck: true })).toEqual([]);
});

test('a step that waits for its concurrency key is under way, however long another has it', async () => {
  const { mesh, stuck } = await watched();
  await using _ = mesh;
  mesh.agent('loader', { slots: 2 }).setResponse('load', 1).setDelay('load', '5m');
  const first = await mesh.startWorkflow(flow([step('load', { concurrencyKey: 'db' })]));
  const second = await mesh.startWorkflow(flow([step('load', { concurrencyKey: 'db' })]));
  await mesh.clock.advance('4m');
  expect([stuck(), await mesh.orchestrator.listRuns({ stuck: true })]).toEqual([[], []]);
  await mesh.clock.advance('7m');
  expect([(await first.result()).status, (await second.result()).status]).toEqual(['COMPLETED', 'COMPLETED']);
});

test('many are found in pages, newest first, and cancelled by the filter without touching the others', async () => {
  const { mesh } = await watched();
  await using _ = mesh;
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push((await mesh.startWorkflow(flow([step('load')]))).id);
  await mesh.clock.advance('11m');
  const young = await mesh.startWorkflow(flow([step('load')]));
  const first = await mesh.orchestrator.api.runs.listRuns({ filter: { stuck: true }, pageSize: 3 });
  const second = await mesh.orchestrator.api.runs.listRuns({
    filter: { stuck: true },
    pageSize: 3,
    pageToken: first.nextPageToken,
  });
  expect([...first.runs, ...second.runs].map(({ runId }) => runId)).toEqual(ids.toSorted().reverse());
  expect([first.runs.length, second.runs.length, second.nextPageToken]).toEqual([3, 2, '']);
  const call = mesh.orchestrator.cancelRuns({ stuck: true });
  await mesh.settle();
  expect(await call).toMatchObject({ matched: 5, cancelled: 5 });
  expect((await mesh.orchestrator.getRun(young.id)).status).toBe('RUNNING');
});

test('an attempt that takes several times what is usual is overdue, once for each attempt', async () => {
  const { mesh, stuck } = await watched();
  await using _ = mesh;
  const agent = mesh.agent('loader').setResponse('load', 1).setDelay('load', '1m');
  const one = flow([step('load', { timeout: '30m', retries: 1 })]);
  for (let i = 0; i < 3; i++) {
    await mesh.startWorkflow(one);
    await mesh.advance('2m');
  }
  agent.setDelay('load', '2h');
  const run = await mesh.startWorkflow(one);
  await mesh.clock.advance('170s');
  expect(stuck()).toEqual([]);
  await mesh.clock.advance('20s');
  expect(stuck().map(({ facts }) => [facts.reason, facts.step, facts.attempt, facts.agent])).toEqual([
    ['OVERDUE', 'load', '1', 'loader'],
  ]);
  expect((await mesh.orchestrator.getRun(run.id)).stuck).toMatchObject({
    reason: 'OVERDUE',
    attempt: 1,
    message: expect.stringMatching(/^"load" has run for 3m 1\ds on loader\/\w{4}; it usually takes 1m 00s$/),
  });
  await mesh.advance('40m');
  await mesh.clock.advance('10s');
  expect(stuck().map(({ facts }) => facts.attempt)).toEqual(['1', '2']);
});

test('what waits for a time, a signal, a slot or the next try, and what is paused, is not stuck', async () => {
  const { mesh, stuck } = await watched();
  await using _ = mesh;
  mesh.agent('busy', { slots: 1 }).setResponse('long', 1).setDelay('long', '5h').setResponse('next', 1);
  mesh.agent('bad').failWith('bad', 'NO');
  await mesh.startWorkflow(flow([parallel('p', [step('long', { timeout: 0 }), step('next')])]));
  await mesh.startWorkflow(flow([{ id: 'w', type: 'wait', for: '5h' }], { name: 'Timed' }));
  await mesh.startWorkflow(flow([{ id: 's', type: 'signal', signal: 'go' }], { name: 'Asked' }));
  await mesh.startWorkflow(
    flow([step('bad', { retry: { tries: 3, backoff: '1h', maxBackoff: '2h', jitter: false } })], { name: 'Tried' }),
  );
  await mesh.startWorkflow(
    flow([loop('l', [{ id: 'v', type: 'set', set: 1 }], { until: 'false', delay: '1h' })], { name: 'Looped' }),
  );
  const paused = await mesh.startWorkflow(flow([step('nobody')], { name: 'Paused' }));
  await mesh.orchestrator.pauseRun(paused.id);
  await mesh.advance('3h');
  await mesh.clock.advance('10s');
  expect(stuck()).toEqual([]);
  expect(await mesh.orchestrator.listRuns({ stuck: true })).toEqual([]);
});

test('a new process finds an incident that lasts, also of a run that it has not read, and tells it again with the same facts', async () => {
  const { mesh, stuck } = await watched();
  await using _ = mesh;
  const run = await mesh.startWorkflow(flow([step('load')]));
  await mesh.clock.advance('11m');
  await mesh.restart();
  await mesh.clock.advance('11m');
  expect(stuck().map(({ facts }) => facts.run)).toEqual([run.id, run.id]);
  expect(stuck()[1]?.facts).toEqual(stuck()[0]?.facts);
});

test('thresholds are settings: 0 is never', async () => {
  const { mesh, stuck } = await watched({ stuck: { noAgentMs: 0 } });
  await using _ = mesh;
  await mesh.startWorkflow(flow([step('load')]));
  await mesh.clock.advance('15m');
  expect(stuck()).toEqual([]);
});

/** What is wrong by the state of a real run and by facts that are made up. */
async function judged(
  change: (facts: StuckFacts) => Partial<StuckFacts>,
  ...given: Parameters<typeof flow>
): Promise<readonly Pick<Incident, 'reason' | 'path' | 'message'>[]> {
  await using mesh = await TestMesh.start();
  mesh.agent('loader').setResponse('load', 1).setDelay('load', '2h');
  const run = await mesh.startWorkflow(flow(...given));
  const { state } = await mesh.controlPlane.getRun('default', run.id);
  const now = mesh.clock.now() + 61_000;
  const facts: StuckFacts = {
    now,
    stillMs: 61_000,
    past: undefined,
    isQueued: () => true,
    canBeTaken: () => true,
    isHeld: () => true,
  };
  const found = findIncidents(state, { ...facts, ...change(facts) }, thresholds);
  return found.map(({ reason, path, message }) => ({ reason, path, message }));
}

type IdleCase = readonly [string, Parameters<typeof flow>[0], Partial<StuckFacts>, readonly object[]];
const idle = { reason: 'IDLE', path: '', message: 'nothing has moved for 1m 01s, and nothing is under way that could' };

test.each([
  ['a queued step that the scheduler has', [step('nobody')], {}, []],
  ['a queued step that the scheduler has lost', [step('nobody')], { isQueued: () => false }, [idle]],
  ['an attempt that its instance holds', [step('load', { timeout: 0 })], {}, []],
  ['an attempt that nobody holds, with a deadline', [step('load')], { isHeld: () => false }, []],
  ['an attempt that nobody holds, without one', [step('load', { timeout: 0 })], { isHeld: () => false }, [idle]],
  ['a timer to come', [{ id: 'w', type: 'wait', for: '5m' }], {}, []],
  ['a signal to come', [{ id: 's', type: 'signal', signal: 'go' }], {}, []],
] satisfies readonly IdleCase[])('idle or not: %s', async (_, steps, facts, expected) => {
  expect(await judged(() => facts, steps)).toEqual(expected);
});

test('a timer that is later than it may be is no reason to wait', async () => {
  const late = (facts: StuckFacts) => ({ now: facts.now + 300_000 });
  expect(await judged(late, [{ id: 'w', type: 'wait', for: '5m' }])).toMatchObject([{ reason: 'IDLE' }]);
  expect(await judged((facts) => ({ now: facts.now + 280_000 }), [{ id: 'w', type: 'wait', for: '5m' }])).toEqual([]);
});

test('a run that moved a moment ago is given its time', async () => {
  const moved = () => ({ isQueued: () => false, stillMs: 59_000 });
  expect(await judged(moved, [step('nobody')])).toEqual([]);
});
