import type { Airport, Strike } from './strike.ts';
import type { Summary, Totals } from './totals.ts';

export interface SummaryInput {
  readonly strikes: readonly Strike[];
  readonly airports: readonly Airport[];
  readonly totals: Totals;
}

/** Throws when the totals do not cover every strike exactly once: a summary that counts twice must not leave. */
export function summarize({ strikes, airports, totals }: SummaryInput): Summary {
  for (const [dimension, lines] of Object.entries(totals)) {
    const counted = lines.reduce((sum, line) => sum + line.strikes, 0);
    if (counted !== strikes.length) throw new Error(`${dimension} counts ${counted} of ${strikes.length} strikes`);
  }
  const dates = strikes.map((strike) => strike.date).toSorted();
  const hit = new Set(totals.airport.map((line) => line.key));
  return {
    strikes: strikes.length,
    damaged: totals.airport.reduce((sum, line) => sum + line.damaged, 0),
    cost: totals.airport.reduce((sum, line) => sum + line.cost, 0),
    firstDate: dates.at(0) ?? '',
    lastDate: dates.at(-1) ?? '',
    totals,
    airports: airports.filter((airport) => hit.has(airport.iata)).map(toSummaryAirport),
    places: airports.map((airport) => toPlace(airport)),
  };
}

function toSummaryAirport(airport: Airport): Summary['airports'][number] {
  const { iata, name, city, state } = airport;
  return { iata, name, city, state, place: toPlace(airport) };
}

/** Two decimals are a kilometre. */
function toPlace({ longitude, latitude }: Airport): [number, number] {
  return [Math.round(longitude * 100) / 100, Math.round(latitude * 100) / 100];
}
