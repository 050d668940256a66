/** Snapshots of runs: what every adapter owes them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SnapshotRow, Store } from '../../src/control-plane/store/index.ts';
import { failureOf } from './store/failure.ts';
import { aBatch, aJournal, aRun, insert, NOW, runId } from './store/rows.ts';
import { type World, worlds } from './store/worlds.ts';

function aSnapshot(number: number, position: number, ...bytes: number[]): SnapshotRow {
  return { runId: runId(number), position, bytes: Uint8Array.from(bytes) };
}

describe.each(worlds)('snapshots in $name', ({ create }) => {
  let world: World;
  let store: Store;
  let epoch: number;

  async function open(): Promise<void> {
    ({ store, epoch } = await world.open());
  }

  async function read(number: number): Promise<SnapshotRow | undefined> {
    const row = await store.loadSnapshot(runId(number));
    return row === undefined ? undefined : { ...row, bytes: new Uint8Array(row.bytes) };
  }

  beforeEach(async () => {
    world = create();
    await open();
  });
  afterEach(() => world.end());

  it('keeps the newest of each run', async () => {
    const both = [aSnapshot(1, 4, 1, 2, 3), aSnapshot(2, 7)];
    await store.commit(aBatch(epoch, { journal: [aJournal(1, 0, 'a', 'b', 'c', 'd')], snapshots: both }));
    expect(await read(1)).toStrictEqual(both[0]);
    expect(await read(2)).toStrictEqual(both[1]);
    expect(await read(3)).toBeUndefined();
    await store.commit(aBatch(epoch, { snapshots: [aSnapshot(1, 9, 4)] }));
    expect(await read(1)).toStrictEqual(aSnapshot(1, 9, 4));
    expect(await read(2)).toStrictEqual(both[1]);
  });

  it('has it after a crash, if the commit of its row was there', async () => {
    await store.commit(aBatch(epoch, { journal: [aJournal(1, 0, 'a')], snapshots: [aSnapshot(1, 1, 9)] }));
    await world.crash();
    await open();
    expect(await read(1)).toStrictEqual(aSnapshot(1, 1, 9));
  });

  it('writes none whose row is refused', async () => {
    await store.commit(aBatch(epoch, { journal: [aJournal(1, 0, 'a')], snapshots: [aSnapshot(1, 1, 1)] }));
    const refused = aBatch(epoch, {
      journal: [aJournal(2, 0, 'x'), aJournal(1, 0, 'b')],
      snapshots: [aSnapshot(2, 1, 2), aSnapshot(1, 1, 2)],
    });
    expect(await failureOf(store.commit(refused))).toBe('CONFLICT');
    expect(await read(2)).toBeUndefined();
    expect(await read(1)).toStrictEqual(aSnapshot(1, 1, 1));
  });

  it('deletes it with its run', async () => {
    const over = aRun(1, { status: 'COMPLETED', endedAt: NOW + 1 });
    const snapshots = [aSnapshot(1, 1, 1), aSnapshot(2, 1, 2)];
    await store.commit(aBatch(epoch, { ...insert(over, aRun(2)), snapshots }));
    expect(await store.prune(NOW + 2, 10)).toEqual({ runs: 1, isMore: false });
    expect(await read(1)).toBeUndefined();
    expect(await read(2)).toStrictEqual(snapshots[1]);
  });
});
