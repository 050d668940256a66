/** The real data, as the extractors give it. */
import type { Table } from '../../../examples/agents/typescript/strikes/table.ts';
import { readAirports, readBirdStrikes } from '../../../src/demo/data.ts';

export function strikeTable(): Table {
  const { columns, rows } = readBirdStrikes();
  return { columns: [...columns], rows: rows.map((row) => [...row]) };
}

export function airportTable(): Table {
  const { columns, rows } = readAirports();
  return { columns: [...columns], rows: rows.map((row) => [...row]) };
}

export const ROW: Readonly<Record<string, string>> = {
  'Airport Name': 'DENVER INTL AIRPORT',
  'Aircraft Make Model': 'B-737',
  'Effect Amount of damage': 'None',
  'Flight Date': '1999-10-19',
  'Aircraft Airline Operator': 'US AIRWAYS*',
  'Origin State': 'Colorado',
  'Phase of flight': 'Approach',
  'Wildlife Size': 'Small',
  'Wildlife Species': 'Mallard',
  'Time of day': 'Day',
  'Cost Other': '0',
  'Cost Repair': '0',
  'Cost Total $': '0',
  'Speed IAS in knots': '140',
};

export function tableOf(...rows: readonly Readonly<Record<string, string>>[]): Table {
  const columns = Object.keys(ROW);
  return { columns, rows: rows.map((row) => columns.map((name) => row[name] ?? '')) };
}
