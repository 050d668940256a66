/** What strikes are counted by. A total is one line: strikes, damaged aircraft and cost, per dimension and key. */
import { z } from 'zod';
import type { JoinedStrike } from './join.ts';

/** Knots per column of the speed histogram. */
const SPEED_STEP = 20;

export const DIMENSIONS = {
  month: (strike) => strike.date.slice(0, 7),
  airport: (strike) => strike.iata,
  airportYear: (strike) => `${strike.iata} ${strike.date.slice(0, 4)}`,
  species: (strike) => strike.species,
  size: (strike) => strike.size,
  phase: (strike) => strike.phase,
  time: (strike) => strike.time,
  damage: (strike) => strike.damage,
  operator: (strike) => strike.operator,
  speed: ({ speed }) => (speed === null ? 'unknown' : `${Math.floor(speed / SPEED_STEP) * SPEED_STEP}`),
} as const satisfies Readonly<Record<string, (strike: JoinedStrike) => string>>;

export type Dimension = keyof typeof DIMENSIONS;

export const Total = z.object({
  key: z.string(),
  strikes: z.int().nonnegative(),
  damaged: z.int().nonnegative(),
  cost: z.number().nonnegative(),
});
export type Total = z.infer<typeof Total>;

const totalsShape = Object.fromEntries(Object.keys(DIMENSIONS).map((name) => [name, z.array(Total)])) as Readonly<
  Record<Dimension, z.ZodArray<typeof Total>>
>;
export const Totals = z.object(totalsShape);
export type Totals = z.infer<typeof Totals>;

export const DIMENSION_NAMES = Object.keys(DIMENSIONS) as readonly Dimension[];

export function isDamaging(strike: JoinedStrike): boolean {
  return strike.damage !== 'None';
}

/** What the transformer saves after each chunk: how many rows are in, and everything counted over exactly those. */
export const Checkpoint = z.object({ rows: z.int().nonnegative(), totals: Totals });
export type Checkpoint = z.infer<typeof Checkpoint>;

/** What the transformer gives to those who make outputs. */
export const Summary = z.object({
  strikes: z.int().positive(),
  damaged: z.int().nonnegative(),
  cost: z.number().nonnegative(),
  firstDate: z.iso.date(),
  lastDate: z.iso.date(),
  totals: Totals,
  /** The airports that strikes were reported from. */
  airports: z.array(
    z.object({
      iata: z.string(),
      name: z.string(),
      city: z.string(),
      state: z.string(),
      place: z.tuple([z.number(), z.number()]),
    }),
  ),
  /** Longitude and latitude of every airport of the list: the backdrop of the map. */
  places: z.array(z.tuple([z.number(), z.number()])),
});
export type Summary = z.infer<typeof Summary>;
