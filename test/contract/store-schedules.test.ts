import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ScheduleChange, ScheduleRow, Store } from '../../src/control-plane/store/index.ts';
import { failureOf } from './store/failure.ts';
import { aBatch, aRun, aSchedule, aWorkflow, insert, NOW, runId } from './store/rows.ts';
import { type World, worlds } from './store/worlds.ts';

const put = (row: ScheduleRow): ScheduleChange => ({ type: 'put', row });

describe.each(worlds)('the store contract, schedules: $name', ({ create }) => {
  let world: World;
  let store: Store;
  let epoch: number;

  beforeEach(async () => {
    world = create();
    ({ store, epoch } = await world.open());
  });
  afterEach(() => world.end());

  const load = (): Promise<readonly ScheduleRow[]> => store.loadSchedules(undefined, 10);

  it('answers a schedule as it was written, also after a restart', async () => {
    const bare = aSchedule('bare');
    const full = aSchedule('full', {
      spec: { ...bare.spec, priority: 'high', overlap: 'cancelOther', catchUp: 'all', labels: { a: 'b "c"\n' } },
      isPaused: true,
      lastTick: { at: NOW - 5, outcome: 'FAILED', errorCode: 'WORKFLOW_NOT_FOUND' },
      lastRunId: runId(1),
    });
    await store.commit(aBatch(epoch, { schedules: [put(full), put(bare)] }));
    await world.crash();
    ({ store } = await world.open());
    expect(await load()).toStrictEqual([bare, full]);
  });

  it('lists by namespace and name, page after page', async () => {
    const rows = [aSchedule('b'), aSchedule('a'), aSchedule('a', { namespace: 'another' }), aSchedule('c')];
    await store.commit(aBatch(epoch, { schedules: rows.map(put) }));
    const first = await store.loadSchedules(undefined, 2);
    const names = (list: readonly ScheduleRow[]): string[] => list.map(({ namespace, name }) => `${namespace}/${name}`);
    expect(names(first)).toEqual(['another/a', 'default/a']);
    expect(names(await store.loadSchedules(first[1], 2))).toEqual(['default/b', 'default/c']);
    expect(await store.loadSchedules(aSchedule('c'), 2)).toEqual([]);
  });

  it('answers one by its namespace and name', async () => {
    await store.commit(aBatch(epoch, { schedules: [put(aSchedule('a')), put(aSchedule('b'))] }));
    expect(await store.getSchedule({ namespace: 'default', name: 'a' })).toStrictEqual(aSchedule('a'));
    expect(await store.getSchedule({ namespace: 'another', name: 'a' })).toBeUndefined();
    expect(await store.getSchedule({ namespace: 'default', name: 'c' })).toBeUndefined();
  });

  it('applies changes in order: the last one of a schedule counts', async () => {
    await store.commit(aBatch(epoch, { schedules: [put(aSchedule('a')), put(aSchedule('a', { seenAt: NOW + 1 }))] }));
    expect(await load()).toEqual([aSchedule('a', { seenAt: NOW + 1 })]);
    const gone = { type: 'delete', namespace: 'default', name: 'a' } as const;
    await store.commit(aBatch(epoch, { schedules: [put(aSchedule('a', { seenAt: NOW + 2 })), gone, gone] }));
    expect(await load()).toEqual([]);
  });

  it('writes what a new version makes of the schedule with the version, and nothing with a version that is there', async () => {
    const own = aSchedule('etl', { isOfWorkflow: true });
    const register = (hash: string, schedule?: ScheduleChange) =>
      store.putWorkflow(aWorkflow('etl', hash), undefined, schedule);
    await register('h1', put(own));
    expect(await load()).toStrictEqual([own]);
    const gone = { type: 'delete', namespace: 'default', name: 'etl' } as const;
    expect(await register('h1', gone)).toMatchObject({ created: false });
    await register('h2');
    await world.crash();
    ({ store } = await world.open());
    expect(await load()).toStrictEqual([own]);
    await register('h3', gone);
    await world.crash();
    ({ store } = await world.open());
    expect(await load()).toEqual([]);
    expect(await store.getWorkflow('default', 'etl', 0)).toMatchObject({ version: 3 });
  });

  it('writes a tick and its run together or not at all', async () => {
    await store.commit(aBatch(epoch, { ...insert(aRun(1, { requestId: 'q' })), schedules: [put(aSchedule('a'))] }));
    const ticked = put(aSchedule('a', { seenAt: NOW + 1, lastRunId: runId(2) }));
    const again = aBatch(epoch, { ...insert(aRun(2, { requestId: 'q' })), schedules: [ticked] });
    expect(await failureOf(store.commit(again))).toBe('CONFLICT');
    await store.reopen();
    expect(await load()).toEqual([aSchedule('a')]);
  });
});
