import { describe, expect, test } from 'vitest';
import { cleanAirports, cleanStrikes, normalizeSpecies } from '../../../examples/agents/typescript/strikes/clean.ts';
import { airportTable, ROW, strikeTable, tableOf } from './strikes.ts';

describe('cleaning the real data', () => {
  const { columns, rows } = strikeTable();
  const halves = [
    { columns, rows: rows.filter((_, i) => i % 2 === 0) },
    { columns, rows: rows.filter((_, i) => i % 2 === 1) },
  ];
  const { strikes, counts } = cleanStrikes(halves);

  test('drops the 24 exact duplicates, also across two sources', () => {
    expect(counts).toMatchObject({ rowsIn: 10_000, rowsKept: 9_976, duplicates: 24 });
    expect(strikes).toHaveLength(9_976);
  });

  test('has one word for the unknown species, and no capitals', () => {
    expect(strikes.filter(({ species }) => /unknown/i.test(species) && species !== 'unknown')).toEqual([]);
    expect(counts.unknownSpecies).toBe(7_987);
    expect(strikes.every(({ species }) => species === species.toLowerCase())).toBe(true);
  });

  test('types numbers, and keeps a missing speed missing', () => {
    expect(strikes.every(({ cost }) => Number.isFinite(cost))).toBe(true);
    expect(strikes.filter(({ speed }) => speed === null)).toHaveLength(counts.speedsMissing);
    expect(strikes.find(({ speed }) => speed !== null)?.speed).toBeTypeOf('number');
  });

  test('types the places of all airports', () => {
    const airports = cleanAirports(airportTable());
    expect(airports).toHaveLength(3_376);
    expect(airports.every(({ latitude, longitude }) => Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)).toBe(
      true,
    );
  });
});

describe('cleaning', () => {
  test('fails when nothing was to clean', () => {
    const clean = tableOf({ ...ROW, 'Wildlife Species': 'mallard' });
    expect(() => cleanStrikes([clean])).toThrow(expect.objectContaining({ code: 'NOTHING_TO_CLEAN' }));
    expect(cleanStrikes([clean, clean]).counts.duplicates).toBe(1);
  });

  test('fails for a number that is none, naming column and value', () => {
    const bad = tableOf({ ...ROW, 'Cost Total $': 'much' });
    expect(() => cleanStrikes([bad])).toThrow('column "Cost Total $" holds "much"');
  });

  test('fails for a source without a column', () => {
    const { columns, rows } = tableOf(ROW);
    const table = { columns: columns.slice(1), rows: rows.map((row) => row.slice(1)) };
    expect(() => cleanStrikes([table])).toThrow('the source has no column "Airport Name"');
  });

  test('trims every field and the star of former airlines', () => {
    const [strike] = cleanStrikes([tableOf({ ...ROW, 'Origin State': '  Colorado ' })]).strikes;
    expect(strike).toMatchObject({ state: 'Colorado', operator: 'US AIRWAYS' });
  });

  test.each([
    ['Unknown bird - small', 'unknown'],
    ['UNKNOWN BIRD OR BAT', 'unknown'],
    ['', 'unknown'],
    [' Red-tailed  hawk ', 'red-tailed hawk'],
  ])('normalizes the species "%s" to "%s"', (given, wanted) => {
    expect(normalizeSpecies(given)).toBe(wanted);
  });
});
