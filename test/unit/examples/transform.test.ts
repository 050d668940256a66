import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cleanAirports, cleanStrikes } from '../../../examples/agents/typescript/strikes/clean.ts';
import type { JoinedStrike } from '../../../examples/agents/typescript/strikes/join.ts';
import { createJoin } from '../../../examples/agents/typescript/strikes/join.ts';
import { summarize } from '../../../examples/agents/typescript/strikes/summary.ts';
import { Checkpoint } from '../../../examples/agents/typescript/strikes/totals.ts';
import { TotalsFile } from '../../../examples/agents/typescript/strikes/totals-file.ts';
import { limits } from '../../../src/core/limits.ts';
import { encodeValue } from '../../../src/core/value.ts';
import { airportTable, strikeTable } from './strikes.ts';

const CHUNK = 250;
const { strikes } = cleanStrikes([strikeTable()]);
const airports = cleanAirports(airportTable());
const joinAirport = createJoin(airports);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yardmaster-test-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function addAll(file: TotalsFile, rows: readonly JoinedStrike[]): void {
  while (file.rows < rows.length) file.add(rows.slice(file.rows, file.rows + CHUNK));
}

describe('the join', () => {
  test('places every strike of the real data', () => {
    const joined = strikes.map(joinAirport);
    expect(new Set(joined.map(({ iata }) => iata)).size).toBe(50);
  });

  test('fails for a name without a code, and for a code without an airport', () => {
    const strike = strikes[0] ?? expect.fail('no strike');
    expect(() => joinAirport({ ...strike, airport: 'NOWHERE INTL' })).toThrow(
      'cannot place "NOWHERE INTL": it has no IATA code',
    );
    const without = createJoin(airports.filter(({ iata }) => iata !== 'DEN'));
    expect(() => without({ ...strike, airport: 'DENVER INTL AIRPORT' })).toThrow('no airport has its code DEN');
  });
});

describe('the totals file', () => {
  const rows = strikes.slice(0, 2_000).map(joinAirport);

  test('counts the same when an attempt goes on from the checkpoint of another, whatever that one did after it', () => {
    using whole = new TotalsFile(join(folder, 'whole.db'));
    addAll(whole, rows);
    using first = new TotalsFile(join(folder, '1.db'));
    for (let i = 0; i < 3; i++) first.add(rows.slice(first.rows, first.rows + CHUNK));
    const checkpoint: unknown = JSON.parse(JSON.stringify(first.checkpoint()));
    first.add(rows.slice(first.rows, first.rows + CHUNK));
    using second = new TotalsFile(join(folder, '2.db'));
    second.restore(Checkpoint.parse(checkpoint));
    expect(second.rows).toBe(3 * CHUNK);
    addAll(second, rows);
    expect(second.checkpoint()).toEqual(whole.checkpoint());
  });

  test('keeps nothing of a chunk that failed', () => {
    using file = new TotalsFile(join(folder, 'x.db'));
    file.add(rows.slice(0, CHUNK));
    const before = file.checkpoint();
    const broken = { ...(rows[CHUNK] ?? expect.fail('no row')), city: null } as unknown as JoinedStrike;
    expect(() => file.add([...rows.slice(CHUNK, CHUNK + 5), broken])).toThrow('NOT NULL');
    expect(file.checkpoint()).toEqual(before);
    expect(file.rows).toBe(CHUNK);
  });

  test('has what it says it has, in the file', () => {
    const path = join(folder, 'x.db');
    {
      using file = new TotalsFile(path);
      addAll(file, rows);
    }
    using db = new DatabaseSync(path);
    expect(db.prepare('SELECT count(*) AS n FROM strikes').get()).toEqual({ n: 2_000 });
    expect(db.prepare('SELECT rows FROM progress').get()).toEqual({ rows: 2_000 });
    expect(db.prepare('SELECT DISTINCT sum(strikes) AS n FROM totals GROUP BY dimension').all()).toEqual([
      { n: 2_000 },
    ]);
  });
});

describe('a whole transformation', () => {
  test('counts every strike once in every dimension, and its checkpoints fit into a frame', () => {
    using file = new TotalsFile(join(folder, 'x.db'));
    addAll(file, strikes.map(joinAirport));
    const checkpoint = file.checkpoint();
    expect(encodeValue(checkpoint).length).toBeLessThan(limits.inlineWireBytesMax / 2);
    const summary = summarize({ strikes, airports, totals: checkpoint.totals });
    expect(summary).toMatchObject({
      strikes: 9_976,
      firstDate: '1990-01-08',
      lastDate: expect.stringMatching(/^2002/),
    });
    expect(summary.airports).toHaveLength(50);
    expect(summary.places).toHaveLength(3_376);
  }, 30_000);

  test('is refused when a strike counts twice or not at all', () => {
    using file = new TotalsFile(join(folder, 'x.db'));
    file.add(strikes.slice(0, CHUNK).map(joinAirport));
    const { totals } = file.checkpoint();
    const given = { strikes: strikes.slice(0, CHUNK + 1), airports, totals };
    expect(() => summarize(given)).toThrow('month counts 250 of 251 strikes');
  });
});
