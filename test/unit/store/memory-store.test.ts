import { describe, expect, it } from 'vitest';
import {
  createMemoryData,
  createMemoryStore,
  type MemoryData,
  type MemoryStore,
  StoreError,
  type StoreFaults,
} from '../../../src/control-plane/store/index.ts';
import { aBatch, aRun, insert, runId } from '../../contract/store/rows.ts';

interface Opened {
  readonly store: MemoryStore;
  readonly epoch: number;
  readonly data: MemoryData;
}

async function open(faults: StoreFaults = {}, data = createMemoryData()): Promise<Opened> {
  const store = createMemoryStore({ data, faults });
  const { epoch } = await store.open();
  return { store, epoch, data };
}

/** A promise that the test settles. */
function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let release = (): void => {};
  const promise = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { promise, open: () => release() };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe('the memory store under faults', () => {
  it('writes inside the call when no fault makes it wait', async () => {
    const { store, epoch, data } = await open();
    const commit = store.commit(aBatch(epoch, insert(aRun(1))));
    expect(data.runs.size).toBe(1);
    await commit;
  });

  it('keeps the order of the calls however long a fault delays one', async () => {
    const slow = gate();
    const { store, epoch, data } = await open({
      beforeCommit: (batch) => (batch.runs.length === 2 ? slow.promise : undefined),
    });
    const order: string[] = [];
    const commits = [
      store.commit(aBatch(epoch, insert(aRun(1), aRun(2)))).then(() => order.push('first')),
      store.commit(aBatch(epoch, insert(aRun(3)))).then(() => order.push('second')),
    ];
    await turn();
    expect(data.runs.size).toBe(0);
    slow.open();
    await Promise.all(commits);
    expect(order).toEqual(['first', 'second']);
    expect([...data.runs.keys()]).toEqual([runId(1), runId(2), runId(3)]);
  });

  it('writes nothing when the fault comes before the commit', async () => {
    const { store, epoch, data } = await open({
      beforeCommit: () => {
        throw new StoreError('FULL', 'no space');
      },
    });
    await expect(store.commit(aBatch(epoch, insert(aRun(1))))).rejects.toMatchObject({ kind: 'FULL' });
    expect(data.runs.size).toBe(0);
  });

  it('has written, and answers UNCLEAR, when the fault comes after the commit', async () => {
    const { store, epoch, data } = await open({ afterCommit: async () => Promise.reject(new Error('cut')) });
    const results = await Promise.allSettled([
      store.commit(aBatch(epoch, insert(aRun(1)))),
      store.commit(aBatch(epoch, insert(aRun(2)))),
    ]);
    expect(results).toMatchObject([{ reason: { kind: 'UNCLEAR' } }, { reason: { kind: 'ABANDONED' } }]);
    expect([...data.runs.keys()]).toEqual([runId(1)]);
    await store.reopen();
    expect(await store.getRun('default', runId(1))).toBeDefined();
  });

  it('after a crash writes nothing more and settles nothing', async () => {
    const slow = gate();
    const { store, epoch, data } = await open({ beforeCommit: () => slow.promise });
    const settled: string[] = [];
    for (const work of [store.commit(aBatch(epoch, insert(aRun(1)))), store.commit(aBatch(epoch))]) {
      work.finally(() => settled.push('commit'));
    }
    store.crash();
    store.getRun('default', runId(1)).finally(() => settled.push('read'));
    slow.open();
    await turn();
    expect(settled).toEqual([]);
    expect(data.runs.size).toBe(0);
  });

  it('fences the store that was open before on the same data', async () => {
    const first = await open();
    const second = await open({}, first.data);
    expect(second.epoch).toBe(first.epoch + 1);
    await expect(first.store.putBlobPart(runId(1), 'b', 0, Uint8Array.of(1))).rejects.toMatchObject({ kind: 'FENCED' });
    await expect(first.store.commit(aBatch(first.epoch, insert(aRun(1))))).rejects.toMatchObject({ kind: 'FENCED' });
    await expect(first.store.reopen()).rejects.toMatchObject({ kind: 'FENCED' });
    await second.store.commit(aBatch(second.epoch, insert(aRun(1))));
    expect(first.data.runs.size).toBe(1);
  });
});
