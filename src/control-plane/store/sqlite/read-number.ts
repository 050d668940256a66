import type { DatabaseSync } from 'node:sqlite';

/** The first column of the first row of `sql`; 0 when there is none. */
export function readNumber(db: DatabaseSync, sql: string): number {
  const [value] = Object.values(db.prepare(sql).get() ?? {});
  return typeof value === 'number' ? value : 0;
}
