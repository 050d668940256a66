/** The two source databases: bird strikes as text, as they were reported, split by year. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { CsvTable } from './csv.ts';

/** Strikes before this year are in db1, the others in db2. */
const SPLIT = '1998';
const DATE_COLUMN = 'Flight Date';

export interface SourceCounts {
  readonly rows: number;
  /** Rows that differ from all others, over both databases. */
  readonly distinct: number;
}

export function createSources(folder: string, strikes: CsvTable): void {
  const date = strikes.columns.indexOf(DATE_COLUMN);
  const isOld = (row: readonly string[]): boolean => (row[date] ?? '') < SPLIT;
  createSource(sourcePath(folder, 'db1'), { ...strikes, rows: strikes.rows.filter(isOld) });
  createSource(sourcePath(folder, 'db2'), { ...strikes, rows: strikes.rows.filter((row) => !isOld(row)) });
}

/** Counted in the databases themselves, by SQL: what a right result must agree with. */
export function countSources(folder: string): SourceCounts {
  using db = new DatabaseSync(sourcePath(folder, 'db1'), { readOnly: true });
  db.prepare('ATTACH ? AS second').run(sourcePath(folder, 'db2'));
  const count = (query: string): number => Number(db.prepare(`SELECT count(*) AS n FROM (${query})`).get()?.n);
  return {
    rows: count('SELECT * FROM main.strikes UNION ALL SELECT * FROM second.strikes'),
    distinct: count('SELECT * FROM main.strikes UNION SELECT * FROM second.strikes'),
  };
}

function sourcePath(folder: string, name: string): string {
  return join(folder, `${name}.db`);
}

function createSource(path: string, { columns, rows }: CsvTable): void {
  using db = new DatabaseSync(path);
  const names = columns.map((name) => `"${name.replaceAll('"', '""')}" TEXT NOT NULL`);
  db.exec(`CREATE TABLE strikes (${names.join(', ')}) STRICT; BEGIN`);
  const insert = db.prepare(`INSERT INTO strikes VALUES (${columns.map(() => '?').join(', ')})`);
  for (const row of rows) insert.run(...row);
  db.exec('COMMIT');
}
