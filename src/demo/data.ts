/** The data that travels with the package; data/NOTICE.md names its sources. The build puts it into `dist`. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type CsvTable, parseCsv } from './csv.ts';

const FOLDER = new URL('./dist/demo/data/', import.meta.resolve('yardmaster/package.json'));

export function readBirdStrikes(): CsvTable {
  return readData('birdstrikes.csv.gz');
}

export function readAirports(): CsvTable {
  return readData('airports.csv.gz');
}

function readData(name: string): CsvTable {
  return parseCsv(gunzipSync(readFileSync(new URL(name, FOLDER))).toString('utf8'));
}
