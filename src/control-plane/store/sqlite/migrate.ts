/** Numbered SQL files, forward only; `PRAGMA user_version` is the number of the last one applied. */
import { readdirSync, readFileSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { YardmasterError } from '../../../core/errors.ts';
import { readNumber } from './read-number.ts';

/** "YARD": tells our files from other SQLite files. */
const APPLICATION_ID = 0x59415244;

interface Migration {
  readonly version: number;
  readonly sql: string;
}

/**
 * Brings the schema to this program's version, each step in a transaction, and answers that version. Throws SCHEMA_NEWER for
 * a file of a newer program and STORE_CORRUPT for a file of another one.
 */
export function migrate(db: DatabaseSync, file: string): number {
  const migrations = loadMigrations();
  const newest = migrations.length;
  const current = readNumber(db, 'PRAGMA user_version');
  mustBeOurs(db, file, current);
  if (current > newest) throw newerSchema(file, current, newest);
  for (const { version, sql } of migrations.slice(current)) {
    db.exec(
      `BEGIN IMMEDIATE; ${sql}; PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}; COMMIT`,
    );
  }
  return newest;
}

function loadMigrations(): Migration[] {
  const folder = new URL('./migrations/', import.meta.url);
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return names.map((name, index) => {
    const version = Number(name.slice(0, 4));
    if (version !== index + 1) throw new Error(`migration "${name}" is not number ${index + 1}`);
    return { version, sql: readFileSync(new URL(name, folder), 'utf8') };
  });
}

function mustBeOurs(db: DatabaseSync, file: string, version: number): void {
  const id = readNumber(db, 'PRAGMA application_id');
  const isEmpty = readNumber(db, 'SELECT count(*) FROM sqlite_schema') === 0;
  if (id === APPLICATION_ID || (isEmpty && version === 0)) return;
  throw new YardmasterError('STORE_CORRUPT', `cannot open store "${file}": it is a SQLite file of another program`, {
    meta: { file },
    next: 'name another file',
  });
}

function newerSchema(file: string, current: number, newest: number): YardmasterError {
  const fact = `its schema is version ${current}, this program knows ${newest}`;
  return new YardmasterError('SCHEMA_NEWER', `cannot open store "${file}": ${fact}`, {
    meta: { file, schema: String(current), known: String(newest) },
    next: 'start the newer version of yardmaster that last used it',
  });
}
