/** From the sources' text to typed rows: without exact duplicates, with numbers, with one word for an unknown species. */
import { StepError } from 'yardmaster/agent-sdk';
import type { Airport, Strike } from './strike.ts';
import type { Table } from './table.ts';

export interface CleanCounts {
  readonly rowsIn: number;
  readonly rowsKept: number;
  readonly duplicates: number;
  /** Strikes whose species got another spelling, `unknown` included. */
  readonly speciesNormalized: number;
  readonly unknownSpecies: number;
  readonly speedsMissing: number;
}

export interface CleanStrikes {
  readonly strikes: readonly Strike[];
  readonly counts: CleanCounts;
}

type RawRow = Readonly<Record<string, string>>;

/** Throws NOTHING_TO_CLEAN when no row was changed or dropped: then these are not the raw sources. */
export function cleanStrikes(tables: readonly Table[]): CleanStrikes {
  const records = tables.flatMap(readRecords);
  const distinct = dropDuplicates(records);
  const strikes = distinct.map(toStrike);
  const counts: CleanCounts = {
    rowsIn: records.length,
    rowsKept: strikes.length,
    duplicates: records.length - distinct.length,
    speciesNormalized: strikes.filter((strike, i) => strike.species !== distinct[i]?.['Wildlife Species']).length,
    unknownSpecies: strikes.filter((strike) => strike.species === 'unknown').length,
    speedsMissing: strikes.filter((strike) => strike.speed === null).length,
  };
  if (counts.duplicates + counts.speciesNormalized + counts.speedsMissing === 0) {
    throw new StepError('NOTHING_TO_CLEAN', `none of ${records.length} rows needed cleaning`, { retryable: false });
  }
  return { strikes, counts };
}

export function cleanAirports(table: Table): Airport[] {
  return readRecords(table).map((record) => ({
    iata: text(record, 'iata'),
    name: text(record, 'name'),
    city: text(record, 'city'),
    state: text(record, 'state'),
    latitude: number(record, 'latitude'),
    longitude: number(record, 'longitude'),
  }));
}

/** `Unknown bird - small`, `Unknown bird or bat` and the like are one word; the size has a column of its own. */
export function normalizeSpecies(species: string): string {
  const name = species.trim().replaceAll(/\s+/g, ' ').toLowerCase();
  return name === '' || name.startsWith('unknown') ? 'unknown' : name;
}

function readRecords({ columns, rows }: Table): RawRow[] {
  return rows.map((cells) => Object.fromEntries(columns.map((name, i) => [name, String(cells[i] ?? '').trim()])));
}

function dropDuplicates(records: readonly RawRow[]): RawRow[] {
  return [...new Map(records.map((record) => [JSON.stringify(Object.entries(record).toSorted()), record])).values()];
}

function toStrike(record: RawRow): Strike {
  return {
    airport: text(record, 'Airport Name'),
    aircraft: text(record, 'Aircraft Make Model'),
    damage: text(record, 'Effect Amount of damage'),
    date: text(record, 'Flight Date'),
    // A star marks former names of airlines.
    operator: text(record, 'Aircraft Airline Operator').replace(/\*$/, ''),
    state: text(record, 'Origin State'),
    phase: text(record, 'Phase of flight'),
    size: text(record, 'Wildlife Size'),
    species: normalizeSpecies(text(record, 'Wildlife Species')),
    time: text(record, 'Time of day'),
    cost: number(record, 'Cost Total $'),
    speed: record['Speed IAS in knots'] === '' ? null : number(record, 'Speed IAS in knots'),
  };
}

function text(record: RawRow, column: string): string {
  const value = record[column];
  if (value !== undefined) return value;
  throw new StepError('MISSING_COLUMN', `the source has no column "${column}"`, { retryable: false });
}

function number(record: RawRow, column: string): number {
  const value = text(record, column);
  if (value !== '' && Number.isFinite(Number(value))) return Number(value);
  throw new StepError('BAD_NUMBER', `column "${column}" holds "${value}"`, { retryable: false });
}
