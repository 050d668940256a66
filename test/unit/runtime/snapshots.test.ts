/** When a snapshot is written, what is in it, and that nothing in a state is left out of it. */
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { toPlain } from '../../../src/control-plane/engine/plain-state.ts';
import { isBodyStep, type RunState, type Step } from '../../../src/control-plane/engine/state.ts';
import { RunHolder } from '../../../src/control-plane/runtime/run-holder.ts';
import { RunLoader } from '../../../src/control-plane/runtime/run-loader.ts';
import {
  countRow,
  decodeSnapshot,
  encodeSnapshot,
  SNAPSHOT_FORMAT,
} from '../../../src/control-plane/runtime/snapshots.ts';
import { encodeTree } from '../../../src/control-plane/runtime/tree-codec.ts';
import { limits } from '../../../src/core/limits.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { TestMesh } from '../../../src/testing/index.ts';
import { flow, loop, map, parallel, step } from '../engine/flow.ts';

const before = { ...limits };
afterEach(() => {
  Object.assign(limits, before);
});

const ITEMS = [1, 2, 3, 4];

/** A state with all kinds of parts: a loop in its third iteration, items that run, ended and may have to be undone, signals, attempts. */
async function someState(): Promise<RunState> {
  const mesh = await TestMesh.start({ secrets: { TOKEN: 's' } });
  onTestFinished(async () => mesh[Symbol.asyncDispose]());
  let calls = 0;
  mesh
    .agent('worker')
    .setResponse('fast', 1)
    .setResponse('undo', 1)
    .failWith('weak', 'AGAIN')
    .setResponse('slow', 1)
    .setDelay('slow', '1h')
    .setResponse('some', () => {
      calls += 1;
      return calls;
    });
  const undone = step('some', { compensate: step('undo', { parameters: { token: 'secret:TOKEN' } }) });
  const body = [step('fast'), { id: 'pause', type: 'wait', for: '10m', dependencies: ['fast'] }];
  const run = await mesh.startWorkflow(
    flow(
      [
        parallel('both', [
          loop('poll', [...body, step('weak', { retry: { tries: 9, backoff: '1h' } })], { while: 'true' }),
          map('each', ITEMS, { id: 'one', type: 'sequential', steps: [undone, step('slow')] }, { concurrency: 2 }),
        ]),
        { id: 'ask', type: 'signal', signal: 'go', dependencies: ['both'] },
      ],
      { secrets: ['TOKEN'] },
    ),
  );
  await mesh.orchestrator.signal(run.id, 'go', { n: 1 });
  await mesh.advance('25m');
  const { state } = await mesh.controlPlane.getRun('default', run.id);
  return state;
}

it('gives back the state that it was made of, in full', async () => {
  const state = await someState();
  const { runId, position } = state;
  const bytes = encodeSnapshot(state) ?? new Uint8Array();
  expect(decodeSnapshot({ runId, position, bytes }, state.workflow)).toStrictEqual(state);
});

/**
 * Fields are in a snapshot by themselves, but one of a program that had other fields, or meant something else by them, must not be
 * read. When this fails, raise SNAPSHOT_FORMAT.
 */
it('has a format that changes with the fields of a state', async () => {
  const state = await someState();
  const steps: Step[] = [...state.root.steps];
  for (const at of steps)
    if (isBodyStep(at))
      for (const frame of [at.detail?.loop?.frame, ...(at.detail?.map?.frames.values() ?? [])])
        steps.push(...(frame?.steps ?? []));
  const keysOf = (parts: readonly (object | undefined)[]): readonly string[] =>
    [...new Set(parts.flatMap((part) => Object.keys(part ?? {})))].sort();
  const details = steps.map(({ detail }) => detail);
  expect({
    format: SNAPSHOT_FORMAT,
    run: keysOf([state]),
    frame: keysOf([state.root]),
    step: keysOf(steps),
    detail: keysOf(details),
    attempt: keysOf(details.flatMap((detail) => detail?.attempts ?? [])),
    loop: keysOf(details.map((detail) => detail?.loop)),
    map: keysOf(details.map((detail) => detail?.map)),
    signal: keysOf(state.signals),
  }).toEqual({
    format: 2,
    run: `bodyNumber bodyNumberBefore cancelRequests cleanupFailures createdAt deadlineAt endedAt ending failure journalBytes labels
      namespace openFinally openRoots output owed params parent pausedAt position priority requestId retryOf root runId secrets
      signalCount signalRequests signals startedAt status strayUntil try tryAt workflow`.split(/\s+/),
    frame: ['last', 'number', 'numbersBefore', 'owner', 'prefix', 'steps'],
    step: `detail failedTries frame input isQueued node pendingDependencies queuedAt readyAt status`.split(' '),
    detail:
      `activeChildren attempts backoffUntil branch child childFailure completedChildren cursor endedAt failure fellBack key loop
      map olderAttempts openChildren output retryAt secrets skip stoppingUntil takenOver title waitUntil waitingFrom`.split(
        /\s+/,
      ),
    attempt:
      `agentId deadlineAt endedAt failure hasLateResult idempotent instanceId isAccepted isResumed isUnconfirmed isUnreachable
      number outcome startedAt try`.split(/\s+/),
    loop: ['frame', 'iterations', 'kept', 'last'],
    map: ['count', 'ended', 'failed', 'frames', 'items', 'kept', 'next', 'outputBytes', 'outputs', 'started'],
    signal: ['actor', 'name', 'number', 'payload'],
  });
});

it('is due after so many rows, and again after as many', async () => {
  const state = await someState();
  const holder = new RunHolder(state.runId);
  holder.state = state;
  Object.assign(limits, { snapshotRows: 3 });
  const due = Array.from({ length: 7 }, () => countRow(holder, state.position)?.position);
  const { position } = state;
  expect(due).toEqual([undefined, undefined, position, undefined, undefined, position, undefined]);
});

it('waits for the next row while a decision waits for values, and is not made of a run that is over', async () => {
  const state = await someState();
  const holder = new RunHolder(state.runId);
  Object.assign(limits, { snapshotRows: 1 });
  expect(countRow(holder, state.position)).toBeUndefined();
  holder.state = state;
  expect(countRow(holder, state.position - 1)).toBeUndefined();
  expect(countRow(holder, state.position)).toBeDefined();
  state.status = 'FAILED';
  expect(countRow(holder, state.position)).toBeUndefined();
});

it('has at most snapshotBytesMax bytes, or is not written', async () => {
  const state = await someState();
  const holder = new RunHolder(state.runId);
  holder.state = state;
  const { length = 0 } = encodeTree(toPlain(state)) ?? {};
  Object.assign(limits, { snapshotRows: 1, snapshotBytesMax: length });
  expect(countRow(holder, state.position)).toBeDefined();
  Object.assign(limits, { snapshotBytesMax: length - 1 });
  expect(countRow(holder, state.position)).toBeUndefined();
});

it('costs a short run nothing: one read, and no question for a snapshot', async () => {
  const mesh = await TestMesh.start();
  onTestFinished(async () => mesh[Symbol.asyncDispose]());
  mesh.agent('worker').setResponse('a', 1);
  const run = await mesh.startWorkflow(flow([step('a')]));
  const { state } = await mesh.controlPlane.getRun('default', run.id);
  const asked: string[] = [];
  const loader = new RunLoader({
    store: {
      loadJournal: async (runId) => {
        asked.push('journal');
        return [{ runId, position: 0, events: mesh.journal(runId) }];
      },
      loadSnapshot: async () => {
        asked.push('snapshot');
        return undefined;
      },
    },
    logger: silentLogger,
    workflowOf: async () => state.workflow,
  });
  expect(await loader.load(run.id)).toStrictEqual({ state, rows: 1 });
  expect(asked).toEqual(['journal']);
});
