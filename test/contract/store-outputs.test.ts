/** What attempts write: what every adapter owes their chunks. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ChunkQuery, Store } from '../../src/control-plane/store/index.ts';
import { failureOf } from './store/failure.ts';
import { aBatch, aChunk, aJournal, anOutput, aRun, insert, NOW, runId } from './store/rows.ts';
import { type World, worlds } from './store/worlds.ts';

const STEP = { runId: runId(1), path: 'write', attempt: 1 };

describe.each(worlds)('outputs in $name', ({ create }) => {
  let world: World;
  let store: Store;
  let epoch: number;

  async function open(): Promise<void> {
    ({ store, epoch } = await world.open());
  }

  async function read(query: Partial<ChunkQuery> = {}): Promise<string[]> {
    const chunks = await store.loadChunks({ ...STEP, after: 0, limit: 100, ...query });
    return chunks.map(({ number, channel, kind, bytes }) => `${number} ${channel} ${kind} ${Buffer.from(bytes)}`);
  }

  beforeEach(async () => {
    world = create();
    await open();
  });
  afterEach(() => world.end());

  it('gives the chunks of an attempt back in their order, from any of them on, so many at once', async () => {
    await store.commit(aBatch(epoch, { outputs: [anOutput(1, 'write', 1, 1, ['a', 'b'])] }));
    await store.commit(
      aBatch(epoch, { outputs: [anOutput(1, 'write', 1, 3, ['c', '']), anOutput(1, 'write', 2, 1, ['other'])] }),
    );
    expect(await read()).toEqual(['1 main text a', '2 main text b', '3 main text c', '4 main text ']);
    expect(await read({ after: 1, limit: 2 })).toEqual(['2 main text b', '3 main text c']);
    expect(await read({ after: 4 })).toEqual([]);
    expect(await read({ attempt: 2 })).toEqual(['1 main text other']);
    expect(await read({ path: 'write/1' })).toEqual([]);
  });

  it('gives one channel, with the word that there is no more of the attempt', async () => {
    const chunks = [
      aChunk(1, 'a'),
      aChunk(2, 'e', { channel: 'errors' }),
      aChunk(3, 'b', { kind: 'data' }),
      aChunk(4, 'attempt', { channel: '', kind: 'cut' }),
    ];
    await store.commit(aBatch(epoch, { outputs: [{ ...STEP, number: 4, bytes: 9, isCut: true, chunks }] }));
    expect(await read({ channel: 'errors' })).toEqual(['2 errors text e', '4  cut attempt']);
    expect(await read({ channel: 'main', after: 1 })).toEqual(['3 main data b', '4  cut attempt']);
  });

  it('knows how much each attempt wrote, which was the last to write, and the sum of a run', async () => {
    const outputs = [
      anOutput(1, 'write', 1, 1, ['a']),
      anOutput(1, 'write', 3, 1, ['a', 'b']),
      anOutput(2, 'x', 1, 1, ['']),
    ];
    await store.commit(aBatch(epoch, { outputs }));
    expect(await store.getOutput(STEP)).toEqual({ ...STEP, number: 1, bytes: 10, isCut: false });
    expect(await store.getOutput({ ...STEP, attempt: 2 })).toBeUndefined();
    expect(await store.findLastOutput(runId(1), 'write')).toEqual({
      ...STEP,
      attempt: 3,
      number: 2,
      bytes: 20,
      isCut: false,
    });
    expect(await store.findLastOutput(runId(1), 'writ')).toBeUndefined();
    expect([await store.sumOutputs(runId(1)), await store.sumOutputs(runId(3))]).toEqual([30, 0]);
    await store.commit(aBatch(epoch, { outputs: [anOutput(1, 'write', 1, 2, ['b'], { isCut: true })] }));
    expect(await store.getOutput(STEP)).toEqual({ ...STEP, number: 2, bytes: 20, isCut: true });
    expect(await store.sumOutputs(runId(1))).toBe(40);
  });

  it('ignores a chunk that it has', async () => {
    await store.commit(aBatch(epoch, { outputs: [anOutput(1, 'write', 1, 1, ['a', 'b'])] }));
    await store.commit(aBatch(epoch, { outputs: [anOutput(1, 'write', 1, 2, ['changed', 'c'])] }));
    expect(await read()).toEqual(['1 main text a', '2 main text b', '3 main text c']);
  });

  it('has them after a crash, and none of a batch that was refused', async () => {
    await store.commit(aBatch(epoch, { journal: [aJournal(1, 0, 'a')], outputs: [anOutput(1, 'write', 1, 1, ['a'])] }));
    const refused = aBatch(epoch, { journal: [aJournal(1, 0, 'b')], outputs: [anOutput(1, 'write', 1, 2, ['b'])] });
    expect(await failureOf(store.commit(refused))).toBe('CONFLICT');
    expect(await read()).toEqual(['1 main text a']);
    await world.crash();
    await open();
    expect(await read()).toEqual(['1 main text a']);
    expect((await store.getOutput(STEP))?.number).toBe(1);
  });

  it('deletes them with their run', async () => {
    const over = aRun(1, { status: 'COMPLETED', endedAt: NOW + 1 });
    const outputs = [anOutput(1, 'write', 1, 1, ['a']), anOutput(2, 'write', 1, 1, ['b'])];
    await store.commit(aBatch(epoch, { ...insert(over, aRun(2)), outputs }));
    expect(await store.prune(NOW + 2, 10)).toEqual({ runs: 1, isMore: false });
    expect(await read()).toEqual([]);
    expect([await store.sumOutputs(runId(1)), await store.sumOutputs(runId(2))]).toEqual([0, 10]);
    expect(await read({ runId: runId(2) })).toEqual(['1 main text b']);
    // What comes next is not taken for a part of it.
    await store.commit(aBatch(epoch, { outputs: [anOutput(3, 'write', 1, 1, ['c'])] }));
    expect(await read({ runId: runId(3) })).toEqual(['1 main text c']);
  });
});
