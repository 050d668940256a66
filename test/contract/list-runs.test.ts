/** How SQLite finds a page of runs: by walking an index, and never far. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore, type RunFilter, type Store } from '../../src/control-plane/store/index.ts';
import { listRuns } from '../../src/control-plane/store/sqlite/list-runs.ts';
import { migrate } from '../../src/control-plane/store/sqlite/migrate.ts';
import { openDatabase } from '../../src/control-plane/store/sqlite/open-database.ts';
import { DEFAULT_TUNING } from '../../src/control-plane/store/sqlite/tuning.ts';
import { systemClock } from '../../src/core/clock.ts';
import { limits } from '../../src/core/limits.ts';
import { aBatch, aRun, insert, runId } from './store/rows.ts';

const filters: readonly RunFilter[] = [
  {},
  { workflow: 'etl' },
  { statuses: ['QUEUED'] },
  { statuses: ['QUEUED', 'RUNNING', 'ENDING'] },
  { labels: { env: 'prod' } },
  { failureCode: 'DOWN' },
  { parentRunId: runId(1) },
  { parentRunId: runId(1), statuses: ['RUNNING'] },
  { labels: { env: 'prod', team: 'a' }, statuses: ['FAILED', 'TIMED_OUT'], workflow: 'etl', from: runId(1) },
  { failureCode: 'DOWN', labels: { env: 'prod' }, workflow: 'etl' },
];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yardmaster-list-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a page of runs', () => {
  let db: DatabaseSync;

  beforeEach(() => {
    const file = join(folder, 'plans.db');
    db = openDatabase(file, DEFAULT_TUNING);
    migrate(db, file);
  });
  afterEach(() => db.close());

  it.each(filters)('is neither a scan nor a sort: %j', (filter) => {
    const texts: string[] = [];
    const prepare = (sql: string): StatementSync => {
      texts.push(sql);
      return db.prepare(sql);
    };
    listRuns(prepare, { namespace: 'default', before: '', limit: 50, ...filter });
    const steps = texts.flatMap((sql) =>
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map((row) => String(row.detail)),
    );
    expect(steps).toContainEqual(expect.stringMatching(/^SEARCH walked USING/));
    expect(steps.filter((step) => /SCAN|TEMP B-TREE/.test(step))).toEqual([]);
  });
});

describe('a mixture of conditions', () => {
  /** Even runs are of one workflow and odd ones have the label, so that two common conditions have nothing in common. */
  const count = limits.runsLookedAtMax * 4;
  let store: Store;

  beforeEach(async () => {
    store = openSqliteStore({ file: join(folder, 'many.db'), inline: true, clock: systemClock });
    const { epoch } = await store.open();
    const rows = Array.from({ length: count }, (_, number) => {
      const isEven = number % 2 === 0;
      const labels = { ...(!isEven && { env: 'prod' }), ...(number < 5 && { batch: 'first' }) };
      return aRun(number, { workflow: isEven ? 'even' : 'odd', labels });
    });
    await store.commit(aBatch(epoch, insert(...rows)));
  });
  afterEach(() => store.close());

  const list = (filter: RunFilter, before = '') =>
    store.listRuns({ namespace: 'default', limit: 3, before, ...filter });

  it('is found by the rarest, however many runs meet the others', async () => {
    const page = await list({ workflow: 'even', statuses: ['QUEUED'], labels: { batch: 'first' } });
    expect(page.runs.map((row) => row.runId)).toEqual([4, 2, 0].map(runId));
    expect(page.next).toBe('');
  });

  it('is looked for a bounded way per page: a short page says where the next one begins', async () => {
    const filter: RunFilter = { workflow: 'even', labels: { env: 'prod' }, statuses: ['QUEUED', 'RUNNING'] };
    const places: string[] = [];
    for (let before = ''; ; ) {
      const page = await list(filter, before);
      expect(page.runs).toEqual([]);
      before = page.next;
      if (before === '') break;
      places.push(before);
    }
    // Half of the runs are of the workflow: a page passes over twice as many.
    const way = limits.runsLookedAtMax * 2;
    expect(places).toEqual([count - way, count - 2 * way].map(runId));
  });
});
