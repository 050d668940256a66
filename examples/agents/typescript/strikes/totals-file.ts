/**
 * The transformer's own SQLite file: the joined strikes and what is counted over them.
 *
 * Invariant: a chunk's rows and its part of the totals are committed together, so the totals always cover exactly the rows
 * up to `rows`. With synchronous=FULL a commit that returned survives a power cut.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { JoinedStrike } from './join.ts';
import { type Checkpoint, DIMENSION_NAMES, DIMENSIONS, isDamaging, type Total, type Totals } from './totals.ts';

const SCHEMA = `
  CREATE TABLE strikes (
    row INTEGER PRIMARY KEY, date TEXT NOT NULL, iata TEXT NOT NULL, city TEXT NOT NULL, latitude REAL NOT NULL,
    longitude REAL NOT NULL, state TEXT NOT NULL, aircraft TEXT NOT NULL, operator TEXT NOT NULL, phase TEXT NOT NULL,
    time TEXT NOT NULL, species TEXT NOT NULL, size TEXT NOT NULL, damage TEXT NOT NULL, cost REAL NOT NULL, speed REAL
  ) STRICT;
  CREATE INDEX strikes_by_airport ON strikes (iata, date);
  CREATE TABLE totals (
    dimension TEXT NOT NULL, key TEXT NOT NULL, strikes INTEGER NOT NULL, damaged INTEGER NOT NULL, cost REAL NOT NULL,
    PRIMARY KEY (dimension, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE progress (rows INTEGER NOT NULL) STRICT;
  INSERT INTO progress VALUES (0);
`;
const ADD_STRIKE = `
  INSERT INTO strikes (row, date, iata, city, latitude, longitude, state, aircraft, operator, phase, time, species, size,
    damage, cost, speed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const ADD_TOTAL = `
  INSERT INTO totals (dimension, key, strikes, damaged, cost) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET strikes = strikes + excluded.strikes, damaged = damaged + excluded.damaged,
    cost = cost + excluded.cost`;

export class TotalsFile implements Disposable {
  readonly #db: DatabaseSync;
  readonly #addStrike: StatementSync;
  readonly #addTotal: StatementSync;
  #rows = 0;

  /** `path` must not exist: each attempt writes a file of its own. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec('PRAGMA synchronous = FULL');
    this.#commit(() => this.#db.exec(SCHEMA));
    this.#addStrike = this.#db.prepare(ADD_STRIKE);
    this.#addTotal = this.#db.prepare(ADD_TOTAL);
  }

  /** Rows counted so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Begins with what an earlier attempt had counted. */
  restore({ rows, totals }: Checkpoint): void {
    this.#commit(() => {
      for (const dimension of DIMENSION_NAMES) for (const line of totals[dimension]) this.#count(dimension, line);
      this.#setRows(rows);
    });
  }

  /** Commits the next rows and what they count. */
  add(strikes: readonly JoinedStrike[]): void {
    this.#commit(() => {
      for (const [i, strike] of strikes.entries()) this.#insert(this.#rows + i, strike);
      this.#setRows(this.#rows + strikes.length);
    });
  }

  /** Read back from the file, so that a checkpoint says what is durable. */
  checkpoint(): Checkpoint {
    const lines = this.#db.prepare('SELECT key, strikes, damaged, cost FROM totals WHERE dimension = ? ORDER BY key');
    const read = (dimension: string): Total[] => lines.all(dimension).map((line) => ({ ...line }) as unknown as Total);
    const totals = Object.fromEntries(DIMENSION_NAMES.map((dimension) => [dimension, read(dimension)])) as Totals;
    return { rows: this.#rows, totals };
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #insert(row: number, strike: JoinedStrike): void {
    const { date, iata, city, latitude, longitude, state, aircraft, operator, phase, time, species, size } = strike;
    const { damage, cost, speed } = strike;
    const place = [row, date, iata, city, latitude, longitude, state];
    this.#addStrike.run(...place, aircraft, operator, phase, time, species, size, damage, cost, speed);
    for (const dimension of DIMENSION_NAMES) {
      const key = DIMENSIONS[dimension](strike);
      this.#count(dimension, { key, strikes: 1, damaged: isDamaging(strike) ? 1 : 0, cost });
    }
  }

  #count(dimension: string, { key, strikes, damaged, cost }: Total): void {
    this.#addTotal.run(dimension, key, strikes, damaged, cost);
  }

  #setRows(rows: number): void {
    this.#db.prepare('UPDATE progress SET rows = ?').run(rows);
    this.#rows = rows;
  }

  /** The count in memory changes only with the file. */
  #commit(work: () => void): void {
    const before = this.#rows;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#rows = before;
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}
