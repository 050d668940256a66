import { expect, test } from 'vitest';
import { actOnRuns, type BulkOptions, type BulkProgress } from '../../../src/control-plane/runtime/bulk.ts';
import type { RunQuery, RunRow } from '../../../src/control-plane/store/index.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { limits } from '../../../src/core/limits.ts';
import { aRun } from '../../contract/store/rows.ts';

/** Pages of a store, one after another; `queries` is what was asked for. */
function storeOf(pages: readonly (readonly RunRow[])[], queries: RunQuery[] = []): BulkOptions['store'] {
  return {
    listRuns: async (query) => {
      const at = queries.push(query) - 1;
      return { runs: pages[at] ?? [], next: at + 1 < pages.length ? `p${at + 1}` : '' };
    },
  };
}

async function collect(options: Partial<BulkOptions>): Promise<readonly BulkProgress[]> {
  const told: BulkProgress[] = [];
  const signal = new AbortController().signal;
  const base = {
    store: storeOf([]),
    clock: systemClock,
    namespace: 'default',
    filter: {},
    before: '',
    act: undefined,
    signal,
  };
  for await (const progress of actOnRuns({ ...base, ...options })) told.push(progress);
  return told;
}

test('acts on each run in a turn of its own, and on a page before the next is read', async () => {
  const log: string[] = [];
  const queries: RunQuery[] = [];
  let turn = 0;
  const clock = {
    turn: (fn: () => void) => {
      turn += 1;
      systemClock.turn(fn);
    },
  };
  const act = async (row: RunRow): Promise<boolean> => {
    log.push(`${queries.length}:${turn} ${row.runId.slice(-1)}`);
    return row.runId.endsWith('1');
  };
  const store = storeOf([[aRun(3), aRun(2)], [], [aRun(1)]], queries);
  const told = await collect({ store, clock, act, filter: { workflow: 'etl' }, before: 'b' });
  expect(log).toEqual(['1:0 3', '1:1 2', '3:2 1']);
  expect(told.map(({ matched, changed, isDone }) => [matched, changed, isDone])).toEqual([
    [2, 0, false],
    [2, 0, false],
    [3, 1, true],
  ]);
  expect(queries.map(({ before, limit, workflow }) => [before, limit, workflow])).toEqual([
    ['b', limits.bulkPortion, 'etl'],
    ['p1', limits.bulkPortion, 'etl'],
    ['p2', limits.bulkPortion, 'etl'],
  ]);
});

test('only counts when there is nothing to do, on large pages', async () => {
  const queries: RunQuery[] = [];
  const told = await collect({ store: storeOf([[aRun(2)], [aRun(1)]], queries) });
  expect(told.at(-1)).toMatchObject({ matched: 2, changed: 0, isDone: true });
  expect(queries[0]?.limit).toBe(limits.pageSizeMax);
});

test('says the first failure when the rest of the page is through, and reads no further page', async () => {
  const queries: RunQuery[] = [];
  const done: string[] = [];
  const act = async ({ runId }: RunRow): Promise<boolean> => {
    if (runId.endsWith('3')) throw new Error('the disk is full');
    done.push(runId.slice(-1));
    return true;
  };
  const store = storeOf([[aRun(3), aRun(2)], [aRun(1)]], queries);
  await expect(collect({ store, act })).rejects.toThrow('the disk is full');
  expect(done).toEqual(['2']);
  expect(queries).toHaveLength(1);
});
