/** Strikes with the airport that they happened at. */
import { StepError } from 'yardmaster/agent-sdk';
import { AIRPORT_CODES } from './airport-codes.ts';
import type { Airport, Strike } from './strike.ts';

export interface JoinedStrike extends Strike {
  readonly iata: string;
  readonly city: string;
  readonly latitude: number;
  readonly longitude: number;
}

export type Join = (strike: Strike) => JoinedStrike;

/** The join throws UNKNOWN_AIRPORT for a name without a code, and for a code without an airport. */
export function createJoin(airports: readonly Airport[]): Join {
  const byCode = new Map(airports.map((airport) => [airport.iata, airport]));
  return (strike) => {
    const code = AIRPORT_CODES.get(strike.airport);
    const airport = code === undefined ? undefined : byCode.get(code);
    if (airport === undefined) {
      const fact = code === undefined ? 'it has no IATA code' : `no airport has its code ${code}`;
      throw new StepError('UNKNOWN_AIRPORT', `cannot place "${strike.airport}": ${fact}`, { retryable: false });
    }
    const { iata, city, latitude, longitude } = airport;
    return { ...strike, iata, city, latitude, longitude };
  };
}
