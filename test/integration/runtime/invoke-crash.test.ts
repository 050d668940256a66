/** Calls over crashes and failed commits: each begins once, none is lost, and none stays open that no step waits for. */
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { type Batch, StoreError } from '../../../src/control-plane/store/port.ts';
import { type MockAgent, TestMesh, type TestMeshOptions } from '../../../src/testing/index.ts';
import { flow, parallel, step, stepThrough } from '../../unit/engine/flow.ts';
import { ASKING, callOfWork, callsOf, endsOf, ordersOf } from './call-stage.ts';

const CRASHES = ['before', 'after'].flatMap((when) => Array.from({ length: 6 }, (_, at) => ({ when, at })));

/** Crashes or fails at one commit, counted from `arm`. */
class Trap {
  private left = Number.POSITIVE_INFINITY;
  hasSprung = false;
  readonly faults: NonNullable<TestMeshOptions['faults']>;

  constructor(when: string, spring: () => void) {
    const look = (): void => {
      if (this.left-- !== 0) return;
      this.hasSprung = true;
      spring();
    };
    this.faults = when === 'before' ? { beforeCommit: look } : { afterCommit: look };
  }

  arm(at: number): void {
    this.left = at;
  }
}

function actors(mesh: TestMesh): { readonly caller: MockAgent; readonly callee: MockAgent } {
  const callee = mesh
    .agent('callee')
    .setResponse('work', ({ n }) => n + 1)
    .setDelay('work', '2s');
  const caller = mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    const [one, two] = await Promise.all([
      invoke('work', { n: 1 }, { key: 'one' }),
      invoke('work', { n: 2 }, { key: 'two' }),
    ]);
    return one + (await invoke('work', { n: two }, { key: 'three' }));
  });
  return { caller, callee };
}

test.each(CRASHES)('a crash $when commit $at begins no call twice and loses no answer', async ({ when, at }) => {
  const trap = new Trap(when, () => mesh.crash());
  const mesh = await TestMesh.start({ faults: trap.faults });
  await using _ = mesh;
  const { caller, callee } = actors(mesh);
  await mesh.registerWorkflow(ASKING);
  trap.arm(at);
  mesh.startWorkflow('Flow', {}, { requestId: 'once' }).catch(() => {});
  for (let i = 0; i < 40 && !trap.hasSprung; i++) await mesh.advance('250ms');
  expect(trap.hasSprung).toBe(true);
  await mesh.restart();
  const run = await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
  await stepThrough(mesh, run, 120_000);
  expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 6 });
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  expect(caller.calls).toHaveLength(1);
  expect(callee.calls.map(({ input }) => input)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(ordersOf(mesh)).toEqual(Array.from({ length: 3 }, () => ['start call#1 callee', 'end call#1 COMPLETED']));
  expect(mesh.data.tasks.size).toBe(0);
});

test.each(CRASHES.slice(0, 6))(
  'a commit $at that fails, and lands or does not, begins no call twice',
  async ({ at }) => {
    for (const when of ['before', 'after']) {
      const trap = new Trap(when, () => {
        throw new Error('no word of the disk');
      });
      await using mesh = await TestMesh.start({ faults: trap.faults });
      const { callee } = actors(mesh);
      await mesh.registerWorkflow(ASKING);
      trap.arm(at);
      const run = await mesh.startWorkflow('Flow', {}, { requestId: 'once' });
      await mesh.advance('1m');
      expect(trap.hasSprung).toBe(true);
      expect(await run.result()).toMatchObject({ status: 'COMPLETED', output: 6 });
      expect(callee.calls).toHaveLength(3);
      expect(endsOf(mesh)).toEqual(Array.from({ length: 3 }, () => 'call/work COMPLETED'));
    }
  },
);

describe.each([
  ['the end of the step', 'StepCompleted'],
  ['the cancel of the run', 'StepCancelled'],
  ['the failure of the step', 'StepFailed'],
] as const)('a crash with the commit of %s', (_, type) => {
  const isMeant = ({ journal }: Batch): boolean =>
    journal.some(({ events }) =>
      events.some((event: RunEvent) => event.type === type && 'path' in event && event.path === 'ask'),
    );

  test.each([
    ['leaves a run that goes on', [parallel('p', [step('ask', { onFailure: 'continue' }), step('long')])]],
    ['leaves a run that is over', [step('ask')]],
  ])('%s: the call is cancelled after the restart', async (_, steps) => {
    let isArmed = false;
    await using mesh = await TestMesh.start({
      faults: {
        afterCommit(batch) {
          if (!isArmed || !isMeant(batch)) return;
          isArmed = false;
          mesh.crash();
        },
      },
    });
    mesh.agent('callee').setResponse('work', 1).setDelay('work', '1h');
    mesh.agent('other').setResponse('long', 1).setDelay('long', '1h');
    let end: 'return' | 'throw' | 'wait' = 'wait';
    mesh.agent('caller').setResponse('ask', async (_, { invoke, signal }) => {
      invoke('work', {}, { key: 'k' }).catch(() => {});
      while (end === 'wait') await mesh.sleep('1s', signal);
      if (end === 'throw') throw new Error('broken');
    });
    const run = await mesh.startWorkflow(flow(steps));
    await mesh.advance('5s');
    expect(endsOf(mesh)).toEqual(['call/work RUNNING']);
    isArmed = true;
    if (type === 'StepCancelled') mesh.orchestrator.cancelRun(run.id).catch(() => {});
    else end = type === 'StepFailed' ? 'throw' : 'return';
    await mesh.advance('5s');
    expect(isArmed).toBe(false);
    const [call] = callsOf(mesh);
    expect(mesh.journal(call?.runId ?? '').map((event) => event.type)).not.toContain('CancelRequested');
    await mesh.restart();
    await mesh.advance('1m');
    expect(endsOf(mesh)).toEqual(['call/work CANCELLED']);
    expect(ordersOf(mesh)).toEqual([['start call#1 callee', 'end call#1 CANCELLED']]);
    const isOver = steps.length === 1 && !('steps' in (steps[0] ?? {}));
    expect(mesh.journal(run.id).some((event) => event.type === 'RunEnded')).toBe(isOver || type === 'StepCancelled');
  });
});

test('a disk that is full for long refuses calls again and again, and then takes each once', async () => {
  let isFull = false;
  await using mesh = await TestMesh.start({
    faults: {
      beforeCommit() {
        if (isFull) throw new StoreError('FULL', 'disk full');
      },
    },
  });
  const count = 12;
  const callee = mesh.agent('callee', { slots: 50 }).setResponse('work', ({ n }) => n);
  mesh.agent('caller').setResponse('ask', async (_, { invoke }) => {
    await mesh.sleep('5s');
    isFull = true;
    const calls = Array.from({ length: count }, (_, n) => invoke('work', { n }, { key: `${n}` }));
    return (await Promise.all(calls)).length;
  });
  const run = await mesh.startWorkflow(ASKING);
  // More refusals than a step may have calls open.
  await mesh.advance('3m');
  expect(callsOf(mesh)).toEqual([]);
  isFull = false;
  await mesh.advance('1m');
  expect((await run.result()).output).toBe(count);
  expect(run).toHaveHistory(['ask#1 COMPLETED']);
  expect(callee.calls).toHaveLength(count);
  expect(endsOf(mesh)).toEqual(Array.from({ length: count }, () => 'call/work COMPLETED'));
});

test('a call that landed without a word is cancelled although nobody asks again', async () => {
  let failures = 0;
  const isStart = ({ journal }: Batch): boolean =>
    journal.some(({ events }) => events.some((event) => event.type === 'RunCreated' && event.parent !== undefined));
  // The start of a client is given up after the fifth failure, and this one has landed.
  const fail = (batch: Batch, isMeant: boolean): void => {
    if (!isMeant || !isStart(batch)) return;
    failures += 1;
    throw new Error('no word of the disk');
  };
  await using mesh = await TestMesh.start({
    faults: {
      beforeCommit: (batch) => fail(batch, failures < 4),
      afterCommit: (batch) => fail(batch, failures === 4),
    },
  });
  mesh.agent('callee').setResponse('work', 1).setDelay('work', '1h');
  const signal = new AbortController().signal;
  let answer: unknown;
  mesh.agent('caller').setResponse('ask', async (_, { attempt }) => {
    const events = mesh.controlPlane.invoke(callOfWork(attempt.runId), signal)[Symbol.asyncIterator]();
    // Not by the SDK, which would ask again.
    void events.next().catch(({ code }) => {
      answer = code;
    });
    await mesh.sleep('1m');
  });
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('50s');
  expect([failures, answer]).toEqual([5, 'STORE_FAILED']);
  expect(endsOf(mesh)).toEqual(['call/work RUNNING']);
  await mesh.advance('30s');
  expect((await run.result()).status).toBe('COMPLETED');
  expect(endsOf(mesh)).toEqual(['call/work CANCELLED']);
});

test('a call goes on over a restart while the step that made it is open', async () => {
  await using mesh = await TestMesh.start();
  const callee = mesh.agent('callee').setResponse('work', 'done').setDelay('work', '20s');
  mesh.agent('caller').setResponse('ask', (_, { invoke }) => invoke('work', {}, { key: 'k' }));
  const run = await mesh.startWorkflow(ASKING);
  await mesh.advance('5s');
  mesh.crash();
  await mesh.advance('5s');
  await mesh.restart();
  await mesh.advance('1m');
  expect((await run.result()).output).toBe('done');
  expect(callee.calls).toHaveLength(1);
});
