import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { readBirdStrikes } from '../../../src/demo/data.ts';
import { countSources, createSources } from '../../../src/demo/sources.ts';

test('the two source databases hold every strike between them, split by year', () => {
  const folder = mkdtempSync(join(tmpdir(), 'yardmaster-test-'));
  try {
    createSources(folder, readBirdStrikes());
    expect(countSources(folder)).toEqual({ rows: 10_000, distinct: 9_976 });
    const rangeOf = (name: string): unknown => {
      using db = new DatabaseSync(join(folder, `${name}.db`));
      return db.prepare('SELECT count(*) AS n, max("Flight Date") < \'1998\' AS old FROM strikes').get();
    };
    expect([rangeOf('db1'), rangeOf('db2')]).toEqual([
      { n: 5_365, old: 1 },
      { n: 4_635, old: 0 },
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
