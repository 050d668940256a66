/**
 * One control plane per store: `<file>-owner` is a small SQLite file in rollback mode, whose owner keeps `BEGIN IMMEDIATE`
 * open. Its one row says who that is and stays readable. The lock goes with the process, however it dies.
 *
 * Invariant: whoever holds the transaction wrote the row.
 */
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { YardmasterError } from '../../../core/errors.ts';
import { createPrivateFile } from './create-file.ts';
import { isBusy } from './sqlite-errors.ts';

export interface Owner {
  readonly pid: number;
  /** Wall milliseconds. */
  readonly since: number;
  /** Where it listens; '' when it does not. */
  readonly address: string;
}

/** Others may slip in between writing the row and taking the lock; then we write it again. */
const TRIES_MAX = 5;

export class OwnerLock {
  readonly #db: DatabaseSync;

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /** Throws STORE_OWNED, which names the owner. */
  static take(file: string, owner: Owner): OwnerLock {
    const lockFile = `${file}-owner`;
    createPrivateFile(lockFile);
    const db = new DatabaseSync(lockFile, { timeout: 0 });
    try {
      takeLock(db, owner);
      return new OwnerLock(db);
    } catch (error) {
      const refusal = isBusy(error) ? ownedError(file, readOwner(db)) : error;
      db.close();
      throw refusal;
    }
  }

  release(): void {
    this.#db.close();
  }
}

function takeLock(db: DatabaseSync, owner: Owner): void {
  const token = randomUUID();
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    db.exec('BEGIN IMMEDIATE');
    db.exec(
      'CREATE TABLE IF NOT EXISTS owner (id INTEGER PRIMARY KEY, pid INTEGER, since REAL, address TEXT, token TEXT)',
    );
    db.prepare('INSERT OR REPLACE INTO owner VALUES (1, ?, ?, ?, ?)').run(owner.pid, owner.since, owner.address, token);
    db.exec('COMMIT');
    db.exec('BEGIN IMMEDIATE');
    if (db.prepare('SELECT token FROM owner').get()?.token === token) return;
    db.exec('ROLLBACK');
  }
  throw new YardmasterError('STORE_OWNED', 'cannot take the store: several control planes start on it at once');
}

function readOwner(db: DatabaseSync): Owner | undefined {
  try {
    const row = db.prepare('SELECT pid, since, address FROM owner').get();
    return row === undefined
      ? undefined
      : { pid: Number(row.pid), since: Number(row.since), address: String(row.address) };
  } catch {
    // The owner is writing its row this moment: it exists, that is all we know.
    return undefined;
  }
}

function ownedError(file: string, owner: Owner | undefined): YardmasterError {
  const who = owner === undefined ? 'another control plane' : `the control plane with pid ${owner.pid}`;
  const where = owner === undefined || owner.address === '' ? '' : ` at ${owner.address}`;
  return new YardmasterError('STORE_OWNED', `cannot open store "${file}": ${who}${where} uses it`, {
    meta: { file, ...(owner === undefined ? {} : { pid: String(owner.pid), address: owner.address }) },
    next: owner === undefined ? 'stop the other control plane' : `stop it (kill ${owner.pid}), or name another file`,
  });
}
