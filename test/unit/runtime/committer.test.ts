/** How much goes into one commit, and in which order. */
import { afterEach, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/control-plane/engine/events.ts';
import { Committer } from '../../../src/control-plane/runtime/committer.ts';
import { RunHolder } from '../../../src/control-plane/runtime/run-holder.ts';
import type { StagedBatch } from '../../../src/control-plane/runtime/staged-batch.ts';
import { type Batch, createMemoryStore, StoreError } from '../../../src/control-plane/store/index.ts';
import { limits } from '../../../src/core/limits.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { noMetrics } from '../../../src/core/metrics.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

const { commitEventsMax, commitBlobBytesMax } = limits;
afterEach(() => {
  Object.assign(limits, { commitEventsMax, commitBlobBytesMax });
});

/** A committer whose store finishes one commit when it is told to. */
async function start() {
  const clock = new VirtualClock();
  const told: string[] = [];
  const failed: (readonly StagedBatch[])[] = [];
  const waiting: ((error?: Error) => void)[] = [];
  const batches: Batch[] = [];
  const store = createMemoryStore();
  store.commit = (batch) => {
    batches.push(batch);
    return new Promise((resolve, reject) => {
      waiting.push((error) => (error === undefined ? resolve() : reject(error)));
    });
  };
  const committer = new Committer({
    store,
    clock: clock.fork(),
    metrics: noMetrics,
    logger: silentLogger,
    epoch: 1,
    beforeSeal: () => told.push('assign'),
    afterEffects: () => undefined,
    onFailed: (undone) => failed.push(undone),
  });
  let position = 0;
  const stage = (name: string, { events = 1, blobBytes = 0 } = {}): void => {
    const { current } = committer;
    const list = Array.from({ length: events }, (): RunEvent => ({ type: 'StepQueued', at: 1, path: name }));
    current.addEvents(new RunHolder(name), position, list);
    position += events;
    if (blobBytes > 0) current.addBlob({ runId: name, blobId: name, bytes: new Uint8Array(blobBytes) });
    current.effects.push(() => told.push(name));
    committer.kick();
  };
  const finish = async (error?: Error): Promise<void> => {
    waiting.shift()?.(error);
    await clock.settle();
  };
  const written = (): readonly string[] => batches.map(({ journal }) => journal.map(({ runId }) => runId).join(' '));
  stage('first');
  await clock.settle();
  return { committer, told, failed, stage, finish, written };
}

it('cuts what is staged while the writer is busy after commitEventsMax events, and keeps the order', async () => {
  Object.assign(limits, { commitEventsMax: 3 });
  const { committer, told, stage, finish, written } = await start();
  stage('a', { events: 2 });
  stage('b');
  stage('c', { events: 2 });
  const durable = committer.barrier();
  expect(written()).toEqual(['first']);
  await finish();
  expect(written()).toEqual(['first', 'a b']);
  expect(committer.isBusy).toBe(true);
  await finish();
  expect(written()).toEqual(['first', 'a b', 'c']);
  await finish();
  expect(await durable).toBe(true);
  // Nothing is assigned into a batch that has enough.
  expect(told).toEqual(['assign', 'first', 'assign', 'a', 'b', 'assign', 'c']);
  expect(committer.isBusy).toBe(false);
});

it('cuts after commitBlobBytesMax bytes of values, and finds values that wait', async () => {
  Object.assign(limits, { commitBlobBytesMax: 100 });
  const { committer, stage, finish, written } = await start();
  stage('a', { blobBytes: 99 });
  stage('b', { blobBytes: 1 });
  stage('c', { blobBytes: 7 });
  expect(committer.findBlob('b', 'b')).toHaveLength(1);
  expect(committer.findBlob('c', 'c')).toHaveLength(7);
  await finish();
  await finish();
  expect(written()).toEqual(['first', 'a b', 'c']);
});

it('undoes everything behind a commit that failed, in order', async () => {
  Object.assign(limits, { commitEventsMax: 1 });
  const { committer, failed, stage, finish, written } = await start();
  for (const name of ['a', 'b', 'c']) stage(name);
  const durable = committer.barrier();
  await finish(new StoreError('FULL', 'disk full'));
  expect(await durable.then(String)).toBe('false');
  const undone = failed.flat().map(({ holders }) => [...holders.keys()].map(({ runId }) => runId));
  expect(undone).toEqual([['first'], ['a'], ['b'], ['c']]);
  expect(written()).toEqual(['first']);
  committer.resume();
  stage('d');
  await finish();
  expect(written()).toEqual(['first', 'd']);
});
