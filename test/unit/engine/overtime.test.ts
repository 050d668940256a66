/** What is said of a step whose time is over: which time, as people write it, and what went wrong before. */
import { expect, test } from 'vitest';
import { decide } from '../../../src/control-plane/engine/decide.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { expectReplay, flow, loop, parallel, step } from './flow.ts';

type Source = Readonly<Record<string, unknown>>;

async function lastWordsOf(source: Source, more: Source = {}) {
  await using mesh = await TestMesh.start();
  const worker = mesh.agent('worker');
  worker.setResponse('slow', {}).setDelay('slow', Number.POSITIVE_INFINITY);
  worker.failWith('bad', 'DISK_FULL');
  const run = await mesh.startWorkflow(flow([source], more));
  await mesh.advance('30d');
  await expectReplay(mesh, run);
  const { error, status } = await run.result();
  return { order: run.order(), status, code: error?.code, message: error?.message };
}

const backoff = { tries: 10, backoff: '10s', factor: 1, jitter: false };

test('totalTimeout over all tries tells the last failure', async () => {
  const source = step('a', { action: 'bad', retry: backoff, totalTimeout: '25s' });
  expect(await lastWordsOf(source)).toEqual({
    order: [
      'start a#1 worker',
      'end a#1 FAILED',
      'start a#2 worker',
      'end a#2 FAILED',
      'start a#3 worker',
      'end a#3 FAILED',
    ],
    status: 'FAILED',
    code: 'TOTAL_TIMEOUT',
    message: '"a" took longer than its totalTimeout of 25s; its last failure: DISK_FULL the mock of "bad" fails',
  });
});

test('the failure of an earlier try of the run is no cause', async () => {
  await using mesh = await TestMesh.start();
  let calls = 0;
  mesh.agent('worker').setResponse('a', async () => {
    calls += 1;
    if (calls === 1) throw new Error('first');
    await mesh.sleep('1d');
  });
  const run = await mesh.startWorkflow(flow([step('a', { totalTimeout: '90s' })], { retries: 1 }));
  await mesh.advance('10m');
  expect(run.order()).toEqual(['start a#1 worker', 'end a#1 FAILED', 'start a#2 worker', 'end a#2 TIMED_OUT']);
  const { error } = await run.result();
  // Its own attempt was ended by the time itself, and says nothing else.
  expect(error?.message).toBe('"a" took longer than its totalTimeout of 90s');
});

const cases: readonly (readonly [what: string, source: Source, code: string, message: string])[] = [
  [
    'an attempt',
    step('a', { action: 'slow', timeout: '90s' }),
    'STEP_TIMEOUT',
    '"a" took longer than its timeout of 90s',
  ],
  ['silence', step('a', { action: 'slow', heartbeatTimeout: '2m' }), 'HEARTBEAT_TIMEOUT', '"a" gave no sign for 2m'],
  [
    'the queue',
    step('a', { action: 'nobody', queueTimeout: '1d' }),
    'NO_AGENT',
    '"a" waited 1d for an agent that offers "nobody"',
  ],
  [
    'a parallel',
    parallel('p', [step('slow', { timeout: 0 })], { totalTimeout: '2h' }),
    'TOTAL_TIMEOUT',
    '"p" took longer than its totalTimeout of 2h',
  ],
  [
    'a loop that waits',
    loop('l', [{ id: 'v', type: 'set', set: 1 }], { until: 'false', delay: '1h', totalTimeout: '90m' }),
    'TOTAL_TIMEOUT',
    '"l" took longer than its totalTimeout of 90m',
  ],
  [
    'a wait',
    { id: 'w', type: 'wait', for: '3d', totalTimeout: '2d' },
    'TOTAL_TIMEOUT',
    '"w" took longer than its totalTimeout of 2d',
  ],
  [
    'a signal',
    { id: 's', type: 'signal', signal: 'go', timeout: '2d' },
    'SIGNAL_TIMEOUT',
    '"s" waited 2d for signal "go"',
  ],
];

test.each(cases)('the time of %s is told as it was written', async (_, source, code, message) => {
  expect(await lastWordsOf(source)).toMatchObject({ status: 'FAILED', code, message });
});

test('the time of a run is told as it was written', async () => {
  const told = await lastWordsOf(step('slow', { timeout: 0 }), { timeout: '2d' });
  expect(told).toMatchObject({ status: 'TIMED_OUT', code: 'RUN_TIMEOUT' });
  expect(told.message).toBe('the run took longer than its timeout of 2d');
});

test('a timer that comes late, for a step that has not begun (again), ends nothing', async () => {
  await using mesh = await TestMesh.start();
  mesh.agent('worker').setResponse('a', 1).setDelay('a', '1h');
  const b = step('b', { totalTimeout: '1s', queueTimeout: '1s' });
  const run = await mesh.startWorkflow(flow([step('a'), b, parallel('p', [step('c')], { totalTimeout: '1s' })]));
  await mesh.advance('10s');
  const { state } = await mesh.controlPlane.getRun('default', run.id);
  const values = { get: () => undefined };
  for (const path of ['b', 'p', 'c']) {
    const command = { type: 'TimerFired', path, attempt: 1, heardAt: 0, mayRunUntil: 0 } as const;
    expect(decide(state, command, { now: mesh.clock.now(), values }).events).toEqual([]);
  }
});
